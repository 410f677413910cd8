"""What people and programs are told when something is refused: a page, a toast, or JSON."""

import logging
from urllib.parse import quote, urlsplit

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from hotline.errors import HotlineError, Invalid, NotAllowed, NoteRequired, NotFound, OnlyForms, SignInNeeded, TooLarge
from hotline.web import refused, render
from hotline.words import say, word

SPEAK_OF_THIS_FIELD = ("This field is needed to file the matter.", "Please fill in this field.", NoteRequired.sentence)

log = logging.getLogger(__name__)


async def tell(request: Request, error: HotlineError) -> Response:
    """A refusal in the form in which it was asked."""
    sentence = f"{_named(error)}{say(error.text, **error.values)}"
    if error.status >= 500:
        log.warning("refused", extra={"code": error.code, "error": str(error.__cause__ or error)})
    if request.url.path.startswith("/api/v1/"):
        return _problem(error, sentence)
    if request.url.path.startswith("/api/"):
        body = {"code": error.code, "message": sentence, "field": error.field}
        return JSONResponse(body, status_code=error.status)
    if isinstance(error, SignInNeeded):
        return render.redirect(request, f"/login?next={quote(_wanted(request))}")
    if render.is_htmx(request):
        return render.only_toast(sentence, "bad", status=error.status, field=error.field)
    sent = await refused.read(request, error, sentence)
    if sent and (again := await refused.page_again(request, sent)):
        return again
    return render.page(request, "errors/problem.html", status=error.status, sentence=sentence, code=error.status, sent=sent)


def _problem(error: HotlineError, sentence: str) -> Response:
    """RFC 9457: a stable code for programs, a sentence that people may be shown."""
    body = {"type": "about:blank", "title": error.code, "status": error.status, "detail": sentence, "code": error.code}
    headers = {401: {"WWW-Authenticate": "Bearer"}, 429: {"Retry-After": "60"}, 503: {"Retry-After": "5"}}.get(error.status)
    return JSONResponse(
        {**body, "field": error.field}, status_code=error.status, headers=headers, media_type="application/problem+json"
    )


def _named(error: HotlineError) -> str:
    """Which field a refusal is about, where its sentence speaks of "this field"."""
    named = word("field", error.field)
    return f"{named}：" if error.text in SPEAK_OF_THIS_FIELD and named != error.field else ""


async def tell_http(request: Request, error: HTTPException) -> Response:
    """Starlette's own refusals in our words."""
    if isinstance(error.__cause__, HotlineError):  # met while the body was read
        return await tell(request, error.__cause__)
    if error.status_code == 400 and "exceeded" in str(error.detail):
        return await tell(request, TooLarge())
    kinds: dict[int, type[HotlineError]] = {404: NotFound, 405: OnlyForms, 403: NotAllowed, 413: TooLarge}
    return await tell(request, kinds.get(error.status_code, Invalid)())


async def tell_invalid(request: Request, error: RequestValidationError) -> Response:
    first = error.errors()[0]["loc"] if error.errors() else ()
    return await tell(request, Invalid(field=str(first[-1]) if first else ""))


async def tell_unexpected(request: Request, error: Exception) -> Response:
    """A bug: the log has the trace, people get a plain sentence."""
    log.error("unexpected", exc_info=error)
    return await tell(request, HotlineError())


def _wanted(request: Request) -> str:
    """The page to come back to after a sign-in."""
    if render.is_htmx(request):
        shown = urlsplit(request.headers.get("HX-Current-URL", ""))
        return shown.path + (f"?{shown.query}" if shown.query else "")
    if request.method != "GET":
        return ""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")
