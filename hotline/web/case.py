"""One case whole: its history, what was asked and answered, and the work order on paper."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from hotline.errors import NotAllowed
from hotline.services import access, reading_cases
from hotline.services.city import places
from hotline.services.files import files
from hotline.services.queue_rule import VOICE
from hotline.services.rosters import deliveries
from hotline.services.sideways import reading
from hotline.services.telephone import lines, recordings, switching
from hotline.settings import get_settings
from hotline.web import render
from hotline.web.aside import CHECKED
from hotline.web.deps import Line, Look, Me
from models import Contact

router = APIRouter(prefix="/case", include_in_schema=False)


@router.get("")
def find(request: Request, me: Me, number: str = "") -> Response:
    return render.redirect(request, f"/case/{quote(number.strip()[:40])}" if number.strip() else "/")


@router.get("/{number}")
def show(request: Request, look: Look, me: Me, number: str) -> Response:
    return _page(request, look, me, access.see_case(look, me, number))


@router.post("/{number}/reveal")
def reveal(request: Request, look: Look, me: Me, number: str, reason: Line = "") -> Response:
    view = access.see_case(look, me, number)
    if not view.whole and view.case.is_shielded:
        raise NotAllowed()
    return _page(request, look, me, view, revealed=access.reveal_number(look, me, view.case, reason=reason))


@router.get("/{number}/recordings")
def listen(request: Request, look: Look, me: Me, number: str) -> Response:
    """Of the call that the case came from, what this person may hear; a fragment of the case's page."""
    view = access.see_case(look, me, number)
    contact = look.get_one(Contact, view.case.contact_id)
    found = recordings.of_contact(look, me, contact) if view.whole else ()
    return render.fragment(request, "recordings/_list.html", recordings=found)


@router.get("/{number}/files/{attachment_id}")
def download(look: Look, me: Me, number: str, attachment_id: UUID) -> Response:
    """Always as a download, never as a page of ours."""
    view = access.see_case(look, me, number)
    attachment = reading_cases.attachment(look, view, attachment_id)
    return Response(files.open(attachment), media_type=attachment.media_type, headers=render.download_headers(attachment.name))


def _may_call(session: Session, me: access.Me, view: access.CaseView) -> bool:
    """People of the centre who sit at a telephone; the number stays masked."""
    if get_settings().telephony == "off" or not me.has(*switching.CALLERS) or not view.case.number_of_requester:
        return False
    return lines.line_of(session, me.staff_id) is not None


def _page(request: Request, session: Session, me: access.Me, view: access.CaseView, *, revealed: str = "") -> Response:
    opened = reading_cases.panel(session, view)
    values: dict[str, Any] = {
        "told": deliveries.of_case(session, view.case.id, None if view.whole else [held.unit.id for held in view.held]),
        "opened": opened,
        "rest": reading_cases.rest(session, view.case) if view.whole else None,
        "was_called": view.whole and (opened.channel == VOICE or bool(opened.old_number)),
        "revealed": revealed,
        "brand": places.hotline_name(session),
        "may_call": _may_call(session, me, view),
        "identity_checks": CHECKED,
        **reading.values(session, me, opened),
    }
    return render.page(request, "case/page.html", me=me, **values)
