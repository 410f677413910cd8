"""The figures of the moment for the wall, from the queue, today's arrivals, today's history and the open cases. Reads only.

Ids are in the order of time (UUIDv7), so that "today" is the end of an index even in tables that have none on their times.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, and_, case, cast, exists, extract, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from hotline.services import queue_rule, queueing, reading_calls
from hotline.services.profiles import Indicator
from hotline.services.queueing import Count
from hotline.services.reading_calls import CallFigures
from hotline.settings import get_settings
from models import (
    Action,
    Area,
    AreaKind,
    Call,
    CallLeg,
    Case,
    CaseEvent,
    CaseStatus,
    Contact,
    Presence,
    PresenceState,
    QueueEntry,
    Score,
    Staff,
    Unit,
    Urgency,
    now,
)
from models.base import CITY_TIME

HALF_HOURS = 48
HALF_HOUR = 1800
NEAR = timedelta(hours=4)
OPINIONS_OF = timedelta(days=7)
MOST_UNITS = 6
MOST_SQUARES = 1500
HEATS = 5
TEXTS = ("sms", "wechat")
LETTERS = ("mailbox", "email")


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
class Share:
    """So many of so many; no figure at all while there is nothing to measure."""

    kept: int
    of: int

    @property
    def percent(self) -> str:
        return f"{100 * self.kept / self.of:.1f}" if self.of else ""


@dataclass(frozen=True)
class Late:
    unit: str
    open: int
    near: int
    overdue: int


@dataclass(frozen=True)
class Square:
    name: str
    count: int
    heat: int  # 0 to 5


@dataclass(frozen=True)
class Wall:
    at: datetime
    waiting: Mapping[str, Count]
    limits: Mapping[str, float]
    presence: Mapping[PresenceState, int]
    free: int  # available, and in no call
    arrivals: Sequence[int]
    today: Today
    prompt_texts: Share
    prompt_letters: Share
    resolution: Share
    satisfaction: Share
    late: Sequence[Late]
    squares: Sequence[Square]
    alarms: int
    open_emergencies: int
    calls: CallFigures | None  # where the telephone is on

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


def figures(session: Session) -> Wall:
    at = now()
    start = at.astimezone(CITY_TIME).replace(hour=0, minute=0, second=0, microsecond=0)
    rule = queue_rule.current(session)
    limits = {channel: rule.limit(channel, Urgency.NORMAL) for channel in (*TEXTS, *LETTERS, "voice")}
    arrived, prompt = _arrivals(session, start, at, limits)
    opinions = _opinions(session, at - OPINIONS_OF)
    alarms = session.scalar(
        select(func.count()).select_from(QueueEntry).where(QueueEntry.urgency_weight >= rule.weight(Urgency.EMERGENCY))
    )
    return Wall(
        at=at,
        waiting=queueing.counts(session),
        limits=limits,
        presence=_presence(session),
        free=_free(session),
        arrivals=arrived,
        today=_today(session, start, received=sum(arrived)),
        prompt_texts=_prompt(prompt, TEXTS),
        prompt_letters=_prompt(prompt, LETTERS),
        resolution=opinions.get(Indicator.RESOLUTION, Share(0, 0)),
        satisfaction=opinions.get(Indicator.SATISFACTION, Share(0, 0)),
        late=_late(session, at),
        squares=_squares(session, start),
        alarms=alarms or 0,
        open_emergencies=_open_emergencies(session),
        calls=reading_calls.call_figures(session) if get_settings().telephony == "on" else None,
    )


def first_id_of(at: datetime) -> UUID:
    """No record that was made at this time or later has a smaller id."""
    return UUID(int=int(at.timestamp() * 1000) << 80)


def _seconds(column: InstrumentedAttribute[Any]) -> ColumnElement[int]:
    return cast(extract("epoch", column), Integer)


def _arrivals(session: Session, start: datetime, at: datetime, limits: Mapping[str, float]) -> tuple[list[int], dict[str, Share]]:
    """Contacts of each half hour; and by channel how many were taken within their clock, of those for whom that is known."""
    waited = _seconds(Contact.taken_at) - _seconds(Contact.received_at)
    limit = case(*((Contact.channel == channel, int(seconds)) for channel, seconds in limits.items()), else_=0)
    past = int(at.timestamp()) - _seconds(Contact.received_at) > limit
    half_hour = ((_seconds(Contact.received_at) - int(start.timestamp())) // HALF_HOUR).label("half_hour")
    rows = session.execute(
        select(
            half_hour,
            Contact.channel,
            func.count(),
            func.sum(case((waited <= limit, 1), else_=0)),
            func.sum(case((Contact.taken_at.is_not(None) | past, 1), else_=0)),
        )
        .where(Contact.received_at >= start)
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
    speaks = (
        exists()
        .where(CallLeg.staff_id == Presence.staff_id, CallLeg.answered_at.is_not(None), CallLeg.ended_at.is_(None))
        .where(Call.id == CallLeg.call_id, Call.ended_at.is_(None))
    )
    found = session.scalar(
        select(func.count())
        .select_from(Presence)
        .join(Staff, Staff.id == Presence.staff_id)
        .where(Staff.active, Presence.state == PresenceState.AVAILABLE, ~speaks)
    )
    return found or 0


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


def _opinions(session: Session, since: datetime) -> dict[Indicator, Share]:
    rows = session.execute(
        select(Score.indicator, func.sum(Score.value), func.count())
        .where(Score.id >= first_id_of(since), Score.scored_at >= since)
        .group_by(Score.indicator)
    )
    return {Indicator(indicator): Share(round(total), count) for indicator, total, count in rows}


def _late(session: Session, at: datetime) -> list[Late]:
    """The units with the most overdue cases, then with the most that will be soon."""
    overdue, near = _count(Case.due_at < at), _count(Case.due_at >= at, Case.due_at < at + NEAR)
    rows = session.execute(
        select(Unit.short, func.count(), near, overdue)
        .join(Unit, Unit.id == Case.lead_unit_id)
        .where(Case.status.in_([CaseStatus.DISPATCHED, CaseStatus.IN_PROGRESS]))
        .group_by(Unit.id, Unit.short)
        .order_by(overdue.desc(), near.desc(), func.count().desc(), Unit.short)
        .limit(MOST_UNITS)
    )
    return [Late(*row) for row in rows]


def _squares(session: Session, start: datetime) -> list[Square]:
    """One for each community in the order of their codes, by the cases filed there today."""
    counts = select(Case.community_code, func.count().label("cases")).where(
        Case.id >= first_id_of(start), Case.created_at >= start, Case.community_code.is_not(None)
    )
    of_today = counts.group_by(Case.community_code).subquery()
    rows = session.execute(
        select(Area.name, func.coalesce(of_today.c.cases, 0))
        .outerjoin(of_today, of_today.c.community_code == Area.code)
        .where(Area.kind == AreaKind.COMMUNITY, Area.valid_to.is_(None))
        .order_by(Area.code)
        .limit(MOST_SQUARES)
    ).all()
    # A quiet day stays pale: the strongest colour means at least five.
    most = max([HEATS, *(count for _, count in rows)])
    return [Square(name, count, -(-HEATS * count // most)) for name, count in rows]


def _open_emergencies(session: Session) -> int:
    at_work = Case.status.in_([CaseStatus.TO_DISPATCH, CaseStatus.DISPATCHED, CaseStatus.IN_PROGRESS])
    return session.scalar(select(func.count()).select_from(Case).where(at_work, Case.urgency == Urgency.EMERGENCY)) or 0
