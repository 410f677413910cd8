"""What the agents' desk shows: the queue, one's own contacts, and a contact with all that is known around it. Reads only."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from math import ceil
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Executable, bindparam, literal, or_, select, union_all
from sqlalchemy.orm import Session

from hotline.services import core, queueing
from hotline.services import reading_threads as threads
from hotline.services.access import Me
from hotline.services.messages import outgoing
from hotline.services.messages.outgoing import Prospect
from hotline.services.reading_threads import Line
from models import (
    Area,
    Case,
    CaseStatus,
    Contact,
    Presence,
    PresenceState,
    Role,
    Staff,
    StaffRole,
    Urgency,
)

MOST_WAITING = 50
MOST_IN_HAND = 20
MOST_EARLIER = 8
MOST_SEATS = 1000
CHANNELS = ("voice", "wechat", "sms", "mailbox", "email")


@dataclass(frozen=True)
class Tab:
    channel: str
    waiting: int
    past_clock: int


@dataclass(frozen=True)
class QueueView:
    """The queue as one agent sees it: tabs with counts, what waits, what he or she has in hand, and where the seat stands."""

    channel: str
    page: int
    tabs: Sequence[Tab]
    waiting: Sequence[queueing.Waiting]
    mine: Sequence[Contact]
    seats: Sequence["Seat"]
    me: UUID

    @property
    def total(self) -> Tab:
        return Tab("", sum(tab.waiting for tab in self.tabs), sum(tab.past_clock for tab in self.tabs))

    @property
    def listed(self) -> int:
        """How many wait on the channels that are listed."""
        return _waiting_in(self.tabs, self.channel)

    @property
    def before(self) -> int:
        """How many wait ahead of those that are shown."""
        return (self.page - 1) * MOST_WAITING

    @property
    def beyond(self) -> int:
        """How many wait behind them."""
        return max(0, self.listed - self.before - len(self.waiting))

    @property
    def seat(self) -> "Seat | None":
        return next((seat for seat in self.seats if seat.id == self.me), None)

    @property
    def colleagues(self) -> Sequence["Seat"]:
        """Those to whom a contact may be handed."""
        return [seat for seat in self.seats if seat.id != self.me]


def queue(session: Session, me: Me, channel: str = "", page: int = 1) -> QueueView:
    """A page of it; the last one where the queue has become shorter meanwhile."""
    counted = queueing.counts(session)
    tabs = [Tab(each, counted[each].waiting, counted[each].past_clock) for each in _channels(counted)]
    page = max(1, min(page, ceil(_waiting_in(tabs, channel) / MOST_WAITING)))
    after = (page - 1) * MOST_WAITING
    return QueueView(
        channel=channel,
        page=page,
        tabs=tabs,
        waiting=queueing.waiting(session, channel=channel or None, limit=MOST_WAITING, after=after),
        mine=in_hand(session, me),
        seats=seats(session),
        me=me.staff_id,
    )


def _waiting_in(tabs: Sequence[Tab], channel: str) -> int:
    return sum(tab.waiting for tab in tabs if channel in ("", tab.channel))


def _channels(counted: Mapping[str, queueing.Count]) -> list[str]:
    return [each for each in CHANNELS if each in counted] + sorted(set(counted) - set(CHANNELS))


_IN_HAND = (
    select(Contact)
    .where(Contact.taken_by_id == bindparam("person"), Contact.concluded_at.is_(None))
    .order_by(Contact.taken_at.desc())
    .limit(MOST_IN_HAND)
)


def in_hand(session: Session, me: Me) -> Sequence[Contact]:
    """The contacts this person has taken and not concluded, the latest first."""
    return session.scalars(_IN_HAND, {"person": me.staff_id}).all()


@dataclass(frozen=True)
class EarlierContact:
    id: UUID
    reference: str
    channel: str
    subject: str
    received_at: datetime
    concluded: bool


@dataclass(frozen=True)
class EarlierCase:
    number: str
    title: str
    status: CaseStatus
    urgency: Urgency
    matter: int
    created_at: datetime


@dataclass(frozen=True)
class ContactView:
    """A contact, what was said in it, and what this number and this place have been about before."""

    contact: Contact
    thread: Sequence[Line]
    suggestion: Mapping[str, Any] | None
    filed: Sequence[EarlierCase]
    of_number: Sequence[EarlierContact]
    cases_of_number: Sequence[EarlierCase]
    of_place: Sequence[EarlierCase]

    @property
    def prospect(self) -> Prospect:
        """What is known before an answer is written; nothing where there is no thread."""
        if self.contact.conversation_id is None or not self.thread:
            return Prospect()
        now = self.thread[-1]
        return outgoing.prospect(
            self.contact,
            has_left=now.has_left,
            is_opted_out=now.is_opted_out,
            is_number_opted_out=now.is_number_opted_out,
        )

    @property
    def open_questions(self) -> Sequence[str]:
        """What the service is still asking the citizen."""
        return (self.thread[-1].open_questions if self.thread else None) or ()

    @property
    def words(self) -> frozenset[str]:
        """The words that decided the suggestion, for marking them in the text."""
        if not self.suggestion:
            return frozenset()
        ranked = [*self.suggestion.get("category", ())[:1], *self.suggestion.get("unit", ())[:1]]
        return frozenset(word for each in ranked for word in each.get("words", ()))


def contact_view(
    session: Session, contact: Contact, *, suggestion: Mapping[str, Any] | None, community_code: str | None = None
) -> ContactView:
    cases = _cases_around(session, contact, community_code)
    return ContactView(
        contact=contact,
        thread=threads.lines(session, contact),
        suggestion=suggestion,
        filed=cases["contact"],
        of_number=_contacts_of_number(session, contact, but={case.number for case in cases["number"]}),
        cases_of_number=cases["number"],
        of_place=cases["place"],
    )


_OF_NUMBER = (
    select(
        Contact.id,
        Contact.reference,
        Contact.channel,
        Contact.subject,
        Contact.received_at,
        Contact.concluded_at.is_not(None),
    )
    .where(
        or_(
            Contact.number_hash == bindparam("number"),
            Contact.citizen_id == bindparam("citizen"),
            Contact.conversation_id == bindparam("conversation"),
        ),
        Contact.id != bindparam("contact"),
        Contact.confidential.is_(False),
    )
    .order_by(Contact.created_at.desc())
    .limit(MOST_EARLIER)
)


def _contacts_of_number(session: Session, contact: Contact, *, but: Collection[str]) -> Sequence[EarlierContact]:
    """Of the number, of the citizen it was bound to on whatever channel, of the thread.

    Without those that a case already stands for: a contact's first case bears its number.
    """
    known = {"number": contact.number_hash, "citizen": contact.citizen_id, "conversation": contact.conversation_id}
    if not any(known.values()):
        return ()
    rows: Iterable[Sequence[Any]] = core.run(session, _OF_NUMBER, {**known, "contact": contact.id})
    found = [EarlierContact(*row) for row in rows]
    return [earlier for earlier in found if earlier.reference not in but]


def _cases_around(session: Session, contact: Contact, community_code: str | None) -> dict[str, list[EarlierCase]]:
    """Cases of the contact itself, of its number and of its place, in one statement. Others' confidential ones are left out."""
    known = {"contact": contact.id, "number": contact.number_hash, "place": community_code}
    found: dict[str, list[EarlierCase]] = {"contact": [], "number": [], "place": []}
    for row in core.run(session, _cases_by(frozenset(why for why, value in known.items() if value)), known):
        case = EarlierCase(row.number, row.title, CaseStatus(row.status), Urgency(row.urgency), row.matter, row.created_at)
        found[row.why].append(case)
    return found


