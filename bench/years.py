"""Years of work in a PostgreSQL database: contacts, letters, calls, cases, history and scores, filled in by the database."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Select, insert, literal_column, select, text
from sqlalchemy.orm import Session

from bench.letters import SENTENCES
from bench.service import KEY
from hotline import seeds
from hotline.db import engine_for
from hotline.services import queue_rule, search_words
from hotline.services.queue_rule import VOICE, VOICE_MESSAGE
from models import (
    Area,
    AreaKind,
    Assignment,
    Base,
    Call,
    Case,
    CaseEvent,
    Category,
    Contact,
    Message,
    QueueEntry,
    Role,
    Rule,
    Score,
    Staff,
    StaffRole,
    TaxonomyVersion,
    Unit,
    Urgency,
    privacy,
    schema,
)
from tests.components import Postgres
from tests.factories import make_staff

# What waits at any moment, however many years lie behind.
WAITING, CALLS_WAITING = 300, 12
INDICATORS = ("on_time", "resolution", "satisfaction")
# Most people call once, some call every week: the square of a random share of this many numbers.
NUMBERS_PER_CONTACT = 0.3
# Cases come of the first and the third.
CHANNELS = ("mailbox", "sms", VOICE, "wechat")


@dataclass(frozen=True)
class Size:
    contacts: int
    cases: int
    open_cases: int = 3000


LITTLE = Size(contacts=10_000, cases=5_000)
MIDDLING = Size(contacts=100_000, cases=50_000)
LARGE = Size(contacts=1_000_000, cases=500_000)
LARGEST = Size(contacts=2_000_000, cases=1_000_000)


@contextmanager
def database(size: Size, *, indicators: Sequence[str] = INDICATORS) -> Iterator[str]:
    """The address of a PostgreSQL database with the demo city, one agent and these years in it; gone afterwards."""
    privacy.install(privacy.KeyRing([KEY]))
    with Postgres.temporary() as server:
        url = server.create_database("years")
        engine = engine_for(url)
        schema.upgrade(engine)
        with Session(engine) as session:
            seeds.load_reference(session)
            make_staff(session, roles=(Role.AGENT,))
            session.commit()
        fill(engine, size, indicators=indicators)
        engine.dispose()
        yield url


def fill(engine: Engine, size: Size, *, indicators: Sequence[str] = INDICATORS) -> None:
    """Rows as the service writes them: contacts that are over, cases of which the newest are with their units, and a queue."""
    with engine.begin() as connection:
        # Rows that point at each other are made together here: the checks of foreign keys would take most of the time.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT setseed(0.12345)"))
        _concluded(connection, size)
        _filed(connection, size, indicators)
        _waiting(connection, size)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))
        # What was filled in is on the disk before anything is measured.
        connection.execute(text("CHECKPOINT"))


def _concluded(connection: Connection, size: Size) -> None:
    caller = f"floor({size.contacts * NUMBERS_PER_CONTACT} * power(random(), 2))"
    source = _made(1, size.contacts, at=_when("n", size.contacts), caller=caller, channel=_in_turn(CHANNELS))
    agent = _agent(connection)
    _contacts(
        connection,
        source,
        taken_at="at + interval '5 minutes'",
        taken_by_id=agent,
        concluded_at="at + interval '15 minutes'",
        conclusion="CASE WHEN mod(n, 2) = 0 THEN 'filed' ELSE 'answered' END",
    )
    _letters(connection, source)
    _calls(
        connection,
        source,
        staff_id=agent,
        answered_at="at + interval '12 seconds'",
        ended_at="at + interval '4 minutes'",
        wrapped_up_at="at + interval '5 minutes'",
        ending="'spoken'",
    )


def _waiting(connection: Connection, size: Size) -> None:
    """Text and messages by voice, some of them past their clock; and a few callers who are on the line now."""
    first_call = size.contacts + WAITING + 1
    texts = _queued(
        connection, size.contacts + 1, first_call - 1, [VOICE_MESSAGE if each == VOICE else each for each in CHANNELS]
    )
    calls = _queued(connection, first_call, first_call + CALLS_WAITING - 1, [VOICE])
    for source in (texts, calls):
        _contacts(connection, source, urgency="urgency")
        _letters(connection, source)
        _insert(
            connection,
            QueueEntry,
            source,
            contact_id=_id(1),
            channel="place",
            skill="'general'",
            language="'zh'",
            urgency_weight="CASE urgency WHEN 'urgent' THEN 1 ELSE 0 END",
            clock_from="extract(epoch FROM at)",
            limit_seconds="seconds",
        )
    _calls(connection, texts, ended_at="at", ending="'voice_message'")
    _calls(connection, calls)


def _queued(connection: Connection, first: int, last: int, places: Sequence[str]) -> str:
    """Places in the queue, of which each has used between nothing and somewhat more than the whole of its clock."""
    rule = queue_rule.current(Session(connection))
    seconds = _in_turn([str(rule.limit(place, Urgency.NORMAL)) for place in places], "float")
    return _made(
        first,
        last,
        at=f"now() - interval '1 second' * {seconds} * mod(n::bigint * 7919, 1200) / 1000",
        caller="n",
        channel=_in_turn([VOICE if place == VOICE_MESSAGE else place for place in places]),
        place=_in_turn(places),
        seconds=seconds,
        urgency="CASE WHEN mod(n, 25) = 0 THEN 'urgent' ELSE 'normal' END",
    )


def _contacts(connection: Connection, source: str, **more: str) -> None:
    _insert(
        connection,
        Contact,
        source,
        id=_id(1),
        reference="'990181-20240101-' || lpad(n::text, 7, '0')",
        channel="channel",
        received_at="at",
        created_at="at",
        subject=_one_of([sentence[:60] for sentence in SENTENCES]),
        sender_name=_sealed("李晓明"),
        number=_sealed("+8613900000000"),
        number_hash="sha256(('caller ' || caller)::bytea)",
        place_text=_sealed("人民路 18 号"),
        grid_code=_one_of(connection.scalars(select(Area.code).where(Area.kind == AreaKind.GRID)).all()),
        queued_at="at",
        **more,
    )


def _letters(connection: Connection, source: str) -> None:
    _insert(
        connection,
        Message,
        f"{source} WHERE channel <> '{VOICE}'",
        id=_id(2),
        channel="channel",
        external_id="'years-' || n",
        contact_id=_id(1),
        text=_one_of(SENTENCES),
        received_at="at",
        created_at="at",
    )


def _calls(connection: Connection, source: str, **more: str) -> None:
    _insert(
        connection,
        Call,
        f"{source} WHERE channel = '{VOICE}'",
        id=_id(6),
        linkedid="'years-' || n",
        contact_id=_id(1),
        queue="'general'",
        started_at="at - interval '6 seconds'",
        queued_at="at",
        created_at="at",
        **more,
    )


def _filed(connection: Connection, size: Size, indicators: Sequence[str]) -> None:
    """One case for every second contact; the newest are still with their units."""
    last_closed = size.cases - min(size.open_cases, size.cases // 2)
    units = connection.scalars(select(Unit.id).where(Unit.path != "")).all()
    source = _made(
        1,
        size.cases,
        at=_when("2 * n", size.contacts),
        is_open=f"n > {last_closed}",
        unit=_one_of([str(id) for id in units], "uuid"),
        due=f"CASE WHEN n > {last_closed} THEN now() + interval '1 hour' * (mod(n, 50) - 5) END",
    )
    _cases(connection, source)
    _assignments(connection, source)
    _history(connection, source)
    _scores(connection, source, indicators)


def _cases(connection: Connection, source: str) -> None:
    _insert(
        connection,
        Case,
        f"{source} JOIN contact ON contact.id = {_id(1, '2 * n')} "
        "JOIN area ON area.code = contact.grid_code AND area.valid_to IS NULL",
        id=_id(3),
        number="'990181-20240101-' || lpad((2 * n)::text, 7, '0')",
        contact_id="contact.id",
        status="CASE WHEN is_open THEN 'in_progress' ELSE 'archived' END",
        due_at="due",
        profile_id=_found(connection, select(Rule.id).where(Rule.kind == "profile", Rule.current)),
        taxonomy_id=_found(connection, select(TaxonomyVersion.id).where(TaxonomyVersion.current)),
        request_type="'complaint'",
        category_code=_one_of(connection.scalars(select(Category.code).where(Category.parent_code.is_not(None)).limit(40)).all()),
        urgency="'normal'",
        title=_one_of([sentence[:40] for sentence in SENTENCES]),
        content=_one_of(SENTENCES),
        tokens=_one_of([search_words.stored(search_words.words_of(sentence)) for sentence in SENTENCES]),
        place_text=_sealed("人民路 18 号"),
        grid_code="contact.grid_code",
        community_code="area.parent_code",
        number_of_requester=_sealed("+8613900000000"),
        number_hash="contact.number_hash",
        lead_unit_id="unit",
        filed_by_id=_agent(connection),
        created_at="at",
        closed_at="CASE WHEN is_open THEN NULL ELSE at + interval '2 days' END",
    )


def _assignments(connection: Connection, source: str) -> None:
    _insert(
        connection,
        Assignment,
        source,
        id=_id(4),
        case_id=_id(3),
        unit_id="unit",
        status="CASE WHEN is_open THEN 'in_progress' ELSE 'done' END",
        dispatched_at="at",
        due_at="due",
        sign_due_at="at + interval '2 hours'",
        contact_due_at="at + interval '1 day'",
        answer_due_at="at + interval '3 days'",
        answered_at="CASE WHEN is_open THEN NULL ELSE at + interval '1 day' END",
        created_at="at",
    )


def _history(connection: Connection, source: str) -> None:
    _insert(
        connection,
        CaseEvent,
        f"{source}, (VALUES (1, 'file', NULL, 'to_dispatch'), (2, 'dispatch', 'to_dispatch', 'dispatched'), "
        "(3, 'sign', 'dispatched', 'in_progress')) AS step (serial, action, before, after)",
        id=_id(5, "3 * n + serial"),
        case_id=_id(3),
        serial="serial",
        at="at",
        action="action",
        from_status="before",
        to_status="after",
        key="'years-' || serial",
        mac="sha256('years'::bytea)",
        created_at="at",
    )


def _scores(connection: Connection, source: str, indicators: Sequence[str]) -> None:
    listed = ", ".join(f"({serial}, '{indicator}')" for serial, indicator in enumerate(indicators))
    _insert(
        connection,
        Score,
        f"{source}, (VALUES {listed}) AS measured (serial, indicator) WHERE NOT is_open",
        id=_id(7, f"{len(indicators)} * n + serial"),
        case_id=_id(3),
        indicator="indicator",
        value="CASE WHEN mod(n, 10) < 8 THEN 1.0 ELSE 0.0 END",
        unit_id="unit",
        agent_id=_agent(connection),
        scored_at="at + interval '2 days'",
        scored_on="((at + interval '2 days') AT TIME ZONE 'Asia/Shanghai')::date",
        created_at="at + interval '2 days'",
    )


def _insert(connection: Connection, entity: type[Base], source: str, **columns: str) -> None:
    """One statement for all rows; columns that are not named get the defaults of the model."""
    rows: Any = select(*map(literal_column, columns.values())).select_from(text(source))
    connection.execute(insert(entity).from_select(list(columns), rows))


def _made(first: int, last: int, **columns: str) -> str:
    """A source of rows numbered `n`, with what several columns are made from."""
    more = "".join(f", {sql} AS {name}" for name, sql in columns.items())
    return f"(SELECT n{more} FROM generate_series({first}, {last}) AS n) AS made"  # noqa: S608 -- nothing from outside


def _id(kind: int, serial: str = "n") -> str:
    """Of version 7, like the service's own: what is younger stands behind in the index."""
    milliseconds = "floor(extract(epoch FROM made.at) * 1000)::bigint"
    return f"(lpad(to_hex({milliseconds}), 12, '0') || '700{kind}8000' || lpad(to_hex({serial}), 12, '0'))::uuid"


