"""For supervisors: signs that citizens did not answer freely, and why callbacks failed."""

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hotline.services import access
from hotline.services.survey_plans import pressure
from hotline.web import render
from hotline.web.deps import Db, Look, Me, Words
from models import Role

router = APIRouter(prefix="/signs", include_in_schema=False)


@router.get("")
def page(request: Request, look: Look, me: Me) -> Response:
    access.require(me, Role.SUPERVISOR)
    return render.page(request, "asking/signs.html", me=me, signs=pressure.signs(look), outcomes=pressure.outcomes(look))


@router.post("/{sign_id}")
def see(request: Request, me: Me, db: Db, sign_id: UUID, note: Words = "") -> Response:
    pressure.see(db, sign_id, note=note, by=me.actor)
    return render.redirect(request, "/signs", notice="核实情况已记下。")
