"""What a person may find: the rule of `access.see_case` as a condition of the query, and narrower for what is shielded."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, select
from sqlalchemy.orm import Session

from hotline.errors import NotAllowed
from hotline.services import access
from hotline.services.access import Me
from models import Assignment, Audience, Case, RequestType, Role, Unit
from models.workflow import UNIT_ROLES

# The people of the centre who handle confidential cases and reports. Others open one by its number, and never come across it.
SEES_SHIELDED = access.TRUSTED | {Role.SUPERVISOR}
IS_SHIELDED = Case.confidential | (Case.request_type == RequestType.REPORT)


def may_search(me: Me) -> bool:
    return me.has(*access.CENTRE) or bool(me.has(*UNIT_ROLES) and me.unit_path)


def audiences(me: Me) -> tuple[Audience, ...]:
    if not me.has(*access.CENTRE):
        return (Audience.EVERYBODY, Audience.UNITS)
    return (Audience.EVERYBODY, Audience.TRUSTED) if me.has(*SEES_SHIELDED) else (Audience.EVERYBODY,)


def own_units(session: Session, me: Me) -> Sequence[UUID]:
    """Whose cases a person of a unit may see; none for people of the centre, who are not bound to any."""
    if me.has(*access.CENTRE):
        return []
    if not may_search(me):
        raise NotAllowed()
    return session.scalars(select(Unit.id).where(Unit.path.startswith(me.unit_path, autoescape=True))).all()


def is_visible(me: Me, own: Sequence[UUID], *, named: bool, by_person: bool) -> list[ColumnElement[bool]]:
    """`named`: asked for by its number, which who may open it knows anyway. `by_person`: by what only the requester has."""
    if me.has(*access.CENTRE):
        return [] if named or me.has(*SEES_SHIELDED) else [~IS_SHIELDED]
    held = exists().where(and_(Assignment.case_id == Case.id, Assignment.unit_id.in_(own), Assignment.status.not_in(access.GONE)))
    return [held, ~IS_SHIELDED] if by_person else [held]


def title_for(me: Me, case: Case) -> str:
    """In a list: of a shielded case to its units a piece of the summary, to others of the centre nothing."""
    if not case.is_shielded:
        return case.title
    if not me.has(*access.CENTRE):
        return case.unit_summary[:60]
    return case.title if me.has(*SEES_SHIELDED) else ""


def person_for(me: Me, case: Case) -> tuple[str | None, str | None]:
    """Name and number of the requester, if this person may have them at all."""
    if case.is_shielded and not me.has(*SEES_SHIELDED):
        return None, None
    return case.requester_name, case.number_of_requester
