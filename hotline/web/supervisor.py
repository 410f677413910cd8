"""The wall: what waits, who works, what is late, at a glance from across the room; and what stands behind its numbers."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from hotline.services import access, reading_units
from hotline.services.alerts import desk
from hotline.services.city import places
from hotline.services.reading_calls import Of as OfCalls
from hotline.services.reading_wall import HALF_HOURS, Wall
from hotline.services.wall import calls, letters, lists
from hotline.services.wall.board import Board
from hotline.services.wall.letters import Of as OfLetters
from hotline.services.wall.lists import Of
from hotline.web import render
from hotline.web.deps import Db, Look, Me, glance
from models import MessageWay, Role, now

router = APIRouter(prefix="/wall", include_in_schema=False)

SEEN_BY = (Role.SUPERVISOR, Role.SHIFT_LEADER, Role.ADMINISTRATOR)
# Administrators run the service; whose case it is does not concern them.
LISTED_FOR = (Role.SUPERVISOR, Role.SHIFT_LEADER)

Code = Annotated[str, Query(max_length=32)]


@router.get("")
def page(request: Request, look: Look, me: Me) -> Response:
    access.require(me, *SEEN_BY)
    drawn = _drawn(request)
    values: dict[str, Any] = {"drawn": drawn, "at": now(), "brand": places.hotline_name(look)}
    return render.page(request, "wall/page.html", me=me, **values)


@router.get("/now")
def figures(request: Request) -> Response:
    """Fetched by every open wall at each hint."""
    with glance(request) as (_, me):
        access.require(me, *SEEN_BY)
    return render.ready(_drawn(request))


def _drawn(request: Request) -> str:
    """The same for everybody, and so drawn once."""
    board: Board = request.app.state.wall

    def draw(session: Session, wall: Wall) -> str:
        return render.piece(request, "wall/_figures.html", wall=wall, alerts=desk.open_now(session))

    return board.drawn(draw)


@router.get("/list")
def listing(
    request: Request,
    look: Look,
    me: Me,
    of: Of = Of.OPEN,
    unit: Code = "",
    area: Code = "",
    category: Code = "",
    week: bool = False,
) -> Response:
    access.require(me, *LISTED_FOR)
    found = lists.cases(look, of, unit=unit, area=area, category=category, week=week)
    return render.page(request, "wall/list.html", me=me, of=of, week=week, listing=found)


@router.get("/arrivals")
def arrivals(request: Request, look: Look, me: Me, slot: Annotated[int | None, Query(ge=0, lt=HALF_HOURS)] = None) -> Response:
    access.require(me, *LISTED_FOR)
    return render.page(request, "wall/arrivals.html", me=me, slot=slot, contacts=lists.arrivals(look, slot))


@router.get("/calls")
def telephone(request: Request, look: Look, me: Me, of: OfCalls = OfCalls.ASKED) -> Response:
    access.require(me, *LISTED_FOR)
    return render.page(request, "wall/calls.html", me=me, of=of, all_of=tuple(OfCalls), listing=calls.listing(look, of))


@router.get("/letters")
def written(request: Request, look: Look, me: Me, of: OfLetters = OfLetters.TEXTS) -> Response:
    access.require(me, *LISTED_FOR)
    return render.page(request, "wall/letters.html", me=me, of=of, all_of=tuple(OfLetters), listing=letters.listing(look, of))


@router.get("/alerts")
def alerts(request: Request, look: Look, me: Me) -> Response:
    access.require(me, *SEEN_BY)
    values: dict[str, Any] = {
        "alerts": desk.lately(look),
        "named": desk.named(look),
        "wanted": desk.WANTED,
        "ways": tuple(MessageWay),
        "units": reading_units.all_units(look),
    }
    return render.page(request, "wall/alerts.html", me=me, **values)


@router.post("/alerts/{alert_id}/known")
def take_note(request: Request, me: Me, db: Db, alert_id: UUID) -> Response:
    desk.take_note(db, alert_id, by=me)
    return render.redirect(request, "/wall/alerts", notice="已记下由您处理。")


@router.post("/people")
def name_person(
    request: Request,
    me: Me,
    db: Db,
    name: Annotated[str, Form(max_length=64)] = "",
    way: Annotated[MessageWay, Form()] = MessageWay.SMS,
    address: Annotated[str, Form(max_length=254)] = "",
    wants: Annotated[list[str], Form()] = [],  # noqa: B006 -- FastAPI copies it
    unit: Annotated[str, Form(max_length=32)] = "",
) -> Response:
    desk.name_person(db, name=name, way=way, address=address, wants=wants, unit=unit, by=me)
    return render.redirect(request, "/wall/alerts", notice="已加入通知名单。")


@router.post("/people/{subscriber_id}/leave-out")
def leave_out(request: Request, me: Me, db: Db, subscriber_id: UUID) -> Response:
    desk.leave_out(db, subscriber_id, by=me)
    return render.redirect(request, "/wall/alerts", notice="已从通知名单移除。")
