"""Past the ORM, for hot paths and for rows that two may write at once: statements made once, on the session's own connection."""

from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Column, Executable, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session, make_transient_to_detached

from models import Base

T = TypeVar("T", bound=Base)


def run(session: Session, statement: Executable, values: dict[str, Any]) -> CursorResult[Any]:
    """In the session's transaction; what the session still holds back is written first."""
    session.flush()
    return session.connection().execute(statement, values)


def insert(session: Session, row: T) -> T:
    """Write a new object's row at once, at half of what the unit of work takes for it; its defaults are filled in."""
    for column in table(type(row)).columns:
        if column.name not in vars(row):
            setattr(row, column.name, _default(column))
    run(session, _insert(type(row)), {column.name: getattr(row, column.name) for column in table(type(row)).columns})
    return stored(session, row)


@lru_cache
def _insert(entity: type[Base]) -> Executable:
    return table(entity).insert()


def _default(column: Column[Any]) -> Any:
    made: Any = column.default
    if made is None:
        return None
    return made.arg(None) if made.is_callable else made.arg


def insert_once(session: Session, entity: type[Base], values: dict[str, Any], *, unique: tuple[str, ...]) -> bool:
    """False if a row with the same `unique` columns is there. If somebody is just writing one, this waits for the outcome."""
    return run(session, _insert_once(is_sqlite(session), entity, unique), values).first() is not None


@lru_cache
def _insert_once(on_sqlite: bool, entity: type[Base], unique: tuple[str, ...]) -> Executable:
    made = sqlite.insert(table(entity)) if on_sqlite else postgresql.insert(table(entity))
    return made.on_conflict_do_nothing(index_elements=unique).returning(table(entity).c[unique[0]])


def insert_into(session: Session, entity: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """For what else an upsert may do."""
    return sqlite.insert(entity) if is_sqlite(session) else postgresql.insert(entity)


def stored(session: Session, row: T) -> T:
    """The object of a row that was inserted just now with exactly these values; nothing is read or written."""
    make_transient_to_detached(row)
    session.add(row)
    return row


def is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def table(entity: type[Base]) -> Table:
    found = entity.__table__
    if not isinstance(found, Table):
        raise TypeError(f"{entity.__name__} is not mapped to a table")
    return found
