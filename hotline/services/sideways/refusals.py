"""Numbers that are not served for a time after nuisance: agents propose, the shift leader decides, for a term, with an appeal.

Nobody is dropped silently: what a refused number writes is still a contact, concluded with a polite text that says until when and
how to appeal. Urgent words always get through. Calls are the affair of `refused_calls`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from classifier.rules import UrgencyRules
from classifier.types import Level
from hotline.errors import Invalid, NotAllowed, NoteRequired, RuleBroken, WrongState
from hotline.services import queueing
from hotline.services.actors import Actor
from hotline.services.city import places
from hotline.services.conversations import threads
from hotline.services.in_force import InForce
from hotline.services.messages import texts
from hotline.settings import get_settings
from models import Conclusion, Contact, Conversation, Message, NumberRefusal, RefusalState, Role, now
from models.base import CITY_TIME

NUISANCE = "nuisance"
# Kinds of what comes to nothing, as the agent marks them; the first is the usual one.
VOID_CODES = ("misdial", "empty", "test", NUISANCE)
TEXT, HEARD = "refused", "appeal_heard"
_APPEAL = re.compile(r"申诉[:：,，。 ]*(.{2,1000})", re.DOTALL)
MOST_LISTED = 100


class OfCalls(StrEnum):
    TURNED_AWAY = "turned_away"
    SERVED = "served"


class NuisanceRule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    after: Annotated[int, Field(ge=1)]
    within_days: Annotated[int, Field(ge=1)]
    terms_hours: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]
    decided_by: frozenset[Role]
    # Editions of before this was asked served them all.
    calls: OfCalls = OfCalls.SERVED
    reason: str

    def term(self, round_: int) -> timedelta:
        return timedelta(hours=self.terms_hours[min(round_, len(self.terms_hours)) - 1])


def _rule(body: Mapping[str, Any]) -> NuisanceRule:
    return NuisanceRule.model_validate(body)


_IN_FORCE = InForce("nuisance", _rule)
rule = _IN_FORCE.current


@lru_cache(maxsize=1)
def _urgent_words() -> UrgencyRules:
    return UrgencyRules()


def _senders(session: Session, contact: Contact) -> list[tuple[bytes, str]]:
    """By what this contact's sender is known again: the number first, else the account."""
    found = []
    if contact.number_hash is not None and contact.number is not None:
        found.append((bytes(contact.number_hash), contact.number))
    if contact.conversation_id is not None:
        thread = session.get_one(Conversation, contact.conversation_id)
        found.append((bytes(thread.sender_hash), thread.sender))
    return found


def nuisances(session: Session, contact: Contact) -> int:
    """How many contacts of this number or account were marked as nuisance within the rule's time."""
    same = [
        column == value
        for column, value in (
            (Contact.number_hash, contact.number_hash),
            (Contact.conversation_id, contact.conversation_id),
        )
        if value is not None
    ]
    if not same:
        return 0
    since = now() - timedelta(days=rule(session).within_days)
    marked = (Contact.conclusion == Conclusion.VOID, Contact.void_code == NUISANCE, Contact.received_at >= since)
    return session.scalar(select(func.count()).select_from(Contact).where(or_(*same), *marked)) or 0


def propose(session: Session, contact: Contact, *, basis: str, by: Actor) -> NumberRefusal:
    """By whoever has marked the contact as nuisance; what is proposed already stays as it is."""
    if by.staff_id is None or not by.roles & {Role.AGENT, Role.CALLBACK_AGENT, Role.SHIFT_LEADER}:
        raise NotAllowed()
    senders, city = _senders(session, contact), rule(session)
    if not senders:
        raise RuleBroken("This citizen is not known again by a number or an account.")
    proposed = _open(session, senders[0][0])
    if proposed is not None:
        return proposed
    if current(session, contact) is not None:
        raise RuleBroken("This number is refused already.")
    count = nuisances(session, contact)
    if count < city.after:
        raise RuleBroken(
            "A refusal may be proposed after {needed} nuisances within {days} days; so far there are {count}.",
            needed=city.after,
            days=city.within_days,
            count=count,
        )
    row = NumberRefusal(
        sender_hash=senders[0][0],
        sender=senders[0][1],
        contact_id=contact.id,
        basis=basis.strip(),
        nuisances=count,
        round=1 + _rounds(session, senders[0][0]),
        proposed_by_id=by.staff_id,
    )
    session.add(row)
    session.flush()
    return row


