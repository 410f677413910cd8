"""The figures of the moment for the wall, from the queue, today's arrivals, today's history and the open cases. Reads only.

Ids are in the order of time (UUIDv7), so that "today" is the end of an index even in tables that have none on their times.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session

from hotline.services import queue_rule, queueing, reading_calls
from hotline.services.profiles.profiles import Indicator
from hotline.services.queueing import Count
from hotline.services.reading_calls import CallFigures
from hotline.services.wall import ground, prompt, scores
from hotline.services.wall.ground import Ground, Heat
from hotline.services.wall.prompt import LETTERS, TEXTS, epoch_of
from hotline.services.wall.scores import NOTHING, Share
from hotline.settings import get_settings
from models import (
    Action,
    Call,
    CallLeg,
    Case,
    CaseEvent,
    CaseStatus,
    Contact,
    Presence,
    PresenceState,
    QueueEntry,
    Staff,
    Unit,
    Urgency,
    now,
)
from models.base import CITY_TIME, FIRST_DATED

HALF_HOURS = 48
HALF_HOUR = 1800
NEAR = timedelta(hours=4)
OPINIONS_OF = timedelta(days=7)
MOST_UNITS = 6
# A case that was closed in this very moment counts as well.
HARDLY = timedelta(seconds=1)


@dataclass(frozen=True)
class Today:
    """What happened since midnight in the city."""

    received: int
    filed: int
    direct: int
    dispatched: int
    closed: int

    @property
    def direct_share(self) -> float | None:
        return self.direct / self.filed if self.filed else None


@dataclass(frozen=True)
class Late:
    code: str
    unit: str
    open: int
    near: int
    overdue: int

    @property
    def late_share(self) -> float:
        return self.overdue / self.open if self.open else 0.0


@dataclass(frozen=True)
class Opinions:
    """What citizens said of the cases that were closed in a time."""

    resolution: Share
    satisfaction: Share


@dataclass(frozen=True)
class Wall:
    at: datetime
    waiting: Mapping[str, Count]
    limits: Mapping[str, float]
    presence: Mapping[PresenceState, int]
    free: int  # available, and in no call
    writing: int  # people with a citizen's messages or letter at hand
    arrivals: Sequence[int]
    usual: Sequence[float]  # arrivals of such a day of the week; none while nobody knows
    today: Today
    prompt_texts: Share
    prompt_letters: Share
    opinions: Opinions  # today
    opinions_of_week: Opinions
    late: Sequence[Late]
    ground: Ground
    heats: Sequence[Heat]
    counts: Mapping[str, int]  # cases of today by the code of any area
    emergencies_waiting: int
    open_emergencies: int
    calls: CallFigures | None  # where the telephone is on

    @property
    def slot(self) -> int:
        """The half hour that it is now."""
        local = self.at.astimezone(CITY_TIME)
        return local.hour * 2 + local.minute // 30

    @property
    def total_waiting(self) -> int:
        return sum(count.waiting for count in self.waiting.values())

    @property
    def prompt_calls(self) -> Share:
        return Share(self.calls.soon_today, self.calls.answered_today + self.calls.abandoned_today) if self.calls else Share(0, 0)

    @property
    def connected_calls(self) -> Share:
        return Share(self.calls.answered_24h, self.calls.asked_24h) if self.calls else Share(0, 0)

    def waiting_of(self, *channels: str) -> Count:
        there = [self.waiting[channel] for channel in channels if channel in self.waiting]
        return Count(
            sum(count.waiting for count in there),
            max((count.oldest_seconds for count in there), default=0.0),
            sum(count.past_clock for count in there),
        )


def midnight(at: datetime) -> datetime:
    """When the city's day began."""
    return at.astimezone(CITY_TIME).replace(hour=0, minute=0, second=0, microsecond=0)


def figures(session: Session, land: Ground, usual: Sequence[float], opinions_of_week: Opinions) -> Wall:
    at = now()
    start = midnight(at)
    rule = queue_rule.current(session)
    limits = {channel: rule.limit(channel, Urgency.NORMAL) for channel in (*TEXTS, *LETTERS, "voice")}
    arrived, prompt = _arrivals(session, start, at, limits)
    heats, counts = ground.heats(session, land, start, first_id=first_id_of(start))
    emergencies = session.scalar(
        select(func.count()).select_from(QueueEntry).where(QueueEntry.urgency_weight >= rule.weight(Urgency.EMERGENCY))
    )
    return Wall(
        at=at,
        waiting=queueing.counts(session),
        limits=limits,
        presence=_presence(session),
        free=_free(session),
        writing=_writing(session),
        arrivals=arrived,
        usual=usual,
        today=_today(session, start, received=sum(arrived)),
        prompt_texts=_prompt(prompt, TEXTS),
        prompt_letters=_prompt(prompt, LETTERS),
        opinions=_opinions(session, start, at),
        opinions_of_week=opinions_of_week,
        late=_late(session, at),
        ground=land,
        heats=heats,
        counts=counts,
        emergencies_waiting=emergencies or 0,
        open_emergencies=_open_emergencies(session),
        calls=reading_calls.call_figures(session) if get_settings().telephony == "on" else None,
    )


