"""Orders for 110: the case itself is pushed to the police platform, not the voice alone (国办发〔2022〕12号).

Written first, sent by the task between two short transactions, tried again until there is a receipt; sent twice it is one order
there, for the row's id goes along. 110 may give a case back when it is ours after all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import NotAllowed, NotFound, WrongState
from hotline.events import PolicePushReady
from hotline.ports import PoliceOrder, PoliceWord, Receipt, ReceiptState
from hotline.services import cases, notes
from hotline.services.actors import SERVICE, Actor
from hotline.services.city import gazetteer
from hotline.services.holding import hold
from hotline.services.messages import outgoing
from hotline.services.outbox import emit
from hotline.settings import get_settings
from models import Action, Case, CaseStatus, Contact, PolicePush, PushState, Role, now

MOST_TRIES = 8
FIRST_AGAIN, LONGEST_AGAIN = timedelta(seconds=10), timedelta(minutes=10)
SWEEP = 50
REPLAYED_BY = frozenset({Role.AGENT, Role.DISPATCHER, Role.SHIFT_LEADER, Role.SUPERVISOR, Role.ADMINISTRATOR})
LONGEST_ERROR, LONGEST_WORDS = 200, 2000
OURS_AGAIN = "110"
Pushed = PolicePush


def is_wired() -> bool:
    return bool(get_settings().police.url)


def push(session: Session, case: Case, *, by: Actor, key: str) -> Pushed:
    """Where no platform is connected the row says that only the voice went; the same key again pushes nothing."""
    if by.staff_id is None:
        raise NotAllowed()
    case, done = hold(session, case, key=key)
    if done is not None:
        return of_case(session, case)[-1]
    state = PushState.WAITING if is_wired() else PushState.VOICE_ONLY
    row = PolicePush(case_id=case.id, by_id=by.staff_id, state=state, next_try_at=now() if is_wired() else None)
    session.add(row)
    notes.add(session, case, Action.PUSH, by=by, key=key, text=state)
    session.flush()
    if state == PushState.WAITING:
        emit(session, PolicePushReady(row.id, case.id))
    return row


def of_case(session: Session, case: Case) -> Sequence[PolicePush]:
    rows = select(PolicePush).where(PolicePush.case_id == case.id).order_by(PolicePush.created_at, PolicePush.id)
    return session.scalars(rows).all()


def take(session: Session, push_id: UUID) -> PoliceOrder | None:
    """The order to send; None if its fate is known. A process that dies while sending leaves it to the timetable."""
    row = _held(session, push_id)
    if row.state != PushState.WAITING:
        return None
    row.attempts += 1
    row.tried_at = now()
    row.next_try_at = row.tried_at + _pause_after(row.attempts)
    return PoliceOrder(row.id.hex, _order(session, session.get_one(Case, row.case_id)))


def _pause_after(attempts: int) -> timedelta:
    return min(FIRST_AGAIN * int(3 ** (attempts - 1)), LONGEST_AGAIN)


def _order(session: Session, case: Case) -> Mapping[str, str]:
    """Of a confidential case 110 gets what a unit would get: the summary, no person, no door number."""
    sealed = outgoing.is_sealed(case)
    contact = session.get_one(Contact, case.contact_id)
    areas = gazetteer.names_of(session, [case])[case.id]
    return {
        "case": case.number,
        "title": "" if sealed else case.title,
        "content": case.unit_summary if sealed else case.content,
        "area": " ".join(areas.values()),
        "place": "" if sealed else case.place_text or "",
        "occurred": case.occurred,
        "urgency": str(case.urgency),
        "caller": "" if sealed else case.requester_name or "",
        "number": "" if sealed else case.number_of_requester or "",
        "received_at": contact.received_at.isoformat(),
        "confidential": "true" if sealed else "",
    }


def settle(session: Session, push_id: UUID, receipt: Receipt) -> None:
    """Note what the platform said. What was answered by a callback meanwhile stays as it is."""
    row = _held(session, push_id)
    if row.state != PushState.WAITING:
        return
    if receipt.state in (ReceiptState.ACCEPTED, ReceiptState.DELIVERED):
        _received(row, receipt.provider_id)
        return
    row.last_error = receipt.reason[:LONGEST_ERROR]
    if receipt.state == ReceiptState.REFUSED or row.attempts >= MOST_TRIES:
        row.state, row.next_try_at = PushState.STUCK, None


def _received(row: PolicePush, number: str) -> None:
    row.receipt = (number or row.receipt)[:64]
    row.state, row.next_try_at, row.last_error = PushState.RECEIVED, None, ""
    row.received_at = row.received_at or now()


def find_due(session: Session) -> int:
    """Take up again what waits; returns how many."""
    due = (PolicePush.state == PushState.WAITING, PolicePush.next_try_at <= now())
    rows = session.scalars(
        select(PolicePush).where(*due).order_by(PolicePush.next_try_at).limit(SWEEP).with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        row.next_try_at = now() + _pause_after(row.attempts + 1)
        emit(session, PolicePushReady(row.id, row.case_id))
    return len(rows)


def replay(session: Session, row: PolicePush, *, by: Actor, key: str) -> PolicePush:
    """By hand, for what is stuck, and for what went by voice alone before the platform was connected."""
    if not by.roles & REPLAYED_BY:
        raise NotAllowed()
    case, done = hold(session, session.get_one(Case, row.case_id), key=key)
    session.refresh(row)
    if done is not None:
        return row
    if row.state not in (PushState.STUCK, PushState.VOICE_ONLY) or not is_wired():
        raise WrongState()
    row.state, row.attempts, row.next_try_at, row.last_error = PushState.WAITING, 0, now(), ""
    notes.add(session, case, Action.PUSH, by=by, key=key, text=PushState.WAITING)
    session.flush()
    emit(session, PolicePushReady(row.id, case.id))
    return row


def hear(session: Session, word: PoliceWord) -> None:
    """What 110 says of an order later; the same word again changes nothing, and nothing comes after the end."""
    row = _find(session, word.key)
    case, _ = hold(session, session.get_one(Case, row.case_id), key=f"heard:{row.id.hex}")
    session.refresh(row)
    if row.state.ended:
        return
    _received(row, word.number)
    if word.state == PushState.RECEIVED:
        return
    row.state, row.ended_at, row.said = PushState(word.state), now(), word.said.strip()[:LONGEST_WORDS]
    session.flush()
    if row.state == PushState.RETURNED:
        _take_back(session, case, row)
    else:
        notes.add(session, case, Action.PUSH, by=SERVICE, key=f"heard:{row.id.hex}", text=f"{row.state}: {row.said}")


def _take_back(session: Session, case: Case, row: PolicePush) -> None:
    """It is ours after all: to be dispatched. A case that somebody has taken up again already only learns of it."""
    key, said = f"heard:{row.id.hex}", f"{OURS_AGAIN}: {row.said}"
    if case.status == CaseStatus.REDIRECTED:
        cases.move(session, case, case, Action.REOPEN, by=SERVICE, key=key, note=said)
    else:
        notes.add(session, case, Action.PUSH, by=SERVICE, key=key, text=f"{row.state}: {row.said}")
    session.flush()


def _find(session: Session, key: str) -> PolicePush:
    try:
        row = session.get(PolicePush, UUID(hex=key))
    except ValueError as error:
        raise NotFound() from error
    if row is None:
        raise NotFound()
    return row


def _held(session: Session, push_id: UUID) -> PolicePush:
    return session.get_one(PolicePush, push_id, with_for_update=True, populate_existing=True)


@dataclass(frozen=True)
class Line:
    push: PolicePush
    case: Case


def recent(session: Session, *, limit: int = 50) -> list[Line]:
    """What needs a person first, then the newest."""
    rows = session.execute(
        select(PolicePush, Case)
        .join(Case, Case.id == PolicePush.case_id)
        .order_by((PolicePush.state == PushState.STUCK).desc(), PolicePush.created_at.desc())
        .limit(limit)
    )
    return [Line(row, case) for row, case in rows]
