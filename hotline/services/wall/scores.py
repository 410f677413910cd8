"""The seam to the scores: all that the wall, the monthly report and the open figures know of them comes through here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from hotline.services import scoring
from hotline.services.profiles.profiles import Indicator
from models import Score


@dataclass(frozen=True)
class Share:
    """So many of so many; no figure at all while there is nothing to measure."""

    kept: int
    of: int

    @property
    def percent(self) -> str:
        return f"{100 * self.kept / self.of:.1f}" if self.of else ""


NOTHING = Share(0, 0)


def city(
    session: Session, since: datetime, until: datetime, *, unit_id: UUID | None = None, only: Sequence[Indicator] = ()
) -> Mapping[Indicator, Share]:
    """Of all cases that were closed in the period, or of those of one unit."""
    of_unit = [Score.unit_id == unit_id] if unit_id else []
    wanted = [Score.indicator.in_(only)] if only else []
    rows = session.execute(
        select(Score.indicator, func.sum(Score.value), func.count())
        .where(Score.scored_at >= since, Score.scored_at < until, *of_unit, *wanted)
        .group_by(Score.indicator)
    )
    known = {str(each) for each in Indicator}
    return {Indicator(indicator): Share(round(total), count) for indicator, total, count in rows if indicator in known}


class UnitLine(BaseModel):
    """A unit over a period, shares from 0 to 1; what nobody has said anything about is not there."""

    code: str
    name: str
    cases: int
    answered: int
    total: float
    contact: float | None
    on_time: float | None
    resolution: float | None
    satisfaction: float | None


def units(session: Session, since: datetime, until: datetime) -> Sequence[UnitLine]:
    """Best first."""
    return [
        UnitLine(
            code=each.code,
            name=each.name,
            cases=each.cases,
            answered=each.answered_surveys,
            total=each.total,
            contact=each.indicators.get(Indicator.CONTACT),
            on_time=each.indicators.get(Indicator.ON_TIME),
            resolution=each.indicators.get(Indicator.RESOLUTION),
            satisfaction=each.indicators.get(Indicator.SATISFACTION),
        )
        for each in scoring.scoreboard(session, since, until)
    ]


def failed(indicator: Indicator, since: datetime) -> Select[UUID]:
    """The cases whose citizens said no."""
    return select(Score.case_id).where(Score.indicator == indicator, Score.scored_at >= since, Score.value < 1)
