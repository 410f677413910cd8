"""Which unit, and what units say to that: dispatch, sign, ask to return, decide."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, RuleBroken, WrongState
from hotline.services import cases, filing
from hotline.services.actors import Actor
from hotline.services.city.gazetteer import area_path, area_paths
from hotline.services.clocks import deadlines
from hotline.services.draft_form import DraftForm
from hotline.services.holding import hold, require_unit_of
from hotline.services.learning import duties
from hotline.services.learning.duties import ReturnReason as ReturnReason
from hotline.services.profiles import profiles
from hotline.services.profiles.profiles import FirstUnit
from hotline.services.units import arbitration, requests
from models import (
    Action,
    Area,
    AreaKind,
    Assignment,
    Case,
    CaseEvent,
    Duty,
    Request,
    RequestKind,
    Role,
    RoutingRule,
    Standing,
    TaxonomyVersion,
    Unit,
    now,
)
from models.workflow import AT_UNIT


def choose_unit(
    session: Session, category_code: str, area_code: str = "", *, first: FirstUnit = FirstUnit.DUTY
) -> tuple[Unit, list[Unit]]:
    """The lead and the assisting units for a matter of this category in this place, as the city's rules say."""
    units = filing.units_of(session, codes_for(session, category_code, area_code, first=first))
    return units[0], units[1:]


def codes_for(session: Session, category_code: str, area_code: str = "", *, first: FirstUnit = FirstUnit.DUTY) -> list[str]:
    """The codes of these units, the lead's first.


    The most particular category wins, then the smallest area. Territorial rules bring in the township of the place; where the
    profile gives every matter to its area first, the township leads and the unit whose duty it is assists. A lead that returns
    have shown to be the wrong one gives way to the right one.
    """
    path = area_path(session, area_code) if area_code else []
    codes = _codes(_rules(session, category_code, [area.code for area in path]), path, first)
    if not codes:
        raise RuleBroken("No rule names a unit for this category: please choose one.")
    return codes


def leads_for(session: Session, category_code: str, area_codes: Collection[str], *, first: FirstUnit) -> dict[str, str]:
    """Of each of these areas, or of none (""), the unit that leads there; in two statements, whatever their number."""
    paths: dict[str, Sequence[Area]] = {"": [], **area_paths(session, {code for code in area_codes if code})}
    rules = _rules(session, category_code, {area.code for path in paths.values() for area in path})
    return {code: lead for code, path in paths.items() for lead in _codes(rules, path, first)[:1]}


def _codes(rules: "_Rules", path: Sequence[Area], first: FirstUnit) -> list[str]:
    areas = [area.code for area in path]
    fitting = [rule for rule in rules.rows if rule.area_code in ("", *areas)]
    rule = max(fitting, key=lambda rule: (len(rule.category_code), len(rule.area_code)), default=None)
    if rule is None:
        return []
    lead, assists = rule.lead_unit_code, list(rule.assist_unit_codes)
    township = _township_unit(path)
    if township and (rule.territorial == "area_leads" or first == FirstUnit.AREA):
        lead, assists = township, [lead, *assists]
    elif township and rule.territorial == "area_assists":
        assists = [*assists, township]
    lead = duties.instead(rules.learnt, areas, lead) or lead
    return [lead, *(code for code in dict.fromkeys(assists) if code != lead)]


def routed(session: Session, form: DraftForm) -> DraftForm:
    """The form with the units that its category and its area lead to."""
    first = profiles.in_force(session).first_unit
    try:
        lead, assists = choose_unit(session, form.category, form.area_code or "", first=first)
    except (RuleBroken, Invalid):
        return form  # no rule, or a closed unit: the agent chooses
    return form.model_copy(update={"unit": lead.code, "assist_units": [unit.code for unit in assists]})


@dataclass(frozen=True)
class _Rules:
    """Those that may hold, and what returns have taught about the category."""

    rows: Sequence[RoutingRule]
    learnt: Sequence[Duty]


