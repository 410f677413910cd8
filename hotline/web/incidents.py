"""Incidents: what may be one, put together and parted by people; its page with cases, handling and news."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotFound
from hotline.services import access
from hotline.services.incidents import likely, linking, reading, telling
from hotline.web import render, times
from hotline.web.deps import Db, Key, Label, Look, Me, Remark
from models import Case, Incident, Role

router = APIRouter(prefix="/incidents", include_in_schema=False)

SEEN_BY = (Role.DISPATCHER, Role.SHIFT_LEADER, Role.SUPERVISOR, Role.VERIFIER)
Numbers = Annotated[list[str], Form(max_length=linking.MOST_AT_ONCE)]


@router.get("")
def page(request: Request, look: Look, me: Me, over: bool = False) -> Response:
    access.require(me, *SEEN_BY)
    found = [] if over else likely.clusters(look)
    return render.page(
        request, "incidents/page.html", me=me, over=over, rows=reading.listed(look, over=over), clusters=found, may=_may(me)
    )


@router.post("")
def open_incident(request: Request, me: Me, db: Db, key: Key, cases: Numbers, title: Remark = "") -> Response:
    access.require(me, *linking.LINKED_BY)
    incident = linking.open_incident(db, _cases(db, cases), title=title, by=me.actor, key=key)
    return _back(request, incident, "已并为同一事件。")


@router.get("/{incident_id}")
def show(request: Request, look: Look, me: Me, incident_id: UUID) -> Response:
    access.require(me, *SEEN_BY)
    return render.page(request, "incidents/incident.html", me=me, whole=reading.whole(look, incident_id), may=_may(me))


@router.post("/{incident_id}/join")
def join(request: Request, me: Me, db: Db, incident_id: UUID, key: Key, cases: Numbers) -> Response:
    access.require(me, *linking.LINKED_BY)
    incident = _incident(db, incident_id)
    count = linking.join(db, incident, _cases(db, cases), by=me.actor, key=key)
    return _back(request, incident, f"已并入 {count} 件。")


@router.post("/{incident_id}/part")
def part(request: Request, me: Me, db: Db, incident_id: UUID, key: Key, number: Label, reason: Remark = "") -> Response:
    access.require(me, *linking.LINKED_BY)
    incident = _incident(db, incident_id)
    linking.part(db, incident, _cases(db, [number])[0], reason=reason, by=me.actor, key=key)
    return _back(request, incident, f"{number} 已移出，今后单独办理。")


@router.post("/{incident_id}/known")
def known(request: Request, me: Me, db: Db, incident_id: UUID, text: Remark = "", until: Label = "") -> Response:
    access.require(me, *linking.LINKED_BY)
    incident = _incident(db, incident_id)
    telling.set_known(db, incident, text=text, until=_moment(until), by=me.actor)
    return _back(request, incident, "坐席从现在起看得到这段口径。" if incident.known_text else "口径已收回。")


@router.post("/{incident_id}/update")
def update(request: Request, me: Me, db: Db, incident_id: UUID, key: Key, text: Remark = "") -> Response:
    access.require(me, *linking.LINKED_BY)
    incident = _incident(db, incident_id)
    telling.update(db, incident, text=text, by=me.actor, key=key)
    return _back(request, incident, "进展会发给每位市民，一人一条。")


@router.post("/{incident_id}/end")
def end(request: Request, me: Me, db: Db, incident_id: UUID, reason: Remark = "") -> Response:
    access.require(me, *linking.LINKED_BY)
    incident = _incident(db, incident_id)
    linking.end(db, incident, reason=reason, by=me.actor)
    return _back(request, incident, "事件已结束，未答复的工单照常办理。")


def _may(me: access.Me) -> bool:
    return me.has(*linking.LINKED_BY)


def _moment(text: str) -> datetime | None:
    try:
        return times.in_city(datetime.fromisoformat(text)) if text else None
    except ValueError as wrong:
        raise Invalid("Please say until when this is so.", field="until") from wrong


def _incident(session: Session, incident_id: UUID) -> Incident:
    found = session.get(Incident, incident_id)
    if found is None:
        raise NotFound()
    return found


def _cases(session: Session, numbers: list[str]) -> list[Case]:
    """In the order in which they were named."""
    wanted = [part for number in numbers for part in number.replace("，", " ").replace(",", " ").split()]
    found = linking.by_numbers(session, wanted)
    if not wanted or len(found) != len(set(wanted)):
        raise Invalid("Please check the numbers of the cases.", field="cases")
    return [found[number] for number in dict.fromkeys(wanted)]


def _back(request: Request, incident: Incident, notice: str) -> Response:
    return render.redirect(request, f"/incidents/{incident.id}", notice=notice)
