"""The unit's desk: assignments by the time that is left; sign, speak with the citizen, answer, ask to return."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import NotAllowed
from hotline.services import access, answers, dispatching, reading_cases, reading_levels, reading_units
from hotline.services.clocks import deadlines
from hotline.services.dispatching import ReturnReason
from hotline.services.files.files import CheckedFile
from hotline.services.reading_units import Tab
from hotline.services.rosters import deliveries, view
from hotline.services.units import joint
from hotline.web import render, unit_levels, unit_requests, unit_roster, unit_templates
from hotline.web.deps import Db, Key, Line, Look, Me, Note, Seen, UnitCode, Words
from hotline.web.letters import clean, uploads
from hotline.web.photographs import SentForm, checked
from models import ClosureKind, Standing, Unit, now
from models.workflow import UNIT_ROLES

router = APIRouter(prefix="/unit", include_in_schema=False)
router.include_router(unit_roster.router)
router.include_router(unit_templates.router)
router.include_router(unit_levels.router)

CLOSURES = (ClosureKind.SOLVED, ClosureKind.EXPLAINED, ClosureKind.PARTLY, ClosureKind.PROMISED)
# Who reads an answer next.
CHECKED_BY = {Standing.LEAD: "中心核查", Standing.ASSIST: "主办单位汇总", Standing.BELOW: "上级汇总"}
SHOW_TABS = (Tab.TO_SIGN, Tab.AT_WORK, Tab.TODAY, Tab.WEEK, Tab.OVERDUE, Tab.RETURNING, Tab.SUPERVISED, Tab.ANSWERED)


@router.get("")
def page(request: Request, look: Look, me: Me, tab: Tab = Tab.IN_HAND, q: str = "") -> Response:
    access.require(me, *UNIT_ROLES)
    return _page(request, look, me, tab, q[:60])


@router.get("/list")
def rows(request: Request, look: Look, me: Me, tab: Tab = Tab.IN_HAND, q: str = "", open: UUID | None = None) -> Response:
    """Counts and list again, while the panel beside them keeps what was typed."""
    access.require(me, *UNIT_ROLES)
    week_ends = deadlines.end_of_week(look, now())
    return render.fragment(request, "unit/_list.html", me=me, open_id=open, **_listed(look, me, tab, q[:60], week_ends=week_ends))


@router.get("/{assignment_id}")
def show(request: Request, look: Look, me: Me, assignment_id: UUID, tab: Tab = Tab.IN_HAND, q: str = "") -> Response:
    access.require(me, *UNIT_ROLES)
    return _page(request, look, me, tab, q[:60], seen=access.see_assignment(look, me, assignment_id))


@router.post("/{assignment_id}/sign")
def sign(request: Request, me: Me, db: Db, assignment_id: UUID, key: Key, seen: Seen = None) -> Response:
    _, held = access.see_assignment(db, me, assignment_id, to_act=True)
    dispatching.sign(db, held.assignment, by=me.actor, key=key, seen=seen)
    return render.redirect(request, f"/unit/{assignment_id}", notice="已签收，办理时限已开始。")


@router.post("/{assignment_id}/contacted")
def contacted(request: Request, me: Me, db: Db, assignment_id: UUID, key: Key, text: Words = "") -> Response:
    _, held = access.see_assignment(db, me, assignment_id, to_act=True)
    answers.note_contacted(db, held.assignment, text=text, by=me.actor, key=key)
    return render.redirect(request, f"/unit/{assignment_id}", notice="已记下先行联系。")


def _photographs(form: SentForm) -> tuple[CheckedFile, ...]:
    return checked([*uploads(form, "before", prefix="处理前 "), *uploads(form, "after", prefix="处理后 ")], field="after")


@router.post("/{assignment_id}/answer")
def answer(
    request: Request,
    me: Me,
    photographs: Annotated[tuple[CheckedFile, ...], Depends(_photographs)],
    db: Db,
    assignment_id: UUID,
    key: Key,
    closure: Annotated[ClosureKind, Form()],
    public_text: Annotated[str, Form(max_length=20_000)] = "",
    internal_note: Note = "",
    seen: Seen = None,
) -> Response:
    _, held = access.see_assignment(db, me, assignment_id, to_act=True)
    answers.submit_answer(
        db,
        held.assignment,
        public_text=clean(public_text),
        internal_note=internal_note,
        closure=closure,
        files=photographs,
        by=me.actor,
        key=key,
        seen=seen,
    )
    return render.redirect(request, f"/unit/{assignment_id}", notice=f"答复已提交，等{CHECKED_BY[held.assignment.standing]}。")


@router.post("/{assignment_id}/ask-return")
def ask_return(
    request: Request,
    me: Me,
    db: Db,
    assignment_id: UUID,
    key: Key,
    reason: Annotated[ReturnReason, Form()],
    basis: Words = "",
    proposed_unit: UnitCode = "",
) -> Response:
    _, held = access.see_assignment(db, me, assignment_id, to_act=True)
    proposed = db.scalar(select(Unit).where(Unit.code == proposed_unit)) if proposed_unit else None
    dispatching.ask_return(db, held.assignment, reason_code=reason, basis=basis, proposed_unit=proposed, by=me.actor, key=key)
    return render.redirect(request, f"/unit/{assignment_id}", notice="退单申请已提交，等中心裁定。裁定前时限照走。", kind="warn")


@router.post("/{assignment_id}/reveal")
def reveal(request: Request, look: Look, me: Me, assignment_id: UUID, reason: Line = "") -> Response:
    """The whole number, once, against a reason; never of a case that is closed to units."""
    seen = access.see_assignment(look, me, assignment_id)
    if seen[0].case.is_shielded:
        raise NotAllowed()
    number = access.reveal_number(look, me, seen[0].case, reason=reason)
    return _page(request, look, me, Tab.IN_HAND, "", seen=seen, revealed=number)


def _page(
    request: Request,
    session: Session,
    me: access.Me,
    tab: Tab,
    search: str,
    *,
    seen: tuple[access.CaseView, access.Held] | None = None,
    revealed: str = "",
) -> Response:
    head = reading_units.head(session, me, with_score=seen is None)
    values = _listed(session, me, tab, search, week_ends=head.week_ends if head else now())
    values |= {"me": me, "head": head, "open_id": None, "opened": None, "revealed": revealed}
    values["gaps"] = () if seen is not None else view.gaps_ahead(session, me.unit_id)
    if seen is not None:
        seen_case, held = seen
        values |= {"open_id": held.assignment.id, "opened": reading_cases.panel(session, seen_case), "held": held}
        units, partners = reading_units.choices(session), reading_levels.partners(session, held.assignment)
        values["told"] = deliveries.of_case(session, seen_case.case.id, [each.unit.id for each in seen_case.held])
        values |= {"units": units, "reasons": tuple(ReturnReason), "closures": CLOSURES}
        values |= {
            "partners": partners,
            "below": reading_levels.below(session, seen_case.case, held, units, partners),
            "may_call": joint.may_call(session, seen_case.case, held.assignment),
        }
        values |= unit_requests.offered(session, values["opened"], held)
    return render.page(request, "unit/page.html", **values)


def _listed(session: Session, me: access.Me, tab: Tab, search: str, *, week_ends: datetime) -> dict[str, Any]:
    counted = reading_units.counts(session, me, week_ends=week_ends)
    rows = reading_units.rows(session, me, tab, week_ends=week_ends, search=search)
    return {"tabs": SHOW_TABS, "counted": counted, "rows": rows, "tab": tab, "search": search}
