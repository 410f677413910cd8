"""For the centre: who is on duty today at each unit, and the number to ring, against a reason."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from hotline.services import access
from hotline.services.rosters import team, view
from hotline.web import render
from hotline.web.deps import Line, Look, Me
from models import Role

router = APIRouter(prefix="/duty", include_in_schema=False)

SEEN_BY = (*access.CENTRE, Role.ADMINISTRATOR)


@router.get("")
def today(request: Request, look: Look, me: Me, q: str = "") -> Response:
    access.require(me, *SEEN_BY)
    return _page(request, look, me, q[:60])


@router.post("/{staff_id}/reveal")
def reveal(
    request: Request,
    look: Look,
    me: Me,
    staff_id: UUID,
    q: Annotated[str, Form(max_length=60)] = "",
    reason: Line = "",
) -> Response:
    """The whole number, once, against a reason."""
    number = team.reveal_number(look, me, staff_id, reason=reason)
    return _page(request, look, me, q, revealed={staff_id: number})


def _page(request: Request, look: Look, me: access.Me, search: str, *, revealed: dict[UUID, str] | None = None) -> Response:
    lines = view.units_today(look, search=search)
    return render.page(request, "duty/page.html", me=me, lines=lines, search=search, revealed=revealed or {})
