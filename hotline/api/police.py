"""POST /api/police: what 110's platform says of the orders that were pushed to it. Size first, then the signature."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from hotline import db
from hotline.api.callbacks import limited_body
from hotline.channels.police import Police
from hotline.errors import HotlineError
from hotline.services.sideways import police
from hotline.settings import Settings

router = APIRouter(include_in_schema=False)
TOO_LARGE = 413


@router.post("/api/police")
def hear(request: Request, body: Annotated[bytes | None, Depends(limited_body)]) -> Response:
    """Committed before the platform is told; a repeat is answered as the first time and changes nothing."""
    settings: Settings = request.app.state.settings
    if body is None:
        return _refused("too_large", TOO_LARGE)
    try:
        word = Police(settings.police).word(dict(request.headers), body)
        with db.unit_of_work() as session:
            police.hear(session, word)
    except HotlineError as refusal:
        return _refused(refusal.code, refusal.status)
    return JSONResponse({"ok": True})


def _refused(code: str, status: int) -> Response:
    return JSONResponse({"error": code}, status)
