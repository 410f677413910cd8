"""The whole file of a case as a ZIP, for supervisors and administrators, against a reason."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from hotline.services import heads
from hotline.services.searching import bundles
from hotline.settings import get_settings
from hotline.web import render
from hotline.web.deps import Line, Look, Me
from hotline.web.search import handed_out

router = APIRouter(prefix="/bundle", include_in_schema=False)


@router.post("")
def take(
    request: Request,
    look: Look,
    me: Me,
    number: Annotated[str, Form(max_length=40)],
    reason: Line = "",
) -> Response:
    opened = bundles.open_case(look, me, number.strip(), reason=reason)
    values: dict[str, Any] = {"bundle": opened, "opened": opened.panel, "rest": opened.rest}
    page = bytes(render.fragment(request, "case/bundle.html", me=me, **values).body).decode()
    kept_heads = get_settings().data_dir / heads.FILE
    file = bundles.write(look, me, opened, page, kept_heads=kept_heads)
    return handed_out(file, f"案卷-{opened.view.case.number}.zip", "application/zip")
