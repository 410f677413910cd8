"""The figures of one month, of the city or of one unit: plain values, for they are kept as they were signed."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Integer, and_, case, cast, func, select
from sqlalchemy.orm import Session

from hotline.services.monthly.months import Month
from hotline.services.reading_calls import ANSWERED, ASKED, SOON
from hotline.services.reading_wall import first_id_of
from hotline.services.scores import rule as rules
from hotline.services.wall import scores
from hotline.services.wall.prompt import epoch_of
from hotline.services.wall.scores import UnitLine
from models import (
    Action,
    Area,
    Assignment,
    AssignmentStatus,
    Call,
    Case,
    CaseEvent,
    CaseStatus,
    Category,
    Contact,
    Direction,
    TaxonomyVersion,
    Unit,
)

DAY_SECONDS = 86_400
OTHER = "other"


class Calls(BaseModel):
    asked: int = 0
    answered: int = 0
    soon: int = 0


class Figures(BaseModel):
    """`shares`: of each indicator, how many of how many. `least_cases`: with fewer a unit stands apart, as in the ranking."""

    received: int = 0
    by_channel: dict[str, int] = {}
    calls: Calls = Calls()
    filed: int = 0
    by_day: list[int] = []
    by_type: dict[str, int] = {}
    by_category: dict[str, int] = {}
    by_place: dict[str, int] = {}
    direct: int = 0
    dispatched: int = 0
    answered: int = 0
    returned: int = 0
    closed: int = 0
    shares: dict[str, tuple[int, int]] = {}
    units: list[UnitLine] = []
    least_cases: int = 0

    @property
    def ranked(self) -> list[UnitLine]:
        return [line for line in self.units if line.cases >= self.least_cases]

    @property
    def unranked(self) -> list[UnitLine]:
        return [line for line in self.units if line.cases < self.least_cases]

    @property
    def is_empty(self) -> bool:
        return not (self.received or self.filed or self.closed or self.answered)


@dataclass(frozen=True)
class Names:
    """What codes are called, looked up once for all months that are compared."""

    categories: Mapping[str, str]  # of the first level above each
    places: Mapping[str, str]


def names(session: Session) -> Names:
    return Names(_roots(session), _places(session))


def of_month(session: Session, month: Month, unit: Unit | None, known: Names) -> Figures:
    """Of a unit: the cases that it leads. A month of which nothing is known gives nothing but zeros."""
    figures = to_compare(session, month, unit, known)
    if unit is None:
        figures.calls = _calls(session, month)
        figures.units = list(scores.units(session, month.start, month.end))
        figures.least_cases = rules.of_rule(rules.editions(session).on(month.first)).least_cases
    return figures


def to_compare(session: Session, month: Month, unit: Unit | None, known: Names) -> Figures:
    """Without the calls and the units, which are not compared."""
    filed = _Filed(session, month, unit, known)
    shares = scores.city(session, month.start, month.end, unit_id=unit.id if unit else None)
    channels = _channels(session, month) if unit is None else {}
    return Figures(
        received=sum(channels.values()),
        by_channel=channels,
        filed=sum(filed.by_day),
        by_day=filed.by_day,
        by_type=dict(filed.by_type.most_common()),
        by_category=dict(filed.by_category.most_common()),
        by_place=dict(filed.by_place.most_common()),
        shares={str(indicator): (share.kept, share.of) for indicator, share in shares.items()},
        **_steps(session, month, unit),
    )


def volume(session: Session, month: Month, unit: Unit | None) -> Figures:
    """How much came, and nothing else."""
    filed = select(func.count()).select_from(Case).where(*_filed_in(month, unit))
    received = sum(_channels(session, month).values()) if unit is None else 0
    return Figures(received=received, filed=session.scalar(filed) or 0)


def _filed_in(month: Month, unit: Unit | None) -> list[ColumnElement[bool]]:
    of_unit = [Case.lead_unit_id == unit.id] if unit else []
    return [Case.id >= first_id_of(month.start), Case.created_at >= month.start, Case.created_at < month.end, *of_unit]


class _Filed:
    """The cases that were filed, counted in one pass: by day, type, category and street."""

    def __init__(self, session: Session, month: Month, unit: Unit | None, known: Names) -> None:
        self.by_day = [0] * month.days
        self.by_type, self.by_category, self.by_place = Counter[str](), Counter[str](), Counter[str]()
        day = ((epoch_of(Case.created_at) - int(month.start.timestamp())) // DAY_SECONDS).label("day")
        what = (day, Case.request_type, Case.category_code, Case.township_code)
        rows = session.execute(select(*what, func.count()).where(*_filed_in(month, unit)).group_by(*what))
        for number, kind, category, township, count in rows:
            self.by_day[number] += count
            self.by_type[str(kind)] += count
            self.by_category[known.categories.get(category, OTHER)] += count
            self.by_place[known.places.get(township or "", OTHER)] += count


def _roots(session: Session) -> Mapping[str, str]:
    """The name of the first level above each category of the edition in force."""
    edition = select(TaxonomyVersion.id).where(TaxonomyVersion.current).limit(1).scalar_subquery()
    rows = session.execute(
        select(Category.code, Category.name, Category.parent_code).where(Category.taxonomy_id == edition)
    ).all()
    parents = {code: parent for code, _, parent in rows}
    names = {code: name for code, name, _ in rows}

    def root(code: str) -> str:
        while parent := parents.get(code):
            code = parent
        return names[code]

    return {code: root(code) for code in names}


def _places(session: Session) -> Mapping[str, str]:
    return {code: name for code, name in session.execute(select(Area.code, Area.name).where(Area.valid_to.is_(None)))}


def _steps(session: Session, month: Month, unit: Unit | None) -> dict[str, int]:
    """What was done in the month, whenever the cases were filed."""
    of_case = CaseEvent.assignment_id.is_(None)
    steps: dict[str, ColumnElement[bool]] = {
        "direct": and_(of_case, CaseEvent.action == Action.ANSWER_DIRECTLY),
        "dispatched": and_(of_case, CaseEvent.action == Action.DISPATCH),
        "answered": and_(of_case, CaseEvent.to_status == CaseStatus.ANSWERED, _moved()),
        "returned": and_(of_case, CaseEvent.to_status == CaseStatus.TO_DISPATCH, CaseEvent.from_status.in_(_AT_UNIT)),
        "closed": and_(of_case, CaseEvent.to_status == CaseStatus.CLOSED, _moved()),
    }
    asked = select(*(func.coalesce(func.sum(case((step, 1), else_=0)), 0) for step in steps.values())).where(
        CaseEvent.at >= month.start, CaseEvent.at < month.end
    )
    if unit is not None:
        asked = asked.join(Case, Case.id == CaseEvent.case_id).where(Case.lead_unit_id == unit.id)
    row = session.execute(asked).one()
    done = {name: int(count) for name, count in zip(steps, row, strict=True)}
    return done if unit is None else {**done, "returned": _given_back(session, month, unit)}


def _given_back(session: Session, month: Month, unit: Unit) -> int:
    """By the unit itself: another one leads those cases now."""
    returned = (CaseEvent.to_status == AssignmentStatus.RETURNED, _moved(), Assignment.lead, Assignment.parent_id.is_(None))
    counted = select(func.count()).select_from(CaseEvent).join(Assignment, Assignment.id == CaseEvent.assignment_id)
    in_month = (CaseEvent.at >= month.start, CaseEvent.at < month.end)
    return session.scalar(counted.where(Assignment.unit_id == unit.id, *returned, *in_month)) or 0


_AT_UNIT = (CaseStatus.DISPATCHED.value, CaseStatus.IN_PROGRESS.value)


def _moved() -> ColumnElement[bool]:
    return CaseEvent.from_status.is_distinct_from(CaseEvent.to_status)


def _channels(session: Session, month: Month) -> dict[str, int]:
    rows = session.execute(
        select(Contact.channel, func.count())
        .where(Contact.id >= first_id_of(month.start), Contact.received_at >= month.start, Contact.received_at < month.end)
        .group_by(Contact.channel)
        .order_by(func.count().desc(), Contact.channel)
    )
    return {channel: count for channel, count in rows}


def _calls(session: Session, month: Month) -> Calls:
    """As the wall counts them: who hung up at once neither got through nor was lost."""
    counted = [cast(func.sum(case((each, 1), else_=0)), Integer) for each in (ASKED, ANSWERED, SOON)]
    row = session.execute(
        select(*counted).where(Call.started_at >= month.start, Call.started_at < month.end, Call.direction == Direction.IN)
    ).one()
    return Calls(asked=row[0] or 0, answered=row[1] or 0, soon=row[2] or 0)
