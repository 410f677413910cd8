"""What was filed is put right afterwards: category, place, unit. The former stays in the history; suggestions learn from it."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotAllowed, NoteRequired, RuleBroken, WrongState
from hotline.events import RequestDecided
from hotline.services import cases, notes, triage
from hotline.services.actors import Actor
from hotline.services.city import gazetteer, places
from hotline.services.holding import hold
from hotline.services.learning.duties import ReturnReason
from hotline.services.outbox import emit
from hotline.services.units import arbitration
from models import (
    Action,
    AreaKind,
    Assignment,
    Case,
    CaseEvent,
    Category,
    CorrectedField,
    Correction,
    Request,
    RequestKind,
    RequestState,
    Role,
    Unit,
    now,
)
from models.workflow import AT_UNIT, CASE_OPEN

CORRECTED_BY = frozenset({Role.DISPATCHER, Role.SHIFT_LEADER, Role.VERIFIER})
REASSIGNED_BY = frozenset({Role.DISPATCHER})


def category(session: Session, case: Case, code: str, *, reason: str, by: Actor, key: str, seen: int | None = None) -> Case:
    """Another category of the edition that the case was filed under; later suggestions learn from what stands in the end."""
    case, done = _begin(session, case, reason, by, key, seen)
    if done is not None:
        return case
    names = _categories(session, case, code)
    if code not in names or code == case.category_code:
        raise Invalid("Please choose another category.", field="category")
    was, became = f"{case.category_code} {names.get(case.category_code, '')}", f"{code} {names[code]}"
    _note(session, case, CorrectedField.CATEGORY, was.strip(), became, reason=reason, by=by, key=key)
    case.category_code = code
    triage.correct_decision(session, case, "category", code, by=by)
    return _done(session, case)


def place(
    session: Session, case: Case, text: str, *, area: str = "", reason: str, by: Actor, key: str, seen: int | None = None
) -> Case:
    """Where it is, in words; the area is picked, or recognised in them. One that is not known is refused."""
    case, done = _begin(session, case, reason, by, key, seen)
    if done is not None:
        return case
    text = text.strip()
    found = area or places.area_of(session, text)
    codes = {each.kind: each.code for each in gazetteer.area_path(session, found)} if found else {}
    if not codes:
        raise Invalid("This place is not in the gazetteer: please name the street or community.", field="place")
    was = _placed(session, case)
    case.township_code, case.community_code = codes.get(AreaKind.TOWNSHIP), codes.get(AreaKind.COMMUNITY)
    case.grid_code, case.place_text = codes.get(AreaKind.GRID), text or case.place_text
    became = _placed(session, case)
    if was == became:
        raise Invalid("This is what stands there already.", field="place")
    _note(session, case, CorrectedField.PLACE, was, became, reason=reason, by=by, key=key)
    triage.correct_decision(session, case, "place", found or "", by=by)
    return _done(session, case)


def unit(
    session: Session,
    case: Case,
    to: Unit,
    *,
    reason_code: ReturnReason,
    reason: str,
    by: Actor,
    key: str,
    seen: int | None = None,
) -> Assignment:
    """The dispatcher takes the case from a unit that it should not have gone to and gives it to the right one, unasked."""
    if not by.roles & REASSIGNED_BY:
        raise NotAllowed()
    case, done = _begin(session, case, reason, by, key, seen)
    if done is not None:
        return _lead(session, case)
    lead = _lead(session, case)
    if lead.status not in AT_UNIT:
        raise WrongState()
    if lead.unit_id == to.id:
        raise Invalid("Please choose another unit.", field="unit")
    if arbitration.designated(session, case.id) == lead.unit_id:
        raise RuleBroken("A meeting named this unit: it keeps the case.")
    was, became = (f"{each.code} {each.short}" for each in (session.get_one(Unit, lead.unit_id), to))
    _note(session, case, CorrectedField.UNIT, was, became, reason=reason, by=by, key=key)
    cases.move(session, case, lead, Action.RETURN, by=by, key=f"{key}:back", note=reason)
    again = cases.give(session, case, [to], by=by, key=f"{key}:again")
    triage.correct_decision(session, case, "unit", to.code, by=by)
    _teach(session, lead, to, reason_code, reason=reason, by=by)
    return again


def _teach(session: Session, lead: Assignment, to: Unit, reason_code: ReturnReason, *, reason: str, by: Actor) -> None:
    """The table of duties counts it like a return that was granted."""
    learnt = Request(
        case_id=lead.case_id,
        assignment_id=lead.id,
        kind=RequestKind.CORRECTION,
        state=RequestState.GRANTED,
        reason_code=reason_code,
        basis=reason.strip(),
        proposed_unit_id=to.id,
        asked_by_id=by.staff_id,
        decided_by_id=by.staff_id,
        decided_at=now(),
        due_at=now(),
    )
    session.add(learnt)
    session.flush()
    emit(session, RequestDecided(learnt.id))


def _begin(session: Session, case: Case, reason: str, by: Actor, key: str, seen: int | None) -> tuple[Case, CaseEvent | None]:
    if not by.roles & CORRECTED_BY:
        raise NotAllowed()
    case, done = hold(session, case, key=key, seen=seen)
    if done is None and not reason.strip():
        raise NoteRequired(field="reason")
    if done is None and case.status not in CASE_OPEN:
        raise WrongState()
    return case, done


def _lead(session: Session, case: Case) -> Assignment:
    lead = session.scalars(
        select(Assignment)
        .where(Assignment.case_id == case.id, Assignment.lead)
        .order_by(Assignment.dispatched_at.desc(), Assignment.id.desc())
        .limit(1)
    ).one_or_none()
    if lead is None:
        raise WrongState()
    return lead


def _note(
    session: Session, case: Case, field: CorrectedField, was: str, became: str, *, reason: str, by: Actor, key: str
) -> None:
    event = notes.add(session, case, Action.CORRECT, by=by, key=key, text=reason)
    session.add(Correction(event=event, event_id=event.id, field=field, was=was, became=became))


def _categories(session: Session, case: Case, code: str) -> dict[str, str]:
    rows = session.execute(
        select(Category.code, Category.name).where(
            Category.taxonomy_id == case.taxonomy_id, Category.code.in_([code, case.category_code])
        )
    )
    return {each: name for each, name in rows}


def _placed(session: Session, case: Case) -> str:
    names = gazetteer.names_of(session, [case])[case.id]
    codes = (case.township_code, case.community_code, case.grid_code)
    return " ".join([*(names.get(code, code) for code in codes if code), *filter(None, [case.place_text])])


def _done(session: Session, case: Case) -> Case:
    """Whoever looks at what stood there before is told."""
    case.version += 1
    session.flush()
    return case
