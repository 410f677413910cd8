"""The only ways to answer a person: page(), fragment(), redirect(); toast() adds a short message to any of them."""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from uuid import uuid4

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from pydantic import BaseModel

from hotline import words
from hotline.services.files.files import DOWNLOAD_HEADERS
from hotline.services.senders import masked_caller, masked_sender
from hotline.settings import get_settings
from hotline.web import times
from hotline.web.marking import marked
from hotline.web.typed import typed
from models.privacy import mask_name, mask_number

HERE = Path(__file__).parent
STATIC = HERE / "static"
NOTICE = "hotline_notice"
AS_IN_ADDRESSES = ":/%#?=@[]!$&'()*+,;"


def is_htmx(request: Request) -> bool:
    return request.headers.get("HX-Request") == "true"


def page(
    request: Request, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
) -> Response:
    """A whole page; shows the message that a redirect left behind, once."""
    notice = _left_notice(request)
    html = _environment().get_template(template).render(request=request, notice=notice, **values)
    response = HTMLResponse(html, status_code=status, headers={"Cache-Control": "no-store", **(headers or {})})
    if notice:
        response.delete_cookie(NOTICE)
    return response


def fragment(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    """A piece of a page for htmx to put in its place."""
    return ready(piece(request, template, **values), status=status)


def piece(request: Request, template: str, **values: Any) -> str:
    """The text of a fragment, for what is drawn once and shown to many."""
    return _environment().get_template(template).render(request=request, **values)


def ready(html: str, *, status: int = 200) -> Response:
    """A fragment that has been drawn."""
    return HTMLResponse(html, status_code=status, headers={"Cache-Control": "no-store"})


def redirect(request: Request, url: str, *, notice: str = "", kind: str = "good") -> Response:
    """Go there next; `notice` is shown on arrival."""
    response: Response
    if is_htmx(request):
        # As the answer without script has it: headers hold no Chinese.
        response = Response(status_code=200, headers={"HX-Redirect": quote(url, safe=AS_IN_ADDRESSES)})
    else:
        response = RedirectResponse(url, status_code=303)
    if notice:
        secure = request.url.scheme == "https"
        response.set_cookie(NOTICE, quote(f"{kind}:{notice}"), max_age=30, httponly=True, samesite="lax", secure=secure)
    return response


def toast(response: Response, text: str, kind: str = "good", *, field: str = "") -> Response:
    """Add a short message, out of band, to an answer that htmx will read; `field` is the form field that it concerns."""
    html = _environment().get_template("_toast.html").render(text=text, kind=kind, field=field)
    response.body = bytes(response.body) + html.encode()
    response.headers["Content-Length"] = str(len(response.body))
    response.headers.setdefault("Content-Type", "text/html; charset=utf-8")
    return response


def only_toast(text: str, kind: str = "good", *, status: int = 200, field: str = "") -> Response:
    """Nothing but the message: what was typed stays on the screen."""
    return toast(HTMLResponse("", status_code=status, headers={"HX-Reswap": "none"}), text, kind, field=field)


def told(request: Request, text: str, *, at: str) -> Response:
    """It is done, and the screen stays as it is. Without script the page with the form comes again and says so; or `at`."""
    return only_toast(text) if is_htmx(request) else redirect(request, _page_before(request) or at, notice=text)


def _page_before(request: Request) -> str:
    before = urlsplit(request.headers.get("Referer", ""))
    return local_path(before._replace(scheme="", netloc="").geturl()) if before.netloc == request.url.netloc else ""


def download_headers(name: str) -> dict[str, str]:
    return {**DOWNLOAD_HEADERS, "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}


def local_path(url: str | None) -> str:
    """A path on this site, or the front of the staff's pages: never another host."""
    parts = urlsplit(url or "")
    if parts.scheme or parts.netloc or not parts.path.startswith("/") or parts.path.startswith("//") or "\\" in (url or ""):
        return ""
    return parts.path + (f"?{parts.query}" if parts.query else "")


def as_fields(form: BaseModel) -> list[tuple[str, str]]:
    """What was sent, for the hidden fields of a page that asks again."""
    body = form.model_dump(mode="json").items()
    return [(name, str(each)) for name, value in body for each in (value if isinstance(value, list) else [value])]


def _left_notice(request: Request) -> dict[str, str] | None:
    kind, colon, text = unquote(request.cookies.get(NOTICE, "")).partition(":")
    return {"kind": kind if kind in {"good", "warn", "bad"} else "good", "text": text} if colon else None


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        word=lambda value, context: words.word(context, value),
        ago=times.ago,
        left=times.left,
        local=times.local,
        clock_of=times.clock_of,
        span=times.span,
        masked=mask_number,
        caller=masked_caller,
        sender=masked_sender,
        masked_name=mask_name,
        percent=lambda share: f"{share:.0%}",
        marked=marked,
    )
    environment.globals.update(
        telephony=lambda: get_settings().telephony == "on",
        static=static_url,
        new_key=lambda: str(uuid4()),
        say=words.say,
        typed=typed,
    )
    return environment


@lru_cache(maxsize=256)
def static_url(name: str) -> str:
    """With the content's hash, so that browsers may keep it for ever."""
    return f"/static/{name}?v={sha256((STATIC / name).read_bytes()).hexdigest()[:10]}"
