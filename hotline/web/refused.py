"""A form of the staff that was refused and sent without script: its page again, saying why, with what was typed.

With script the page stays as it is and a toast says why.
"""

from contextlib import suppress
from urllib.parse import unquote, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import Headers
from starlette.types import Message, Scope

from hotline.errors import HotlineError
from hotline.web import render
from hotline.web.typed import IN_SCOPE, Sent

IN_THE_FORM = frozenset({409, 422})
_ROUTED = frozenset({"route", "endpoint", "path_params", "router"})
_OF_THE_FORM = frozenset({b"content-type", b"content-length", b"transfer-encoding"})
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


async def read(request: Request, error: HotlineError, sentence: str) -> Sent | None:
    """What was sent, if it was a form that could be read."""
    if request.method != "POST" or not request.headers.get("content-type", "").startswith(FORMS):
        return None
    if error.status not in IN_THE_FORM:
        return None
    return Sent(sentence, error.status, request.url.path.rsplit("/", 1)[-1], await request.form())


async def page_again(request: Request, sent: Sent) -> Response | None:
    """The page that the form was on, drawn by its own route; nothing if it cannot be shown any more."""
    before = urlsplit(request.headers.get("referer", ""))
    if before.netloc != request.url.netloc:
        return None
    page = render.local_path(before._replace(scheme="", netloc="").geturl())
    answer = _Answer()
    with suppress(NoPage):
        await request.app.router(_look_at(request.scope, page, sent), request.receive, answer.take)
        return HTMLResponse(bytes(answer.body), status_code=sent.status, headers={"Cache-Control": "no-store"})
    return None


def _look_at(scope: Scope, page: str, sent: Sent) -> Scope:
    path, _, query = page.partition("?")
    headers = [pair for pair in scope["headers"] if pair[0] not in _OF_THE_FORM]
    kept = {name: value for name, value in scope.items() if name not in _ROUTED}
    address = {"path": unquote(path), "raw_path": path.encode(), "query_string": query.encode()}
    return {**kept, **address, "method": "GET", "headers": headers, IN_SCOPE: sent}


class NoPage(Exception):
    """A refusal, a download or a stream: what no browser was on when it sent the form."""


class _Answer:
    def __init__(self) -> None:
        self.body = bytearray()

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            kind = Headers(raw=message["headers"]).get("content-type", "")
            if message["status"] != 200 or not kind.startswith("text/html"):
                raise NoPage()
        else:
            self.body += message.get("body", b"")
