"""Years of work in a PostgreSQL database: contacts, letters, cases, assignments and history, filled in by the database itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Select, insert, literal_column, select, text

from bench.letters import SENTENCES
from models import (
    Area,
    AreaKind,
    Assignment,
    Base,
    Case,
    CaseEvent,
    Category,
    Contact,
    Message,
    QueueEntry,
    Rule,
    Staff,
    TaxonomyVersion,
    Unit,
    privacy,
)

WAITING = 300
OPEN_CASES = 3000
# Most people call once, some call every week: the square of a random share of this many numbers.
NUMBERS_PER_CONTACT = 0.3


@dataclass(frozen=True)
class Size:
    contacts: int
    cases: int


LITTLE = Size(contacts=10_000, cases=5_000)
MIDDLING = Size(contacts=100_000, cases=50_000)
LARGE = Size(contacts=1_000_000, cases=500_000)


def fill(engine: Engine, size: Size) -> None:
    """Rows as the service writes them, most of them concluded; the newest contacts wait in the queue."""
    with engine.begin() as connection:
        # Rows that point at each other are made together here: the checks of foreign keys would take most of the time.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT setseed(0.12345)"))
        _contacts(connection, size)
        _cases(connection, size)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))
        # What was filled in is on the disk before anything is measured.
        connection.execute(text("CHECKPOINT"))


def _contacts(connection: Connection, size: Size) -> None:
    contacts, waits = size.contacts, f"n > {size.contacts - WAITING}"
    grids = _one_of(connection.scalars(select(Area.code).where(Area.kind == AreaKind.GRID)).all())
    _insert(
        connection,
        Contact,
        _made(1, contacts, at=_when("n", contacts), caller=_caller(contacts)),
        id=_id(1, "n"),
        reference="'990181-20240101-' || lpad(n::text, 7, '0')",
        channel=_channel("n"),
        received_at="at",
        created_at="at",
        subject=_one_of([sentence[:60] for sentence in SENTENCES]),
        sender_name=_sealed("李晓明"),
        number=_sealed("+8613900000000"),
        number_hash="sha256(('caller ' || caller)::bytea)",
        place_text=_sealed("人民路 18 号"),
        grid_code=grids,
        queued_at="at",
        taken_at=f"CASE WHEN {waits} THEN NULL ELSE at + interval '5 minutes' END",
        concluded_at=f"CASE WHEN {waits} THEN NULL ELSE at + interval '15 minutes' END",
        conclusion=f"CASE WHEN {waits} THEN NULL WHEN mod(n, 2) = 0 THEN 'filed' ELSE 'answered' END",
    )
    _insert(
        connection,
        Message,
        _made(1, contacts, at=_when("n", contacts)),
        id=_id(2, "n"),
        channel=_channel("n"),
        external_id="'years-' || n",
        contact_id=_id(1, "n"),
        text=_one_of(SENTENCES),
        received_at="at",
        created_at="at",
    )
    _insert(
        connection,
        QueueEntry,
        _made(contacts - WAITING + 1, contacts),
        contact_id=_id(1, "n"),
        channel=_channel("n"),
        skill="'general'",
        language="'zh'",
        urgency_weight="CASE WHEN mod(n, 25) = 0 THEN 1 ELSE 0 END",
        clock_from=f"extract(epoch FROM {_when('n', contacts)})",
        limit_seconds="86400.0",
    )


def _cases(connection: Connection, size: Size) -> None:
    """One for every second contact; the newest are still with their units."""
    is_open = f"n > {size.cases - min(OPEN_CASES, size.cases // 2)}"
    units = connection.scalars(select(Unit.id).where(Unit.path != "")).all()
    unit = _one_of([str(id) for id in units], "uuid")
    source = _made(1, size.cases, at=_when("2 * n", size.contacts))
    _insert(
        connection,
        Case,
        f"{source} JOIN contact ON contact.id = {_id(1, '2 * n')} "
        "JOIN area ON area.code = contact.grid_code AND area.valid_to IS NULL",
        id=_id(3, "n"),
        number="'990181-20240101-' || lpad((2 * n)::text, 7, '0')",
        contact_id=_id(1, "2 * n"),
        status=f"CASE WHEN {is_open} THEN 'in_progress' ELSE 'archived' END",
        due_at=f"CASE WHEN {is_open} THEN now() + interval '5 hours' END",
        profile_id=_found(connection, select(Rule.id).where(Rule.kind == "profile", Rule.current)),
        taxonomy_id=_found(connection, select(TaxonomyVersion.id).where(TaxonomyVersion.current)),
        request_type="'complaint'",
        category_code=_one_of(connection.scalars(select(Category.code).where(Category.parent_code.is_not(None)).limit(40)).all()),
        urgency="'normal'",
        title=_one_of([sentence[:40] for sentence in SENTENCES]),
        content=_one_of(SENTENCES),
        place_text=_sealed("人民路 18 号"),
        grid_code="contact.grid_code",
        community_code="area.parent_code",
        number_of_requester=_sealed("+8613900000000"),
        number_hash="contact.number_hash",
        lead_unit_id=unit,
        filed_by_id=_found(connection, select(Staff.id)),
        created_at="made.at",
        closed_at=f"CASE WHEN {is_open} THEN NULL ELSE made.at + interval '2 days' END",
    )
    _insert(
        connection,
        Assignment,
        source,
        id=_id(4, "n"),
        case_id=_id(3, "n"),
        unit_id=unit,
        status=f"CASE WHEN {is_open} THEN 'in_progress' ELSE 'done' END",
        dispatched_at="at",
        due_at=f"CASE WHEN {is_open} THEN now() + interval '5 hours' END",
        sign_due_at="at + interval '2 hours'",
        contact_due_at="at + interval '1 day'",
        answer_due_at="at + interval '3 days'",
        created_at="at",
    )
    _insert(
        connection,
        CaseEvent,
        f"{source}, (VALUES (1, 'file', NULL, 'to_dispatch'), (2, 'dispatch', 'to_dispatch', 'dispatched'), "
        "(3, 'sign', 'dispatched', 'in_progress')) AS step (serial, action, before, after)",
        id=_id(5, "3 * n + serial"),
        case_id=_id(3, "n"),
        serial="serial",
        at="at",
        action="action",
        from_status="before",
        to_status="after",
        key="'years-' || serial",
        mac="sha256('years'::bytea)",
        created_at="at",
    )


def _insert(connection: Connection, entity: type[Base], source: str, **columns: str) -> None:
    """One statement for all rows; columns that are not named get the defaults of the model."""
    rows: Any = select(*map(literal_column, columns.values())).select_from(text(source))
    connection.execute(insert(entity).from_select(list(columns), rows))


def _made(first: int, last: int, **columns: str) -> str:
    """A source of rows numbered `n`, with what several columns are made from."""
    more = "".join(f", {sql} AS {name}" for name, sql in columns.items())
    return f"(SELECT n{more} FROM generate_series({first}, {last}) AS n) AS made"  # noqa: S608 -- nothing from outside


def _id(kind: int, serial: str) -> str:
    return f"('01900000-0000-7000-800{kind}-' || lpad(to_hex({serial}), 12, '0'))::uuid"


def _when(serial: str, last: int) -> str:
    """Two years in the past up to a moment ago, in order."""
    return f"now() - interval '2 years' * ({last} - ({serial}))::float / {last} - interval '1 minute'"


def _caller(contacts: int) -> str:
    return f"floor({contacts * NUMBERS_PER_CONTACT} * power(random(), 2))"


def _channel(serial: str) -> str:
    return f"(ARRAY['mailbox', 'voice', 'sms', 'wechat'])[1 + mod({serial}, 4)]"


def _sealed(plain: str) -> str:
    """A few encryptions of the same text: each row can be read, and no two neighbours are equal."""
    return _one_of([f"\\x{privacy.ring().encrypt(plain.encode()).hex()}" for _ in range(16)], "bytea")


def _one_of(values: Sequence[str], kind: str = "text") -> str:
    listed = ", ".join(f"'{value}'" for value in values)
    return f"(ARRAY[{listed}]::{kind}[])[1 + mod((n::bigint * 7919) % 1000003, {len(values)})]"


def _found(connection: Connection, query: Select[Any]) -> str:
    return f"'{connection.scalars(query.limit(1)).one()}'::uuid"
