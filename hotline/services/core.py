"""Past the ORM, for hot paths and for rows that two may write at once: statements made once, on the session's own connection."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import groupby
from typing import Any, TypeVar

from psycopg import RawCursor
from sqlalchemy import BindParameter, Connection, Dialect, Executable, FromClause, Insert, Select, Table, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg as postgresql_by_psycopg
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session, make_transient_to_detached
from sqlalchemy.orm.instrumentation import manager_of_class
from sqlalchemy.orm.util import identity_key

from models import Base

T = TypeVar("T", bound=Base)
# Of PostgreSQL's types. SQLAlchemy asks for the type of numbers only, and all that have a fraction are of this one.
_FLOAT8 = 701
Convert = Callable[[Any], Any]

_DIALECTS: Mapping[str, Dialect] = {
    "sqlite": sqlite.dialect(paramstyle="named"),
    "postgresql": postgresql_by_psycopg.dialect(paramstyle="numeric_dollar"),  # type: ignore[no-untyped-call]
}


@dataclass(frozen=True)
class _Wire:
    """A statement as the driver takes it. SQLAlchemy would find it, bind it and describe its rows anew each time it runs."""

    text: str
    fixed: Mapping[str, Any]
    binders: Sequence[tuple[str, Convert]]
    places: Sequence[str] | None  # of a driver that goes by numbers, not by names
    readers: Sequence[Convert | None]  # one for each column of its rows

    def bound(self, values: Mapping[str, Any]) -> dict[str, Any] | list[Any]:
        ready = {**self.fixed, **values}
        for name, convert in self.binders:
            ready[name] = convert(ready[name])
        return ready if self.places is None else [ready[name] for name in self.places]

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
        places=compiled.positiontup,
        readers=[column.type.dialect_impl(dialect).result_processor(dialect, _FLOAT8) for column in columns],
    )


def send(session: Session, statement: Executable, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
    """The rows of a constant statement. What the session still holds back is written first."""
    session.flush()
    connection = session.connection()
    wire = _wire(statement, connection.dialect.name)
    cursor = _cursor(connection)
    bound = wire.bound(values)
    for listen in connection.dispatch.before_cursor_execute:  # as of any other statement
        listen(connection, cursor, wire.text, bound, None, False)
    cursor.execute(wire.text, bound)
    rows = [wire.read(row) for row in cursor.fetchall()] if wire.readers else ()
    cursor.close()
    return rows


def _cursor(connection: Connection) -> Any:
    if connection.dialect.name == "sqlite":
        return connection.connection.cursor()
    # psycopg translates names to numbers, and forgets how for a statement with more than fifty.
    return RawCursor(connection.connection.driver_connection)  # type: ignore[arg-type]


def run(session: Session, statement: Executable, values: Mapping[str, Any]) -> CursorResult[Any]:
    """For a statement that is not always the same."""
    session.flush()
    return session.connection().execute(statement, values)


def whole(entity: type[Base]) -> Select[Any]:
    """A select of all its table's columns, for `loaded`."""
    return select(*table(entity).columns)


def loaded(session: Session, entity: type[T], row: Sequence[Any]) -> T:
    """The object of a row of all its table's columns; one that the session has already is read again."""
    values = dict(zip(table(entity).columns.keys(), row, strict=True))
    known: T | None = session.identity_map.get(identity_key(entity, values["id"]))
    if known is None:
        return stored(session, made(entity, values))
    session.refresh(known)
    return known


def made(entity: type[T], values: Mapping[str, Any]) -> T:
    """An object with these values and the defaults of the other columns; none of it counts as a change."""
    one: T = manager_of_class(entity).new_instance()
    vars(one).update(filled(entity, values))
    return one


def stored(session: Session, row: T) -> T:
    """The object of a row that was inserted just now with exactly these values; nothing is read or written."""
    make_transient_to_detached(row)
    session.add(row)
    return row


def insert_all(session: Session, rows: Sequence[Base]) -> None:
    """Rows at once, at a fraction of what the unit of work takes for them: a statement for each table, parents first.

    Meant for few, for each number of rows is a statement of its own.
    """
    for entity, several in groupby(rows, key=type):
        of_entity = list(several)
        send(session, _insert(entity, len(of_entity)), _numbered(of_entity))


@cache
def _insert(entity: type[Base], count: int) -> Executable:
    return table(entity).insert().values([_parameters(entity, n) for n in range(count)])


def _parameters(entity: type[Base], n: int) -> dict[str, BindParameter[Any]]:
    return {each.name: bindparam(f"{each.name}_{n}", type_=each.type) for each in table(entity).columns}


def _numbered(rows: Sequence[Base]) -> dict[str, Any]:
    return {f"{name}_{n}": vars(row)[name] for n, row in enumerate(rows) for name, _ in _defaults(type(row))}


def filled(entity: type[Base], values: Mapping[str, Any]) -> dict[str, Any]:
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
    return bool(send(session, _insert_once(is_sqlite(session), entity, unique), filled(entity, values)))


@cache
def _insert_once(on_sqlite: bool, entity: type[Base], unique: tuple[str, ...]) -> Executable:
    made = sqlite.insert(table(entity)) if on_sqlite else postgresql.insert(table(entity))
    return made.on_conflict_do_nothing(index_elements=unique).returning(table(entity).c[unique[0]])


def insert_together(session: Session, rows: Sequence[Base], *, once: Base, unique: tuple[str, ...]) -> bool:
    """All of these rows, parents first; or none, and False, if one like `once` is there already by its `unique` columns.

    One journey to PostgreSQL, which waits for whoever is just writing such a row. On SQLite nobody writes beside a
    transaction: whoever calls has looked whether it is there.
    """
    if is_sqlite(session):
        insert_all(session, rows)
        return True
    return bool(send(session, _insert_together(tuple(map(type, rows)), type(once), unique), _numbered(rows)))


@cache
def _insert_together(entities: Sequence[type[Base]], once: type[Base], unique: tuple[str, ...]) -> Executable:
    """Foreign keys are looked at when the whole statement has run, so that a child may decide on its parent."""
    decider = entities.index(once)
    first = postgresql.insert(table(once)).values(_parameters(once, decider))
    new = first.on_conflict_do_nothing(index_elements=unique).returning(table(once).c[unique[0]]).cte("new")
    others = [_insert_if(new, entity, n).cte(f"row_{n}") for n, entity in enumerate(entities) if n != decider]
    return select(new).add_cte(*others)


def _insert_if(there: FromClause, entity: type[Base], n: int) -> Insert:
    values = _parameters(entity, n)
    return table(entity).insert().from_select(list(values), select(*values.values()).select_from(there), include_defaults=False)


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
