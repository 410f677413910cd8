"""What a citizen may wish for on the progress page: to withdraw, to have an end looked at again, to reopen what is closed."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import NotFound
from hotline.services.sideways import refusals, second_look, withdrawing
from models import Case, CaseEvent, CaseStatus, Conclusion, Contact, Request, RequestKind

LOOKS = (RequestKind.SECOND_LOOK, RequestKind.REOPENING)


class Wish(StrEnum):
    WITHDRAW = "withdraw"
    APPEAL = "appeal"
    REOPEN = "reopen"
    RESUME = "resume"  # what the citizen has withdrawn


_OF_STATE: Mapping[str, Wish] = {
    **dict.fromkeys(withdrawing.WITHDRAWABLE, Wish.WITHDRAW),
    **dict.fromkeys(second_look.APPEALABLE, Wish.APPEAL),
    CaseStatus.WITHDRAWN: Wish.RESUME,
    CaseStatus.CLOSED: Wish.REOPEN,
}


def open_to(case: Case, events: Sequence[CaseEvent], looks: Sequence[Request], *, is_asked: bool) -> frozenset[Wish]:
    """One look for each end. Whoever is asked in a survey says it there (`is_asked`)."""
    wish = _OF_STATE.get(case.status)
    if wish is None or (wish == Wish.REOPEN and is_asked):
        return frozenset()
    came = [event.at for event in events if event.to_status == case.status != event.from_status and not event.assignment_id]
    is_spent = wish != Wish.WITHDRAW and any(request.created_at >= max(came, default=case.created_at) for request in looks)
    return frozenset() if is_spent else frozenset({wish})


def say(session: Session, contact_id: UUID, wish: Wish, *, number: str, text: str, key: str) -> None:
    """The same key again does nothing more."""
    contact = session.get_one(Contact, contact_id)
    if wish == Wish.APPEAL and contact.conclusion == Conclusion.REFUSED and number == contact.reference:
        refusals.appeal_of(session, contact, text)
        return
    case = session.scalars(select(Case).where(Case.number == number, Case.contact_id == contact_id)).one_or_none()
    if case is None:
        raise NotFound()
    _ACTS[wish](session, case, text, key)


def _withdraw(session: Session, case: Case, text: str, key: str) -> None:
    withdrawing.withdraw(session, case, reason=text, key=key)


def _appeal(session: Session, case: Case, text: str, key: str) -> None:
    second_look.appeal(session, case, text=text, key=key)


def _reopen(session: Session, case: Case, text: str, key: str) -> None:
    second_look.ask_reopening(session, case, text=text, key=key)


_ACTS: Mapping[Wish, Callable[[Session, Case, str, str], None]] = {
    Wish.WITHDRAW: _withdraw,
    Wish.APPEAL: _appeal,
    Wish.REOPEN: _reopen,
    Wish.RESUME: _appeal,
}
