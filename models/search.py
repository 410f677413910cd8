"""What a search goes by: the words of each case, apart from it and by whom they may be found; and views that people keep."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Dialect, ForeignKey, Index, SmallInteger, String, Text, TypeDecorator, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeEngine

from models.base import Base, Json, Record, Word, partial_index
from models.workflow import Role

# Of which texts the words are taken: the second time also of the answer that the citizen was given.
EDITION = 2
OF_AN_OLDER_EDITION = f"edition < {EDITION}"


class Words(TypeDecorator[list[str]]):
    """An array where the database has it, else one text with spaces between. No word holds a space."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(Text()) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: list[str] | None, dialect: Dialect) -> list[str] | str | None:
        return value if value is None or dialect.name == "postgresql" else " ".join(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> list[str] | None:
        return value.split() if isinstance(value, str) else value


class Audience(StrEnum):
    """Who finds a case by these words."""

    EVERYBODY = "everybody"
    TRUSTED = "trusted"  # of a shielded case: the people of the centre who handle such cases
    UNITS = "units"  # of a shielded case: what its units may read of it


class CaseWords(Base):
    """A row for each audience. SQLite keeps a full-text index beside the table, filled by triggers."""

    __tablename__ = "case_words"
    __table_args__ = (
        UniqueConstraint("case_id", "audience"),
        Index(None, "filed_at", "case_id"),
        Index("ix_case_words_words", "words", postgresql_using="gin"),
        partial_index("ix_case_words_older", "filed_at", where=OF_AN_OLDER_EDITION),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"))
    audience: Mapped[Audience] = mapped_column(Word(Audience, 16))
    filed_at: Mapped[datetime]
    words: Mapped[list[str]] = mapped_column(Words)
    edition: Mapped[int] = mapped_column(SmallInteger, default=EDITION, server_default="1")


class SavedView(Record):
    """A search under a name, its owner's or a whole role's. Each person finds by it what that person may see."""

    __tablename__ = "saved_view"
    __table_args__ = (UniqueConstraint("owner_id", "name"),)

    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    name: Mapped[str] = mapped_column(String(40))
    query: Mapped[dict[str, Any]] = mapped_column(Json)
    shared_with: Mapped[Role | None] = mapped_column(Word(Role, 32))
    opens_first: Mapped[bool] = mapped_column(default=False)
