"""Facts first: an event is a row in the transaction of the fact. The relay leases rows and runs what follows."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Insert,
    Integer,
    Select,
    Uuid,
    bindparam,
    delete,
    false,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from hotline.events import Event
from hotline.services import core
from models import HandledMessage, OutboxMessage, now
from models.base import UtcTime

LEASE = timedelta(seconds=30)
MOST_TRIES = 10


def emit(session: Session, *events: Event) -> None:
    """Write the events beside the facts that they tell; what follows runs after the commit, at least once."""
    if not events:
        return
    core.insert_all(session, rows(*events))
    announced(session)


def rows(*events: Event) -> list[OutboxMessage]:
    """For whoever writes them in one statement with the facts, and says `announced`."""
    at = now()
    values = ({"event": event.name, "body": event.as_body(), "ready_at": at, "created_at": at} for event in events)
    return [core.made(OutboxMessage, each) for each in values]


def announced(session: Session) -> None:
    """The relay is rung after the commit."""
    session.info["announced"] = True


def take_announced(session: Session) -> bool:
    """For whoever runs what follows in the same transaction: whether there is something since the last call."""
    return bool(session.info.pop("announced", False))


def telling(event: type[Event], source: FromClause, **columns: ColumnElement[Any]) -> Insert:
    """`emit` as a part of PostgreSQL's statement that makes the fact: an event for each row of `source`, told by its columns.

    Its parameters are `event_id` and `moment`; whoever sends it says `announced`.
    """
    body = func.jsonb_build_object(*(part for name, value in columns.items() for part in (literal_column(f"'{name}'"), value)))
    moment = bindparam("moment", type_=UtcTime)
    row = {
        OutboxMessage.id: bindparam("event_id", type_=Uuid),
        OutboxMessage.event: literal_column(f"'{event.__name__}'"),
        OutboxMessage.body: body,
        OutboxMessage.ready_at: moment,
        OutboxMessage.created_at: moment,
        OutboxMessage.attempts: literal_column("0"),
        OutboxMessage.stuck: false(),
        OutboxMessage.last_error: literal_column("''"),
    }
    return insert(core.table(OutboxMessage)).from_select(
        list(row), select(*row.values()).select_from(source), include_defaults=False
    )


_WAITS = (
    OutboxMessage.done_at.is_(None),
    OutboxMessage.stuck.is_(False),
    OutboxMessage.ready_at <= bindparam("moment", type_=UtcTime),
)


def _in_turn(rows: Select[Any]) -> Select[Any]:
    first = rows.order_by(OutboxMessage.ready_at).limit(bindparam("most", type_=Integer))
    return first.with_for_update(skip_locked=True)


_DUE = _in_turn(core.whole(OutboxMessage).where(*_WAITS))


def due(session: Session, *, limit: int) -> list[OutboxMessage]:
    """Rows that wait, nobody else's until the transaction ends: each is to be settled or leased in it."""
    rows = core.send(session, _DUE, {"moment": now(), "most": limit})
    return [core.loaded(session, OutboxMessage, row) for row in rows]


def due_for_broker(session: Session, *, limit: int, full: Sequence[str], busy: Sequence[str]) -> list[OutboxMessage]:
    """The same without `full` events; of `busy` ones only what has not gone out yet, or has failed where it ran."""
    anew = or_(OutboxMessage.attempts == 0, OutboxMessage.last_error != "", OutboxMessage.event.not_in(busy))
    rows = select(OutboxMessage).where(*_WAITS, OutboxMessage.event.not_in(full), anew)
    return list(session.scalars(_in_turn(rows), {"moment": now(), "most": limit}))


def lease(rows: Sequence[OutboxMessage], *, lasting: timedelta = LEASE) -> list[OutboxMessage]:
    """Take these for a while: one not settled in time goes out again, later each time. Those that went out too often are left."""
    at = now()
    for row in rows:
        row.ready_at = at + lasting * 2 ** min(row.attempts, 6)
        row.attempts += 1
        row.stuck = row.attempts > MOST_TRIES
    return [row for row in rows if not row.stuck]


def give_back(session: Session, message_ids: Sequence[UUID]) -> None:
    """End a lease early, as if it had never been: what kept the rows from running was not theirs."""
    session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.id.in_(message_ids), OutboxMessage.done_at.is_(None))
        .values(ready_at=now(), attempts=OutboxMessage.attempts - 1)
    )


def handled(session: Session, message_ids: Sequence[UUID]) -> set[tuple[UUID, str]]:
    rows = session.execute(
        select(HandledMessage.message_id, HandledMessage.handler).where(HandledMessage.message_id.in_(message_ids))
    )
    return {(message_id, handler) for message_id, handler in rows}


def note_handled(session: Session, ran: Sequence[tuple[UUID, str]]) -> None:
    """Write down which handlers ran; if another process ran one at the same time, this transaction fails and repeats nothing."""
    if ran:
        at = now()
        session.execute(insert(HandledMessage), [{"message_id": id, "handler": name, "handled_at": at} for id, name in ran])


def settle(session: Session, message_ids: Sequence[UUID]) -> None:
    """Mark rows done whose handlers have all run."""
    if message_ids:
        values = {"done_at": now(), "last_error": "", "stuck": False}
        session.execute(update(core.table(OutboxMessage)).where(OutboxMessage.id.in_(message_ids)).values(values))


def hold(session: Session, message_id: UUID) -> None:
    """Let nobody else finish a handler of this row until the transaction ends."""
    # A full FOR UPDATE would wait for the share that another's handled_message holds on this row, and the two for each other.
    session.execute(select(OutboxMessage.id).where(OutboxMessage.id == message_id).with_for_update(key_share=True))


def settle_if_complete(session: Session, message_id: UUID, *, handlers: Sequence[str]) -> None:
    """The same for one row whose handlers run in several processes."""
    # Two workers may finish the last two handlers at once: the row's lock lets the second one see both.
    hold(session, message_id)
    if {name for _, name in handled(session, [message_id])} >= set(handlers):
        settle(session, [message_id])


def note_failure(session: Session, message_id: UUID, error: str) -> None:
    session.execute(update(OutboxMessage).where(OutboxMessage.id == message_id).values(last_error=error[:2000]))


def retry(session: Session, message_id: UUID) -> None:
    """A person lets a stuck row go again."""
    session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.id == message_id, OutboxMessage.done_at.is_(None))
        .values(stuck=False, attempts=0, ready_at=now())
    )


def oldest_waiting(session: Session) -> datetime | None:
    """When the oldest row that still waits came into being: the one number that tells whether the back half lives."""
    return session.scalar(
        select(func.min(OutboxMessage.created_at)).where(OutboxMessage.done_at.is_(None), OutboxMessage.stuck.is_(False))
    )


def stuck(session: Session) -> Sequence[OutboxMessage]:
    return session.scalars(select(OutboxMessage).where(OutboxMessage.stuck).order_by(OutboxMessage.created_at).limit(100)).all()


def forget(session: Session, *, before: datetime, limit: int = 5000) -> int:
    """Delete rows that were done before a time; what they told is in the tables they tell of."""
    old = session.scalars(select(OutboxMessage.id).where(OutboxMessage.done_at < before).limit(limit)).all()
    session.execute(delete(HandledMessage).where(HandledMessage.message_id.in_(old)))
    session.execute(delete(OutboxMessage).where(OutboxMessage.id.in_(old)))
    return len(old)
