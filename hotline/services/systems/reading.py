"""What systems are shown of their unit's cases, and of the city's reference data. Reads only."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from hotline.errors import Invalid
from hotline.services.access import GONE, Me
from models import Area, Assignment, AssignmentStatus, Case, CaseEvent, Category, Standing, TaxonomyVersion, Unit, now
from models.base import UtcTime

# No transaction lasts as long as this: what it wrote with an earlier time is seen by whoever looks back so far.
SURELY_WRITTEN = timedelta(minutes=1)


@dataclass(frozen=True)
class Line:
    """A unit's part in a case, without the matter itself or anything of a person."""

    id: UUID
    number: str
    unit: str
    status: AssignmentStatus
    standing: Standing
    version: int
    case_status: str
    request_type: str
    category: str
    urgency: str
    dispatched_at: datetime
    due_at: datetime | None
    changed_at: datetime


@dataclass(frozen=True)
class Cursor:
    """After which line the next page begins; and between two pages, from when on to look again once there are no more."""

    at: datetime
    id: UUID
    again_from: datetime | None = None

    def written(self) -> str:
        parts = [self.at.isoformat(), self.id.hex, self.again_from.isoformat() if self.again_from else None]
        return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def cursor_of(text: str) -> Cursor:
    try:
        at, id, again_from = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        found = Cursor(datetime.fromisoformat(at), UUID(id), datetime.fromisoformat(again_from) if again_from else None)
    except (ValueError, TypeError, AttributeError) as error:
        raise Invalid("This cursor is none that was given out.", field="cursor") from error
    if found.at.tzinfo is None or (found.again_from is not None and found.again_from.tzinfo is None):
        raise Invalid("This cursor is none that was given out.", field="cursor")
    return found


@dataclass(frozen=True)
class Page:
    lines: Sequence[Line]
    next: str
    more: bool


NOBODY = UUID(int=0)


def cases(
    session: Session,
    me: Me,
    *,
    cursor: Cursor | None,
    changed_since: datetime | None,
    statuses: Sequence[AssignmentStatus],
    limit: int,
) -> Page:
    """A page of what the unit and those below it have or had, by the time of the latest change.

    What changes while somebody pages moves to the end and comes once more; nothing is left out. The last page's cursor begins
    a minute before the first page was read, so that what was being written then is not missed either.
    """
    again_from = (cursor.again_from if cursor else None) or now() - SURELY_WRITTEN
    changed = _changed_at()
    query = _lines(changed).where(Unit.path.startswith(me.unit_path, autoescape=True))
    if statuses:
        query = query.where(Assignment.status.in_(statuses))
    if cursor is not None:
        query = query.where(tuple_(changed, Assignment.id) > tuple_(_time(cursor.at), cursor.id))
    elif changed_since is not None:
        query = query.where(changed >= changed_since)
    rows = session.execute(query.order_by(changed, Assignment.id).limit(limit + 1)).all()
    more = len(rows) > limit
    lines = [_line(*row) for row in rows[:limit]]
    return Page(lines, _next(lines, cursor, changed_since, again_from, more=more).written(), more)


def _next(lines: Sequence[Line], cursor: Cursor | None, since: datetime | None, again_from: datetime, *, more: bool) -> Cursor:
    reached = (cursor.at, cursor.id) if cursor else (since or again_from, NOBODY)
    if lines:
        reached = lines[-1].changed_at, lines[-1].id
    if more:
        return Cursor(*reached, again_from)
    return Cursor(*min(reached, (again_from, NOBODY)))


def line(session: Session, assignment: Assignment) -> Line:
    session.flush()
    row = session.execute(
        _lines(_changed_at()).where(Assignment.id == assignment.id).execution_options(populate_existing=True)
    ).one()
    return _line(*row)


def _changed_at() -> ColumnElement[datetime]:
    """Of what has left the unit's hands only its own end counts, not how the case goes on."""
    own = CaseEvent.assignment_id == Assignment.id
    of_case = and_(CaseEvent.assignment_id.is_(None), Assignment.status.not_in(GONE))
    latest = select(func.max(CaseEvent.at)).where(CaseEvent.case_id == Assignment.case_id, or_(own, of_case))
    return latest.correlate(Assignment).scalar_subquery()


def _time(moment: datetime) -> ColumnElement[datetime]:
    return literal(moment, UtcTime)


def _lines(changed: ColumnElement[datetime]) -> Select[Assignment, Case, str, datetime]:
    return (
        select(Assignment, Case, Unit.code, changed)
        .join(Case, Case.id == Assignment.case_id)
        .join(Unit, Unit.id == Assignment.unit_id)
    )


def _line(row: Assignment, case: Case, unit: str, changed_at: datetime) -> Line:
    return Line(
        id=row.id,
        number=case.number,
        unit=unit,
        status=row.status,
        standing=row.standing,
        version=row.version,
        case_status=case.status,
        request_type=case.request_type,
        category=case.category_code,
        urgency=case.urgency,
        dispatched_at=row.dispatched_at,
        due_at=row.due_at,
        changed_at=changed_at,
    )


def categories(session: Session) -> Sequence[Category]:
    """Of the edition in force."""
    current = select(TaxonomyVersion.id).where(TaxonomyVersion.current).scalar_subquery()
    return session.scalars(select(Category).where(Category.taxonomy_id == current).order_by(Category.code)).all()


def areas(session: Session, *, after: str, limit: int) -> Sequence[Area]:
    """As the city is cut today."""
    query = select(Area).where(Area.valid_to.is_(None), Area.code > after)
    return session.scalars(query.order_by(Area.code).limit(limit)).all()


def units(session: Session) -> Sequence[tuple[Unit, str | None]]:
    """Those that may be proposed or sent down to, each with the code of the one above."""
    above = aliased(Unit)
    rows = session.execute(
        select(Unit, above.code).outerjoin(above, above.id == Unit.parent_id).where(Unit.active).order_by(Unit.code)
    )
    return [(unit, code) for unit, code in rows]
