"""At the unit's desk: the words that answers begin with, and those at hand while one is written."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from hotline.services import access
from hotline.services.rosters import team
from hotline.services.units import answer_templates
from hotline.web import render
from hotline.web.deps import Db, Look, Me, Remark, UnitCode
from hotline.web.letters import clean
from models import Role, Unit
from models.workflow import UNIT_ROLES

router = APIRouter()

SEEN_BY = (*UNIT_ROLES, Role.ADMINISTRATOR)


@router.get("/templates")
def show(request: Request, look: Look, me: Me, unit: str = "") -> Response:
    access.require(me, *SEEN_BY)
    mine = team.unit_of(look, me, unit[:32])
    values: dict[str, Any] = {
        "unit": mine,
        "kept": answer_templates.kept(look, mine),
        "may_edit": me.has(Role.LIAISON, Role.ADMINISTRATOR),
    }
    return render.page(request, "unit/templates.html", me=me, variables=sorted(answer_templates.VARIABLES.may), **values)


@router.post("/templates")
def keep(
    request: Request,
    me: Me,
    db: Db,
    unit: UnitCode,
    template_id: Annotated[UUID | None, Form()] = None,
    title: Remark = "",
    text: Annotated[str, Form(max_length=20_000)] = "",
) -> Response:
    mine = team.unit_of(db, me, unit)
    answer_templates.keep(db, mine, template_id, title=title, text=clean(text), by=me)
    return _back(request, mine, "模板已保存。")


@router.post("/templates/{template_id}/remove")
def remove(request: Request, me: Me, db: Db, template_id: UUID, unit: UnitCode) -> Response:
    mine = team.unit_of(db, me, unit)
    answer_templates.remove(db, mine, template_id, by=me)
    return _back(request, mine, "模板已删除。")


@router.get("/{assignment_id}/templates")
def at_hand(request: Request, look: Look, me: Me, assignment_id: UUID, q: str = "") -> Response:
    """Filled in for this case."""
    access.require(me, *UNIT_ROLES)
    seen, held = access.see_assignment(look, me, assignment_id)
    found = answer_templates.offered(look, seen.case, held.assignment, q[:50])
    return render.fragment(request, "unit/_templates.html", found=found)


def _back(request: Request, unit: Unit, notice: str) -> Response:
    return render.redirect(request, f"/unit/templates?unit={unit.code}", notice=notice)
