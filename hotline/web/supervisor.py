"""The wall: what waits, who works, what is late, at a glance from across the room."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hotline.services import access, places, reading_wall
from hotline.web import render
from hotline.web.deps import Look, Me
from models import Role

router = APIRouter(prefix="/wall", include_in_schema=False)

SEEN_BY = (Role.SUPERVISOR, Role.SHIFT_LEADER, Role.ADMINISTRATOR)


@router.get("")
def page(request: Request, look: Look, me: Me) -> Response:
    access.require(me, *SEEN_BY)
    figures = reading_wall.figures(look)
    return render.page(request, "wall/page.html", me=me, wall=figures, brand=places.hotline_name(look))


@router.get("/now")
def now(request: Request, look: Look, me: Me) -> Response:
    access.require(me, *SEEN_BY)
    return render.fragment(request, "wall/_figures.html", wall=reading_wall.figures(look))
