"""The administrators' pages of the units: those there are, a form for each, what it would change."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from pydantic import Field
from sqlalchemy.orm import Session

from hotline.errors import HotlineError
from hotline.services.access import Me as Person
from hotline.services.reference import units
from hotline.services.reference.units import Act, UnitForm
from hotline.web import render
from hotline.web.deps import Db, Look, Me
from hotline.web.letters import in_chinese
from hotline.web.reference_look import Frame
from models import Unit

# Part of the administration, which lets administrators only come in.
router = APIRouter(prefix="/reference/units")
HOME = "/admin/reference/units"
TAKEN_UP = "派单和建议一分钟内按新的来。"


def _warnings(proposal: units.Proposal) -> list[str]:
    if proposal.takes_over:
        said = {
            f"手上没办结的 {proposal.in_hand} 件转给接替的单位，期限不变，每件的经过里都记下。": proposal.in_hand,
            f"{proposal.people} 个账号、值班安排、答复模板跟到接替的单位。": proposal.people,
        }
    else:
        said = {
            f"被停用的单位手上还有 {proposal.in_hand} 件没有办结，仍由它办完，或由派单员改派。": proposal.in_hand,
            f"它有 {proposal.people} 个账号，停用后仍能登录办手上的件；要跟到新单位的，到“人员”里改。": proposal.people,
        }
    return [sentence for sentence, count in said.items() if count]


FRAME = Frame(HOME, "unit-confirm", TAKEN_UP, warnings=_warnings)


class Confirmed(UnitForm):
    seen: Annotated[str, Field(max_length=64)]


@router.get("")
def listed(request: Request, look: Look, me: Me) -> Response:
    return render.page(request, "admin/units.html", me=me, lines=units.listed(look))


@router.get("/new")
def new(request: Request, look: Look, me: Me) -> Response:
    return _page(request, look, me, UnitForm(act=Act.ADD))


@router.get("/{code}")
def show(request: Request, look: Look, me: Me, code: str) -> Response:
    return _page(request, look, me, UnitForm(act=Act.CHANGE, code=code[:32]))


@router.post("/look")
def propose(request: Request, me: Me, look: Look, form: Annotated[UnitForm, Form()]) -> Response:

    def refused(refusal: HotlineError) -> Response:
        return _page(request, look, me, form, refusal)

    back = HOME if form.act == Act.ADD else f"{HOME}/{form.code}"
    return FRAME.shown(request, me, form, lambda: units.propose(look, form), refused, back=back)


@router.post("")
def change(request: Request, me: Me, db: Db, form: Annotated[Confirmed, Form()]) -> Response:
    unit = units.change(db, form, seen=form.seen, by=me)
    return render.redirect(request, HOME, notice=f"{unit.short}已保存：{TAKEN_UP}")


def _page(request: Request, session: Session, me: Person, form: UnitForm, refusal: HotlineError | None = None) -> Response:
    unit = None if form.act == Act.ADD else units.find(session, form.code)
    values: dict[str, Any] = {
        "unit": unit,
        "form": form if refusal or unit is None else _form_of(unit),
        "others": [line.unit for line in units.listed(session) if line.unit.active and line.unit is not unit],
        "kinds": units.KEPT_HERE,
        "problem_at": refusal.field if refusal else "",
        "problem": in_chinese(refusal) if refusal else "",
    }
    return render.page(request, "admin/unit.html", status=refusal.status if refusal else 200, me=me, **values)


def _form_of(unit: Unit) -> UnitForm:
    return UnitForm(act=Act.CHANGE, code=unit.code, name=unit.name, short=unit.short, kind=unit.kind, duties=unit.duties)