def _rules(session: Session, category_code: str, areas: Collection[str]) -> _Rules:
    # A third-level category without a rule of its own follows its parent's: its code begins with the parent's.
    categories = [category_code[:length] for length in range(2, len(category_code) + 1)]
    rows = session.execute(
        select(RoutingRule, Duty)
        .join(TaxonomyVersion, TaxonomyVersion.id == RoutingRule.taxonomy_id)
        .outerjoin(Duty, and_(duties.CONCLUDED, Duty.category_code.in_(categories)))
        .where(
            TaxonomyVersion.current,
            RoutingRule.category_code.in_(categories),
            RoutingRule.area_code.in_(["", *areas]),
        )
    ).all()
    learnt = {duty.id: duty for _, duty in rows if duty is not None}
    return _Rules(list({rule.id: rule for rule, _ in rows}.values()), list(learnt.values()))


def _township_unit(path: Sequence[Area]) -> str | None:
    return next((area.unit_code for area in path if area.kind == AreaKind.TOWNSHIP), None)


def dispatch(
    session: Session,
    case: Case,
    unit: Unit,
    *,
    assists: Sequence[Unit] = (),
    by: Actor,
    key: str,
    seen: int | None = None,
    note: str = "",
) -> Assignment:
    """Give the case to a unit, which leads, and to those that assist it."""
    return cases.assign(session, case, [unit, *assists], by=by, key=key, seen=seen, note=note)


def sign(session: Session, assignment: Assignment, *, by: Actor, key: str, seen: int | None = None) -> CaseEvent:
    return cases.advance(session, assignment, Action.SIGN, by=by, key=key, seen=seen)


def ask_return(
    session: Session,
    assignment: Assignment,
    *,
    reason_code: ReturnReason,
    basis: str,
    proposed_unit: Unit | None = None,
    by: Actor,
    key: str,
) -> Request:
    """A unit asks to give a case back: with a reason, its basis and the unit it proposes, in the profile's window, once."""
    case, done = hold(session, assignment, key=key)
    if done is not None:
        return requests.latest(session, case, RequestKind.RETURN)
    _refuse_return(session, case, assignment, by)
    if ReturnReason(reason_code).points_elsewhere and proposed_unit is None:
        raise Invalid("Please propose the responsible unit.", field="proposed_unit")
    return requests.ask(
        session,
        case,
        RequestKind.RETURN,
        assignment=assignment,
        reason_code=reason_code,
        basis=basis,
        wanted_at=None,
        proposed=proposed_unit,
        by=by,
        key=key,
    )


def decide_return(
    session: Session,
    request: Request,
    *,
    grant: bool,
    unit: Unit | None = None,
    note: str,
    by: Actor,
    key: str,
) -> Request:
    """The centre takes the case back, and dispatches it again at once if a unit is named; or the unit keeps it."""
    dispatchers = frozenset({Role.DISPATCHER})
    case, done = requests.hold_for_decision(session, request, RequestKind.RETURN, by=by, roles=dispatchers, key=key)
    if done is not None:
        return request
    assignment = requests.assignment_of(session, request)
    if not grant:
        requests.refuse(session, case, request, assignment=assignment, note=note, by=by, key=key)
        return request
    cases.move(session, case, assignment, Action.RETURN, by=by, key=key, note=note.strip() or request.basis)
    if unit is not None and assignment.lead:
        cases.give(session, case, [unit], by=by, key=f"{key}:again")
    requests.settle(session, request, grant=True, note=note, by=by)
    return request


def _refuse_return(session: Session, case: Case, assignment: Assignment, by: Actor) -> None:
    require_unit_of(session, assignment, by)
    if assignment.status not in AT_UNIT or assignment.standing == Standing.BELOW:
        raise WrongState()
    profile = profiles.of(session, case)
    if case.dispatch_count >= profile.designate_after:
        raise RuleBroken("After {count} dispatches the unit is designated and keeps the case.", count=case.dispatch_count)
    if arbitration.designated(session, case.id) == assignment.unit_id:
        raise RuleBroken("A meeting named this unit: it keeps the case.")
    if now() > deadlines.due_at(session, assignment.dispatched_at, profile.return_window).at:
        raise RuleBroken("The time to return this case is over: the unit keeps it.")