def _open(session: Session, sender_hash: bytes) -> NumberRefusal | None:
    proposed = (NumberRefusal.sender_hash == sender_hash, NumberRefusal.state == RefusalState.PROPOSED)
    return session.scalars(select(NumberRefusal).where(*proposed)).one_or_none()


def _rounds(session: Session, sender_hash: bytes) -> int:
    """Earlier ones that stood; one that was lifted on appeal counts as none."""
    stood = (NumberRefusal.sender_hash == sender_hash, NumberRefusal.state == RefusalState.IN_FORCE)
    return session.scalar(select(func.count()).select_from(NumberRefusal).where(*stood)) or 0


def decide(session: Session, row: NumberRefusal, *, grant: bool, note: str, by: Actor) -> NumberRefusal:
    """The number is refused for the rule's term, from now; or not, with the reason. Decided twice, the first counts."""
    _hold(session, row, by)
    if row.state != RefusalState.PROPOSED:
        raise WrongState()
    if not note.strip():
        raise NoteRequired(field="note")
    row.state = RefusalState.IN_FORCE if grant else RefusalState.DECLINED
    row.until = now() + rule(session).term(row.round) if grant else None
    row.decided_by_id, row.decided_at, row.decision_note = by.staff_id, now(), note.strip()
    session.flush()
    return row


def lift(session: Session, row: NumberRefusal, *, note: str, by: Actor) -> NumberRefusal:
    """Before its time: by itself, or because the appeal was right."""
    _hold(session, row, by)
    if row.state != RefusalState.IN_FORCE:
        raise WrongState()
    if not note.strip():
        raise NoteRequired(field="note")
    row.state, row.lifted_at, row.lifted_by_id = RefusalState.LIFTED, now(), by.staff_id
    _answer(session, row, note, lifted=True)
    return row


def keep(session: Session, row: NumberRefusal, *, note: str, by: Actor) -> NumberRefusal:
    """The appeal changes nothing; the citizen is told why."""
    _hold(session, row, by)
    if row.state != RefusalState.IN_FORCE or row.appealed_at is None or row.appeal_decided_at is not None:
        raise WrongState()
    if not note.strip():
        raise NoteRequired(field="note")
    _answer(session, row, note, lifted=False)
    return row


def _answer(session: Session, row: NumberRefusal, note: str, *, lifted: bool) -> None:
    row.decision_note = f"{row.decision_note}\n{note.strip()}"
    if row.appealed_at is not None and row.appeal_decided_at is None:
        row.appeal_decided_at = now()
        contact = session.get_one(Contact, row.contact_id)
        if threads.is_talked(contact):
            verdict = "申诉成立，已恢复受理" if lifted else "申诉已复核，维持原决定"
            threads.say(session, contact, text=f"{verdict}：{note.strip()}", purpose=HEARD, key=f"appeal:{row.id.hex}")
    session.flush()


def _hold(session: Session, row: NumberRefusal, by: Actor) -> None:
    if not by.roles & rule(session).decided_by:
        raise NotAllowed()
    session.refresh(row, with_for_update=True)


