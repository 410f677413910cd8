"""Reports: the scoreboard of units and agents."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hotline.services import access, reading_reports
from hotline.services.reading_reports import Period
from hotline.web import render
from hotline.web.deps import Look, Me
from models import Role

router = APIRouter(prefix="/reports", include_in_schema=False)

SEEN_BY = (Role.SUPERVISOR, Role.SHIFT_LEADER, Role.ADMINISTRATOR, Role.QUALITY_JUDGE)


@router.get("")
def page(request: Request, look: Look, me: Me, period: Period = Period.TODAY) -> Response:
    access.require(me, *SEEN_BY)
    return render.page(request, "reports/page.html", me=me, board=reading_reports.board(look, period), periods=tuple(Period))