def _when(serial: str, last: int) -> str:
    """Two years in the past up to a moment ago, in order."""
    return f"now() - interval '2 years' * ({last} - ({serial}))::float / {last} - interval '1 minute'"


def _in_turn(values: Sequence[str], kind: str = "text") -> str:
    return f"({_array(values, kind)})[1 + mod(n, {len(values)})]"


def _sealed(plain: str) -> str:
    """A few encryptions of the same text: each row can be read, and no two neighbours are equal."""
    return _one_of([f"\\x{privacy.ring().encrypt(plain.encode()).hex()}" for _ in range(16)], "bytea")


def _one_of(values: Sequence[str], kind: str = "text") -> str:
    return f"({_array(values, kind)})[1 + mod((n::bigint * 7919) % 1000003, {len(values)})]"


def _array(values: Sequence[str], kind: str) -> str:
    listed = ", ".join(f"'{value}'" for value in values)
    return f"ARRAY[{listed}]::{kind}[]"


def _agent(connection: Connection) -> str:
    agents = select(Staff.id).join(StaffRole, StaffRole.staff_id == Staff.id).where(StaffRole.role == Role.AGENT)
    return _found(connection, agents.order_by(Staff.username.desc()))


def _found(connection: Connection, query: Select[Any]) -> str:
    return f"'{connection.scalars(query.limit(1)).one()}'::uuid"
