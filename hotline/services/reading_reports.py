"""The scoreboard of a period: units as `scoring` sees them, and agents side by side in two statements. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.services import scoring
from hotline.services.profiles import Indicator
from hotline.services.reading_wall import first_id_of
from hotline.services.scoring import UnitScore
from models import Case, ClosureKind, Score, Staff, now
from models.base import CITY_TIME


class Period(StrEnum):
    TODAY = "today"
    WEEK = "week"
    MONTH = "month"

    def start(self, at: datetime) -> datetime:
        midnight = at.astimezone(CITY_TIME).replace(hour=0, minute=0, second=0, microsecond=0)
        return {
            Period.TODAY: midnight,
            Period.WEEK: midnight - timedelta(days=midnight.weekday()),
            Period.MONTH: midnight.replace(day=1),
        }[self]


@dataclass(frozen=True)
class AgentLine:
    name: str
    filed: int
    direct: int
    dispatched: int
    means: Mapping[Indicator, float] = field(default_factory=dict)
    surveys: int = 0


@dataclass(frozen=True)
class Board:
    period: Period
    since: datetime
    units: Sequence[UnitScore]
    agents: Sequence[AgentLine]


def board(session: Session, period: Period) -> Board:
    at = now()
    since = period.start(at)
    return Board(period, since, scoring.scoreboard(session, since, at), _agents(session, since))


def _agents(session: Session, since: datetime) -> list[AgentLine]:
    scored: dict[UUID, dict[Indicator, tuple[float, int]]] = {}
    for agent_id, indicator, mean, count in session.execute(
        select(Score.agent_id, Score.indicator, func.avg(Score.value), func.count())
        .where(Score.agent_id.is_not(None), Score.id >= first_id_of(since), Score.scored_at >= since)
        .group_by(Score.agent_id, Score.indicator)
    ):
        scored.setdefault(agent_id, {})[Indicator(indicator)] = (float(mean), count)
    filed = session.execute(
        select(
            Staff.id,
            Staff.name,
            func.count(),
            func.count().filter(Case.closure == ClosureKind.DIRECT),
            func.count().filter(Case.dispatch_count > 0),
        )
        .join(Staff, Staff.id == Case.filed_by_id)
        .where(Case.id >= first_id_of(since), Case.created_at >= since)
        .group_by(Staff.id, Staff.name, Staff.username)
        .order_by(func.count().desc(), Staff.username)
    )
    return [
        _line(name, count, direct, dispatched, scored.get(staff_id, {})) for staff_id, name, count, direct, dispatched in filed
    ]


def _line(name: str, filed: int, direct: int, dispatched: int, scored: Mapping[Indicator, tuple[float, int]]) -> AgentLine:
    means = {indicator: mean for indicator, (mean, _) in scored.items()}
    return AgentLine(name, filed, direct, dispatched, means, scored.get(Indicator.RESOLUTION, (0.0, 0))[1])
