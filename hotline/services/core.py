"""Past the ORM, for hot paths and for rows that two may write at once: statements made once, on the session's own connection."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, TypeVar

from sqlalchemy import Dialect, Executable, Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session, make_transient_to_detached
from sqlalchemy.orm.instrumentation import manager_of_class
from sqlalchemy.orm.util import identity_key

from models import Base

T = TypeVar("T", bound=Base)
Convert = Callable[[Any], Any]

_DIALECTS: Mapping[str, Dialect] = {
    "sqlite": sqlite.dialect(paramstyle="named"),
    "postgresql": psycopg.dialect(),  # type: ignore[no-untyped-call]
}


@dataclass(frozen=True)
class _Wire:
    """A statement as the driver takes it. SQLAlchemy would find it, bind it and describe its rows anew each time it runs."""

    text: str
    fixed: Mapping[str, Any]
    binders: Sequence[tuple[str, Convert]]
    readers: Sequence[Convert | None]  # one for each column of its rows

    def bound(self, values: Mapping[str, Any]) -> dict[str, Any]:
        ready = {**self.fixed, **values}
        for name, convert in self.binders:
            ready[name] = convert(ready[name])
        return ready

    def read(self, row: Sequence[Any]) -> Sequence[Any]:
        return [value if convert is None else convert(value) for convert, value in zip(self.readers, row, strict=True)]


@cache
def _wire(statement: Executable, database: str) -> _Wire:
    dialect = _DIALECTS[database]
    compiled: Any = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
    binders = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for bind, name in compiled.bind_names.items()}
    columns = compiled.statement.exported_columns
    return _Wire(
        text=compiled.string,
        fixed=compiled.params,
        binders=[(name, convert) for name, convert in binders.items() if convert],
        readers=[column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns],
    )


def send(session: Session, statement: Executable, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
    """The rows of a constant statement. What the session still holds back is written first."""
    session.flush()
    connection = session.connection()
    wire = _wire(statement, connection.dialect.name)
    cursor: Any = connection.connection.cursor()
    bound = wire.bound(values)
    for listen in connection.dispatch.before_cursor_execute:  # as of any other statement
        listen(connection, cursor, wire.text, bound, None, False)
    cursor.execute(wire.text, bound)
    rows = [wire.read(row) for row in cursor.fetchall()] if wire.readers else ()
    cursor.close()
    return rows


def run(session: Session, statement: Executable, values: Mapping[str, Any]) -> CursorResult[Any]:
    """For a statement that is not always the same."""
    session.flush()
    return session.connection().execute(statement, values)


def loaded(session: Session, entity: type[T], row: Sequence[Any]) -> T:
    """The object of a row of all its table's columns; one that the session has already is read again."""
    values = dict(zip(table(entity).columns.keys(), row, strict=True))
    known: T | None = session.identity_map.get(identity_key(entity, values["id"]))
    if known is None:
        return stored(session, made(entity, values))
    session.refresh(known)
    return known


def made(entity: type[T], values: Mapping[str, Any]) -> T:
    """An object with these values, of which none counts as a change."""
    one: T = manager_of_class(entity).new_instance()
    vars(one).update(values)
    return one


def stored(session: Session, row: T) -> T:
    """The object of a row that was inserted just now with exactly these values; nothing is read or written."""
    make_transient_to_detached(row)
    session.add(row)
    return row


def insert(session: Session, entity: type[T], values: Mapping[str, Any]) -> T:
    """Write a row at once, at a fraction of what the unit of work takes for it; defaults are filled in."""
    filled = _filled(entity, values)
    send(session, _insert(entity, 1), _numbered([filled]))
    return stored(session, made(entity, filled))


def insert_all(session: Session, entity: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows of one table in one statement; meant for few, for each number of rows is a statement of its own."""
    send(session, _insert(entity, len(rows)), _numbered([_filled(entity, row) for row in rows]))


@cache
def _insert(entity: type[Base], count: int) -> Executable:
    columns = table(entity).columns
    rows = [{each.name: bindparam(f"{each.name}_{n}", type_=each.type) for each in columns} for n in range(count)]
    return table(entity).insert().values(rows)


def _numbered(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {f"{name}_{n}": value for n, row in enumerate(rows) for name, value in row.items()}


def _filled(entity: type[Base], values: Mapping[str, Any]) -> dict[str, Any]:
    """A value for each column."""
    return {name: values[name] if name in values else make() for name, make in _defaults(entity)}


@cache
def _defaults(entity: type[Base]) -> Sequence[tuple[str, Callable[[], Any]]]:
    return [(column.name, _maker(column.default)) for column in table(entity).columns]


def _maker(default: Any) -> Callable[[], Any]:
    if default is None:
        return lambda: None
    return partial(default.arg, None) if default.is_callable else lambda: default.arg


def insert_once(session: Session, entity: type[Base], values: Mapping[str, Any], *, unique: tuple[str, ...]) -> bool:
    """False if a row with the same `unique` columns is there. If somebody is just writing one, this waits for the outcome."""
    return bool(send(session, _insert_once(is_sqlite(session), entity, unique), _filled(entity, values)))


@cache
def _insert_once(on_sqlite: bool, entity: type[Base], unique: tuple[str, ...]) -> Executable:
    made = sqlite.insert(table(entity)) if on_sqlite else postgresql.insert(table(entity))
    return made.on_conflict_do_nothing(index_elements=unique).returning(table(entity).c[unique[0]])


def insert_into(session: Session, entity: type[Base]) -> sqlite.Insert | postgresql.Insert:
    """For what else an upsert may do."""
    return sqlite.insert(entity) if is_sqlite(session) else postgresql.insert(entity)


def is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def table(entity: type[Base]) -> Table:
    found = entity.__table__
    if not isinstance(found, Table):
        raise TypeError(f"{entity.__name__} is not mapped to a table")
    return found
