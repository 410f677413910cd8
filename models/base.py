"""What every table shares: the declarative base, ids, times, names of constraints. Personal fields are in `models.privacy`."""

import random
import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import JSON, DateTime, Dialect, Index, MetaData, String, TypeDecorator, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


_as_if: ContextVar[datetime | None] = ContextVar("as_if", default=None)
_drawn: ContextVar[Callable[[], uuid.UUID] | None] = ContextVar("drawn", default=None)


# By this clock the city's days begin and end.
CITY_TIME = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """The current time, aware, in UTC. Nothing else in the house reads the clock."""
    return _as_if.get() or datetime.now(UTC)


def today() -> date:
    """The city's day. In UTC it is still yesterday until eight in the morning."""
    return now().astimezone(CITY_TIME).date()


@contextmanager
def as_if(moment: datetime) -> Iterator[None]:
    """Within the block it is `moment`: for demo cases that were filed, answered and overdue days ago."""
    token = _as_if.set(moment)
    try:
        yield
    finally:
        _as_if.reset(token)


def new_id() -> uuid.UUID:
    """A version 7 UUID (RFC 9562): later ids sort after earlier ones, so that inserts stay at the end of an index."""
    draw = _drawn.get()
    return draw() if draw else _version_7(time.time_ns() // 1_000_000 << 12 | secrets.randbits(12), secrets.randbits(62))


def _version_7(stamp: int, rest: int) -> uuid.UUID:
    """`stamp`: milliseconds, and twelve bits that tell apart what falls into one of them."""
    return uuid.UUID(int=(stamp >> 12) << 80 | 7 << 76 | (stamp & 0xFFF) << 64 | 2 << 62 | rest)


@contextmanager
def ids_drawn_by(chance: random.Random) -> Iterator[None]:
    """Within the block ids are of the moment that `now` tells, and drawn by `chance`: a history can be played again."""
    latest = 0

    def draw() -> uuid.UUID:
        nonlocal latest
        stamp = int(now().timestamp() * 1000) << 12
        # Of one moment the later id sorts after the earlier; it may reach a little into the next one.
        latest = latest + 1 if stamp <= latest < stamp + _A_MINUTE else stamp
        return _version_7(latest, chance.getrandbits(62))

    token = _drawn.set(draw)
    try:
        yield
    finally:
        _drawn.reset(token)


_A_MINUTE = 60_000 << 12


# The ids of all records of which the time tells when they came in. Figures by days begin at an id.
FIRST_DATED = uuid.UUID(int=1 << 80)


def undated_id() -> uuid.UUID:
    """Sorts before the ids of every day: no figures by days ever count such a record."""
    return uuid.UUID(int=new_id().int & FIRST_DATED.int - 1)


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index over the rows that meet a condition, on both databases."""
    return Index(
        name,
        *columns,
        unique=unique,
        postgresql_where=text(where),
        sqlite_where=text(where),
    )


W = TypeVar("W", bound=StrEnum)


class UtcTime(TypeDecorator[datetime]):
    """An aware time, stored as UTC on both databases; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Word(TypeDecorator[W], Generic[W]):
    """A StrEnum, stored as its word and read back as the enum; the database does not list the words, the code does."""

    impl = String
    cache_ok = True

    def __init__(self, words: type[W], length: int) -> None:
        super().__init__(length)
        self.words, self.length = words, length

    def process_bind_param(self, value: W | None, dialect: Dialect) -> str | None:
        return None if value is None else self.words(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> W | None:
        return None if value is None else self.words(value)


# Python lists and dicts; JSONB where the database has it.
Json = JSON().with_variant(JSONB(), "postgresql")


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 -- SQLAlchemy reads it
        datetime: UtcTime,
        uuid.UUID: Uuid,
        dict[str, Any]: Json,
        list[str]: Json,
        list[int]: Json,
    }


class Record(Base):
    """A row with an id of its own and the time it came into being."""

    __abstract__ = True

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id, sort_order=-2)
    created_at: Mapped[datetime] = mapped_column(default=now, sort_order=99)
