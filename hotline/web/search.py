"""Search over all cases that a person may see: one field, filters, views that are kept, and what is taken out as a workbook."""

from collections.abc import Iterator
from os import SEEK_END
from typing import Annotated, Any, BinaryIO
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import PlainTextResponse, Response, StreamingResponse
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotAllowed
from hotline.services import access, reading, reading_units, workbooks
from hotline.services.searching import choices, finding, sheets, sight, views
from hotline.services.searching.asking import SHOWN_MARKS, STATES, Query
from hotline.services.searching.matching import Place
from hotline.web import render, times
from hotline.web.deps import Db, Line, Look, Me
from hotline.web.letters import clean
from hotline.words import say
from models import Measure, RequestType, Role, Urgency, now

router = APIRouter(prefix="/search", include_in_schema=False)

CHUNK = 64 * 1024
MOST_FIELDS = 20


@router.get("")
def page(request: Request, look: Look, me: Me, after: str = "") -> Response:
    if not sight.may_search(me):
        raise NotAllowed()
    shown = views.views(look, me)
    first = views.first(shown)
    if not request.query_params and first is not None:
        return render.redirect(request, address(first.query))
    query = _asked(request)
    found, problem = _found(look, me, query, after)
    values: dict[str, Any] = {
        "query": query,
        "found": found,
        "problem": problem,
        "views": shown,
        "after": after,
        "address": address,
        "written": urlencode(query.given),
    }
    return render.page(request, "search/page.html", me=me, **values, **_offered(look, me))


def _offered(look: Session, me: access.Me) -> dict[str, Any]:
    """What may be chosen in the form, and done with what is found."""
    return {
        "states": STATES,
        "marks": SHOWN_MARKS,
        "measures": tuple(Measure),
        "urgencies": tuple(Urgency),
        "types": tuple(RequestType),
        "channels": reading.CHANNELS,
        "columns": tuple(sheets.COLUMNS),
        "usual": sheets.USUAL,
        "may_unmask": me.has(*sheets.UNMASKS),
        "may_share": me.has(*views.SHARES),
        "roles": tuple(role for role in Role if role != Role.SERVICE),
        "categories": choices.categories(look),
        "units": reading_units.choices(look) if me.has(*access.CENTRE) else (),
    }


@router.get("/views/{view_id}/count")
def count(look: Look, me: Me, view_id: UUID) -> Response:
    """How many it finds now: each view for itself, after the page, and it may take as long as it likes."""
    found = finding.count(look, me, views.view(look, me, view_id).query)
    most = finding.MOST_COUNTED
    return PlainTextResponse(f"{most - 1}+" if found >= most else str(found), headers={"Cache-Control": "no-store"})


@router.post("/views")
def keep(
    request: Request,
    me: Me,
    db: Db,
    name: Annotated[str, Form(max_length=views.LONGEST_NAME)],
    query: Annotated[str, Form(max_length=2000)] = "",
    shared_with: Annotated[Role | None, Form()] = None,
    opens_first: Annotated[bool, Form()] = False,
) -> Response:
    asked = _read(query)
    views.keep(db, me, clean(name), asked, shared_with=shared_with, opens_first=opens_first)
    return render.redirect(request, address(asked), notice="视图已保存。")


@router.post("/views/{view_id}/delete")
def delete(request: Request, me: Me, db: Db, view_id: UUID) -> Response:
    views.delete(db, me, view_id)
    return render.redirect(request, "/search?q=", notice="视图已删除。")


@router.post("/sheet")
def sheet(
    look: Look,
    me: Me,
    query: Annotated[str, Form(max_length=2000)] = "",
    columns: Annotated[list[str], Form(max_length=MOST_FIELDS)] = [],  # noqa: B006 -- FastAPI copies it
    unmasked: Annotated[bool, Form()] = False,
    reason: Line = "",
) -> Response:
    asked = _read(query)
    sheets.check(me, columns, unmasked=unmasked, reason=reason)
    sheets.note(look, me, asked, unmasked=unmasked, reason=reason)
    file = sheets.write(look, me, asked, columns, unmasked=unmasked)
    return handed_out(file, f"工单-{times.local(now(), '%Y%m%d-%H%M')}.xlsx", workbooks.MEDIA_TYPE)


def handed_out(file: BinaryIO, name: str, media_type: str) -> Response:
    """A finished file, a piece at a time; closed when it has been sent."""
    length = str(file.seek(0, SEEK_END))
    headers = {**render.download_headers(name), "Content-Length": length}
    return StreamingResponse(_pieces(file), media_type=media_type, headers=headers)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    with file:
        while piece := file.read(CHUNK):
            yield piece


def address(query: Query, **more: str) -> str:
    return "/search?" + urlencode({**query.given, **more} or {"q": ""})


def _read(written: str) -> Query:
    """A query as a form carries it on: what stands behind the question mark of the address."""
    return Query.of(dict(parse_qsl(written, max_num_fields=MOST_FIELDS)))


def _asked(request: Request) -> Query:
    return Query.of(request.query_params)


def _found(session: Session, me: access.Me, query: Query, after: str) -> tuple[finding.Page | None, str]:
    """What is no question is said under the field, which keeps what was typed."""
    try:
        return finding.page(session, me, query, after=Place.of(after)), ""
    except Invalid as error:
        return None, say(error.text, **error.values)
