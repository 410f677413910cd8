"""撤诉: only the citizen withdraws a matter, on any channel; the service confirms it, and whoever did not want it can say so.

With the code on the progress page, in the thread that the matter came by, or by word to a person of the centre, who writes down
how it was made sure that it was the citizen.
"""

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid
from hotline.services import cases
from hotline.services.actors import SERVICE, Actor
from hotline.services.conversations import threads
from hotline.services.messages import texts
from hotline.settings import get_settings
from models import Action, Case, CaseEvent, CaseStatus, Contact, Message

WITHDRAWABLE = frozenset(
    {
        CaseStatus.UNDER_REVIEW,
        CaseStatus.TO_DISPATCH,
        CaseStatus.DISPATCHED,
        CaseStatus.IN_PROGRESS,
        CaseStatus.REOPENED,
    }
)
ASK = "withdraw_ask"
_NUMBER = r"(\d{6}-\d{8}-\d{6})"
_WISHED = re.compile(rf"(?:我要)?(?:撤诉|撤回|撤销)(?:诉求)?[:： ]*{_NUMBER}")
_CONFIRMED = re.compile(rf"确认撤[回诉][:： ]*{_NUMBER}")


def withdraw(session: Session, case: Case, *, reason: str, by: Actor = SERVICE, key: str, seen: int | None = None) -> CaseEvent:
    """In the citizen's words, or those of whoever heard them."""
    if not reason.strip():
        raise Invalid("Please write why it is withdrawn.", field="reason")
    return cases.advance(session, case, Action.WITHDRAW, by=by, key=key, seen=seen, note=reason)


def hear(session: Session, contact: Contact, message: Message) -> bool:
    """Whether the message was about withdrawing a matter of this very thread; asked first, done when it is confirmed."""
    said = message.text.strip()
    wished, confirmed = _WISHED.fullmatch(said), _CONFIRMED.fullmatch(said)
    found = wished or confirmed
    case = _of_thread(session, contact, found[1]) if found else None
    if case is None:
        return False
    if case.status not in WITHDRAWABLE:
        _say(session, contact, "withdraw_late", case, message)
    elif wished:
        _say(session, contact, ASK, case, message)
    else:
        withdraw(session, case, reason=said, key=f"withdraw:{message.id.hex}")
    return True


def _of_thread(session: Session, contact: Contact, number: str) -> Case | None:
    """Whoever holds the account or the number that the matter came by; nobody else's is found."""
    if contact.conversation_id is None:
        return None
    return session.scalars(
        select(Case)
        .join(Contact, Contact.id == Case.contact_id)
        .where(Case.number == number, Contact.conversation_id == contact.conversation_id)
    ).one_or_none()


def _say(session: Session, contact: Contact, occasion: str, case: Case, message: Message) -> None:
    values = {"number": case.number, "link": f"{get_settings().public_url}/track"}
    text = texts.render(session, occasion, contact.channel, values)
    threads.say(session, contact, text=text, purpose=occasion, key=f"{occasion}:{message.id.hex}")