def current(session: Session, contact: Contact) -> NumberRefusal | None:
    """Whether this number or account is refused now."""
    known = []
    if contact.number_hash is not None:
        known.append(NumberRefusal.sender_hash == contact.number_hash)
    if contact.conversation_id is not None:
        account = select(Conversation.sender_hash).where(Conversation.id == contact.conversation_id)
        known.append(NumberRefusal.sender_hash == account.scalar_subquery())
    if not known:
        return None
    standing = (NumberRefusal.state == RefusalState.IN_FORCE, NumberRefusal.until > now())
    return session.scalars(
        select(NumberRefusal).where(or_(*known), *standing).order_by(NumberRefusal.until.desc()).limit(1)
    ).first()


def hear(session: Session, contact: Contact, message: Message) -> bool:
    """Whether the message came from a refused number and was answered as such. Whoever an agent has taken is not cut off."""
    if contact.concluded_at is not None or contact.taken_at is not None:
        return False
    row = current(session, contact)
    if row is None or _urgent_words().judge(message.text).level != Level.NORMAL:
        return False
    appealed = _APPEAL.fullmatch(message.text.strip())
    if appealed and row.appealed_at is None:
        appeal(session, row, appealed[1])
        _say(session, contact, HEARD, _told(session, row), message)
        told = in_writing(session, row, HEARD)
    else:
        row.turned_away += 1
        told = in_writing(session, row, TEXT)
        _say(session, contact, TEXT, _told(session, row), message)
    queueing.conclude(session, contact, Conclusion.REFUSED, by=None, note=told)
    return True


def appeal(session: Session, row: NumberRefusal, text: str) -> None:
    """Once for each refusal."""
    if not text.strip():
        raise Invalid("Please write why the refusal is wrong.", field="text")
    if row.state != RefusalState.IN_FORCE or row.appealed_at is not None:
        raise RuleBroken("This has been looked at again already, or is being looked at.")
    row.appeal, row.appealed_at = text.strip(), now()
    session.flush()


def appeal_of(session: Session, contact: Contact, text: str) -> None:
    """On the progress page of a contact that was refused."""
    row = current(session, contact)
    if row is None or contact.conclusion != Conclusion.REFUSED:
        raise WrongState()
    appeal(session, row, text)


def in_writing(session: Session, row: NumberRefusal, occasion: str) -> str:
    """What the contact keeps of what its sender was told."""
    return texts.render(session, occasion, "sms", _told(session, row))


def _told(session: Session, row: NumberRefusal) -> dict[str, str]:
    until = (row.until or now()).astimezone(CITY_TIME)
    return {
        "until": f"{until:%m月%d日 %H:%M}",
        "reason": rule(session).reason,
        "link": f"{get_settings().public_url}/track",
        "hotline": places.hotline_name(session),
    }


def _say(session: Session, contact: Contact, occasion: str, values: Mapping[str, str], message: Message) -> None:
    """Who wrote in the mailbox reads it on the progress page."""
    if threads.is_talked(contact):
        text = texts.render(session, occasion, contact.channel, values)
        threads.say(session, contact, text=text, purpose=occasion, key=f"{occasion}:{message.id.hex}")


@dataclass(frozen=True)
class Listed:
    """What the shift leader decides and looks after; appeals first, then proposals, then what is in force."""

    appeals: Sequence[NumberRefusal]
    proposed: Sequence[NumberRefusal]
    in_force: Sequence[NumberRefusal]
    past: Sequence[NumberRefusal]


def listed(session: Session) -> Listed:
    rows = session.scalars(select(NumberRefusal).order_by(NumberRefusal.created_at.desc()).limit(MOST_LISTED)).all()
    standing = [row for row in rows if row.state == RefusalState.IN_FORCE and row.until and row.until > now()]
    appeals = [row for row in standing if row.appealed_at and not row.appeal_decided_at]
    proposed = [row for row in rows if row.state == RefusalState.PROPOSED]
    return Listed(
        appeals=appeals,
        proposed=proposed,
        in_force=[row for row in standing if row not in appeals],
        past=[row for row in rows if row not in standing and row not in proposed],
    )
