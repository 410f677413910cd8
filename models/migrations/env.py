"""Alembic's way to the database: the service's own settings, short lock waits, one transaction per revision."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import Engine, text

import models
from models.base import Json, UtcTime, Word
from models.privacy import EncryptedText


def render_item(kind: str, item: Any, _: object) -> str | Literal[False]:
    """Revisions spell plain column types, so that an old one still runs when our own types have changed."""
    if kind != "type":
        return False
    if isinstance(item, UtcTime):
        return "sa.DateTime(timezone=True)"
    if isinstance(item, EncryptedText):
        return "sa.LargeBinary()"
    if isinstance(item, Word):
        return f"sa.String(length={item.length})"
    if item is Json or getattr(item, "_variant_mapping", None):
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


def same_type(*compared: Any) -> bool | None:
    # Both databases keep these as one storage type; comparing the decorators would only report their names.
    return False if isinstance(compared[-1], (UtcTime, EncryptedText, Word)) else None


def is_compared(item: Any, name: str | None, kind: str, *_: object) -> bool:
    """On SQLite there is full-text search instead of GIN, with tables of its own that are no models."""
    if kind == "table":
        return not (name or "").startswith("case_words_fts")
    on_sqlite = context.get_bind().dialect.name == "sqlite"
    return not (kind == "index" and on_sqlite and item.dialect_options["postgresql"]["using"])


def run() -> None:
    engine: Engine = context.config.attributes["engine"]
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET lock_timeout = '5s'"))
            connection.commit()
        context.configure(
            connection=connection,
            target_metadata=models.Base.metadata,
            render_item=render_item,
            compare_type=same_type,
            include_object=is_compared,
            render_as_batch=connection.dialect.name == "sqlite",
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
