"""What returns teach: a unit that rightly gave cases of a category back again and again is suggested for it no more."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import sqrt
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, true
from sqlalchemy.orm import Session

from classifier import Move
from hotline.errors import NotFound
from hotline.services import access
from hotline.services.access import Me
from hotline.words import say
from models import (
    Area,
    Assignment,
    AssignmentStatus,
    Case,
    Category,
    Duty,
    Request,
    RequestKind,
    RequestState,
    TaxonomyVersion,
    Unit,
    now,
)

WINDOW = timedelta(days=180)
# Granted returns before anything is concluded, and areas before it is concluded for the whole city.
FEWEST, FEWEST_AREAS = 3, 2
ONE_SIDED_95 = 1.645
SECOND_LEVEL = 2
MOST_SHOWN = 300
CONCLUDED = and_(Duty.learnt, ~Duty.switched_off)


class ReturnReason(StrEnum):
    NOT_MY_AREA = "not_my_area"
    NOT_MY_DUTY = "not_my_duty"
    UNCLEAR_PLACE = "unclear_place"
    DUPLICATE = "duplicate"
    OTHER_LEAD = "other_lead"

    @property
    def points_elsewhere(self) -> bool:
        """Then the unit names the one that it thinks is responsible."""
        return self not in (ReturnReason.UNCLEAR_PLACE, ReturnReason.DUPLICATE)


# A unit gave the case back, or the dispatcher took it away from there unasked.
TEACHING = (RequestKind.RETURN, RequestKind.CORRECTION)
ELSEWHERE = tuple(reason for reason in ReturnReason if reason.points_elsewhere)


def hear(session: Session, request: Request) -> None:
    """Count anew what a decided return says of its category, in its township and everywhere; again it counts the same."""
    if request.kind not in TEACHING or request.reason_code not in ELSEWHERE:
        return
    assignment = session.get_one(Assignment, request.assignment_id)
    case = session.get_one(Case, request.case_id)
    if not assignment.lead or assignment.parent_id is not None:  # what goes to and fro below a unit is its own affair
        return
    category = _second_level(session, case)
    unit = session.get_one(Unit, assignment.unit_id)
    for area in dict.fromkeys((case.township_code or "", "")):
        _count(session, category, area, unit)


def review(session: Session) -> None:
    """What lies too far back counts no more."""
    for duty, unit in session.execute(select(Duty, Unit).join(Unit, Unit.code == Duty.unit_code)).all():
        _count(session, duty.category_code, duty.area_code, unit)


def _second_level(session: Session, case: Case) -> str:
    """The level that is suggested."""
    category = session.scalars(
        select(Category).where(Category.taxonomy_id == case.taxonomy_id, Category.code == case.category_code)
    ).one()
    return category.parent_code if category.level > SECOND_LEVEL and category.parent_code else category.code


@dataclass(frozen=True)
class _Return:
    granted: bool
    area: str
    decided_at: datetime
    to: UUID | None
    unsigned: bool


def _count(session: Session, category: str, area: str, unit: Unit) -> None:
    since = now() - WINDOW
    returns = _returns(session, _about(category, area, unit), since)
    duty = session.scalars(
        select(Duty).where(Duty.category_code == category, Duty.area_code == area, Duty.unit_code == unit.code)
    ).one_or_none()
    if duty is None:
        duty = Duty(category_code=category, area_code=area, unit_code=unit.code, switched_off=False)
        session.add(duty)
    granted = [each for each in returns if each.granted]
    to, duty.to_count = _most_often(granted, unit)
    duty.granted, duty.refused = len(granted), len(returns) - len(granted)
    duty.given = _settled(session, _about(category, area, unit), since) + sum(each.unsigned for each in returns)
    duty.to_unit_code = session.get_one(Unit, to).code if to else ""
    duty.latest_at = max((each.decided_at for each in returns), default=None)
    is_wide = bool(area) or len({each.area for each in granted}) >= FEWEST_AREAS
    duty.learnt = is_wide and 2 * duty.to_count > duty.granted and proves(duty.granted, duty.given)
    session.flush()


def proves(granted: int, given: int) -> bool:
    """Whether a unit gives back more often than not, and not by chance: Wilson's lower bound (95 %) lies above one half."""
    if granted < FEWEST:
        return False
    given, z = max(given, granted), ONE_SIDED_95
    share = granted / given
    spread = z * sqrt(share * (1 - share) / given + z * z / (4 * given * given))
    return (share + z * z / (2 * given) - spread) / (1 + z * z / given) > 0.5


def _about(category: str, area: str, unit: Unit) -> ColumnElement[bool]:
    here = Case.township_code == area if area else true()
    matter = and_(Case.category_code.startswith(category, autoescape=True), here)
    return and_(Assignment.lead, Assignment.parent_id.is_(None), Assignment.unit_id == unit.id, matter)