def opinions_of_week(session: Session) -> Opinions:
    """Of the last seven days, to be asked for now and then."""
    at = now()
    return _opinions(session, at - OPINIONS_OF, at)


def first_id_of(at: datetime) -> UUID:
    """No record that was made at this time or later has a smaller id."""
    return UUID(int=int(at.timestamp() * 1000) << 80)


def _arrivals(session: Session, start: datetime, at: datetime, limits: Mapping[str, float]) -> tuple[list[int], dict[str, Share]]:
    """Contacts of each half hour; and by channel how many were taken within their clock, of those for whom that is known."""
    half_hour = ((epoch_of(Contact.received_at) - int(start.timestamp())) // HALF_HOUR).label("half_hour")
    rows = session.execute(
        select(
            half_hour,
            Contact.channel,
            func.count(),
            _count(prompt.in_time(limits)),
            _count(prompt.decided(limits, at)),
        )
        .where(Contact.received_at >= start, Contact.id >= FIRST_DATED)
        .group_by(half_hour, Contact.channel)
    )
    counts, kept = [0] * HALF_HOURS, dict[str, Share]()
    for slot_number, channel, count, in_time, decided in rows:
        counts[min(max(slot_number, 0), HALF_HOURS - 1)] += count
        before = kept.get(channel, Share(0, 0))
        kept[channel] = Share(before.kept + int(in_time), before.of + int(decided))
    return counts, kept


def _prompt(shares: Mapping[str, Share], channels: Sequence[str]) -> Share:
    there = [shares[channel] for channel in channels if channel in shares]
    return Share(sum(share.kept for share in there), sum(share.of for share in there))


def _presence(session: Session) -> dict[PresenceState, int]:
    rows = session.execute(
        select(Presence.state, func.count())
        .join(Staff, Staff.id == Presence.staff_id)
        .where(Staff.active)
        .group_by(Presence.state)
    )
    return {PresenceState(state): count for state, count in rows}


def _free(session: Session) -> int:
    # From the few calls that are open: of each person's legs there are years.
    speaking = (
        select(CallLeg.staff_id)
        .join(Call, Call.id == CallLeg.call_id)
        .where(Call.ended_at.is_(None), CallLeg.ended_at.is_(None), CallLeg.answered_at.is_not(None))
        .where(CallLeg.staff_id.is_not(None))
    )
    found = session.scalar(
        select(func.count())
        .select_from(Presence)
        .join(Staff, Staff.id == Presence.staff_id)
        .where(Staff.active, Presence.state == PresenceState.AVAILABLE, Presence.staff_id.not_in(speaking))
    )
    return found or 0


def _writing(session: Session) -> int:
    """Who has something in writing open, whatever else."""
    at_hand = (Contact.taken_by_id.is_not(None), Contact.concluded_at.is_(None), Contact.channel.in_([*TEXTS, *LETTERS]))
    return session.scalar(select(func.count(Contact.taken_by_id.distinct())).where(*at_hand)) or 0


def _today(session: Session, start: datetime, *, received: int) -> Today:
    row = session.execute(
        select(
            _count(CaseEvent.from_status.is_(None)),
            _count(CaseEvent.action == Action.ANSWER_DIRECTLY),
            _count(CaseEvent.action == Action.DISPATCH),
            _count(CaseEvent.to_status == CaseStatus.CLOSED, CaseEvent.from_status.is_distinct_from(CaseEvent.to_status)),
        ).where(CaseEvent.id >= first_id_of(start), CaseEvent.at >= start, CaseEvent.assignment_id.is_(None))
    ).one()
    return Today(received, *map(int, row))


def _count(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((and_(*conditions), 1), else_=0)), 0)


def _opinions(session: Session, since: datetime, until: datetime) -> Opinions:
    shares = scores.city(session, since, until + HARDLY, only=(Indicator.RESOLUTION, Indicator.SATISFACTION))
    return Opinions(shares.get(Indicator.RESOLUTION, NOTHING), shares.get(Indicator.SATISFACTION, NOTHING))


def _late(session: Session, at: datetime) -> list[Late]:
    """The units with the most overdue cases, then with the most that will be soon."""
    overdue, near = _count(Case.due_at < at), _count(Case.due_at >= at, Case.due_at < at + NEAR)
    rows = session.execute(
        select(Unit.code, Unit.short, func.count(), near, overdue)
        .join(Unit, Unit.id == Case.lead_unit_id)
        .where(Case.status.in_([CaseStatus.DISPATCHED, CaseStatus.IN_PROGRESS]))
        .group_by(Unit.id, Unit.code, Unit.short)
        .order_by(overdue.desc(), near.desc(), func.count().desc(), Unit.short)
        .limit(MOST_UNITS)
    )
    return [Late(*row) for row in rows]


def _open_emergencies(session: Session) -> int:
    at_work = Case.status.in_([CaseStatus.TO_DISPATCH, CaseStatus.DISPATCHED, CaseStatus.IN_PROGRESS])
    return session.scalar(select(func.count()).select_from(Case).where(at_work, Case.urgency == Urgency.EMERGENCY)) or 0