@cache
def _cases_by(known: frozenset[str]) -> Executable:
    elsewhere = (Case.contact_id != bindparam("contact"), Case.confidential.is_(False))
    conditions: dict[str, tuple[ColumnElement[bool], ...]] = {
        "contact": (Case.contact_id == bindparam("contact"),),
        "number": (Case.number_hash == bindparam("number"), *elsewhere),
        "place": (Case.community_code == bindparam("place"), *elsewhere),
    }
    parts = [
        select(literal(why).label("why"), Case.number, Case.title, Case.status, Case.urgency, Case.matter, Case.created_at)
        .where(*conditions[why])
        .order_by(Case.created_at.desc())
        .limit(MOST_EARLIER)
        .subquery()
        for why in sorted(known)
    ]
    return union_all(*map(select, parts))


@dataclass(frozen=True)
class Seat:
    id: UUID
    name: str
    state: PresenceState
    reason: str
    since: datetime


_SEATS = (
    select(Staff.id, Staff.name, Presence.state, Presence.reason, Presence.since)
    .join(Presence, Presence.staff_id == Staff.id)
    .join(StaffRole, StaffRole.staff_id == Staff.id)
    .where(Presence.state != PresenceState.OFFLINE, StaffRole.role.in_((Role.AGENT, Role.CALLBACK_AGENT)), Staff.active)
    .distinct()
    .order_by(Staff.name)
    .limit(MOST_SEATS)
)


def seats(session: Session) -> Sequence[Seat]:
    """The agents at their desks now."""
    rows = core.run(session, _SEATS, {})
    return [Seat(row.id, row.name, PresenceState(row.state), row.reason, row.since) for row in rows]


def area_names(session: Session, codes: Sequence[str | None]) -> str:
    """河西街道 › 银杏社区 › 第三网格, of the codes that are given."""
    wanted = [code for code in codes if code]
    if not wanted:
        return ""
    names = {code: name for code, name in session.execute(select(Area.code, Area.name).where(Area.code.in_(wanted)))}
    return " › ".join(names[code] for code in wanted if code in names)