def _returns(session: Session, about: ColumnElement[bool], since: datetime) -> list[_Return]:
    """Decided by a person; where the case is now counts, else what the unit proposed."""
    rows = session.execute(
        select(
            Request.state,
            Case.township_code,
            Request.decided_at,
            Case.lead_unit_id,
            Assignment.unit_id,
            Assignment.status,
            Request.proposed_unit_id,
        )
        .join(Assignment, Assignment.id == Request.assignment_id)
        .join(Case, Case.id == Request.case_id)
        .where(
            Request.kind.in_(TEACHING),
            Request.state != RequestState.OPEN,
            Request.decided_by_id.is_not(None),
            Request.decided_at >= since,
            Request.reason_code.in_(ELSEWHERE),
            about,
        )
    )
    return [
        _Return(
            granted=state == RequestState.GRANTED,
            area=area or "",
            decided_at=decided_at,
            to=lead if lead != unit else proposed,
            unsigned=status == AssignmentStatus.DISPATCHED,
        )
        for state, area, decided_at, lead, unit, status, proposed in rows
        if decided_at
    ]


def _most_often(granted: Sequence[_Return], unit: Unit) -> tuple[UUID | None, int]:
    counts = Counter(each.to for each in granted if each.to not in (None, unit.id))
    return max(counts.items(), key=lambda item: (item[1], str(item[0])), default=(None, 0))


def _settled(session: Session, about: ColumnElement[bool], since: datetime) -> int:
    """All that it has signed for or given back."""
    settled = (
        select(func.count())
        .select_from(Assignment)
        .join(Case, Case.id == Assignment.case_id)
        .where(Assignment.status != AssignmentStatus.DISPATCHED, Assignment.dispatched_at >= since, about)
    )
    return session.scalar(settled) or 0


def in_force(session: Session) -> list[Duty]:
    return _agreed(session.scalars(select(Duty).where(CONCLUDED).order_by(Duty.category_code)).all())


def _agreed(found: Sequence[Duty]) -> list[Duty]:
    """Without those that contradict each other: two units that send the same matters to and fro."""
    ways = {(each.category_code, each.unit_code, each.to_unit_code) for each in found}
    return [each for each in found if (each.category_code, each.to_unit_code, each.unit_code) not in ways]


def moves(session: Session) -> tuple[Move, ...]:
    found = in_force(session)
    codes = {each.unit_code for each in found}
    names = (
        {code: short for code, short in session.execute(select(Unit.code, Unit.short).where(Unit.code.in_(codes)))}
        if codes
        else {}
    )
    return tuple(
        Move(
            each.category_code,
            each.unit_code,
            each.to_unit_code,
            each.area_code,
            reason=_reason(each, names.get(each.unit_code, "")),
        )
        for each in found
    )


def _reason(duty: Duty, unit: str) -> str:
    return say("Lately {count} cases of this kind were taken from {unit} again.", count=duty.granted, unit=unit)


def instead(found: Sequence[Duty], areas: Collection[str], unit_code: str) -> str | None:
    """The unit that a matter goes to instead of the one that the city's rules name; the smallest area tells.

    `found` is all that is concluded of the matter's category.
    """
    fitting = [each for each in _agreed(found) if each.unit_code == unit_code and each.area_code in ("", *areas)]
    return max(fitting, key=lambda each: len(each.area_code)).to_unit_code if fitting else None


@dataclass(frozen=True)
class Line:
    duty: Duty
    category: str
    area: str
    unit: str
    to: str
    works: bool


def table(session: Session) -> list[Line]:
    """All that returns say so far: what is in force first, then what was most often granted."""
    working = {each.id for each in in_force(session)}
    rows = session.scalars(
        select(Duty)
        .where(Duty.granted + Duty.refused > 0)
        .order_by(Duty.learnt.desc(), Duty.granted.desc(), Duty.id)
        .limit(MOST_SHOWN)
    ).all()
    units = {code: name for code, name in session.execute(select(Unit.code, Unit.short))}
    areas = {code: name for code, name in session.execute(select(Area.code, Area.name).where(Area.valid_to.is_(None)))}
    current = select(TaxonomyVersion.id).where(TaxonomyVersion.current).scalar_subquery()
    categories = {
        code: name for code, name in session.execute(select(Category.code, Category.name).where(Category.taxonomy_id == current))
    }
    return [
        Line(
            each,
            categories.get(each.category_code, each.category_code),
            areas.get(each.area_code, each.area_code),
            units.get(each.unit_code, each.unit_code),
            units.get(each.to_unit_code, each.to_unit_code),
            each.id in working,
        )
        for each in rows
    ]


def switch(session: Session, duty_id: UUID, *, off: bool, by: Me) -> Duty:
    """A person knows better than the count: what was learnt is suggested no more, or again."""
    duty = session.get(Duty, duty_id, with_for_update=True)
    if duty is None:
        raise NotFound()
    duty.switched_off = off
    access.note_look(session, by, "duty", duty.id, "changed", reason="off" if off else "on")
    return duty
