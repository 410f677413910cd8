"""The page of the telephones, and what its script asks for."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from hotline.sandbox.telephones import CARRYING_PICTURES, MAIL, SMS, WECHAT, Telephones, Wish

OWN = Path(__file__).parent / "page"
# The look of the desks: the same for both.
DESKS = Path(__file__).parents[1] / "web" / "static"
MOST_BYTES = 10 * 1024 * 1024
LONGEST_WORDS = 2000
LONGEST_NAME = 100
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
BEGINNINGS = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg"}


def routes(telephones: Telephones) -> list[BaseRoute]:
    return [
        Route("/", _index),
        *(Route(f"/static/{Path(name).name}", _of_the_desks(name)) for name in ("app.css", "icons/mark.svg")),
        Mount("/static", StaticFiles(directory=OWN)),
        *_reading(telephones),
        _writing(telephones),
    ]


async def _index(_: Request) -> Response:
    return FileResponse(OWN / "index.html", headers=HEADERS)


def _of_the_desks(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def look(_: Request) -> Response:
        return FileResponse(DESKS / name, headers=HEADERS)

    return look


def _reading(telephones: Telephones) -> list[BaseRoute]:
    async def played(_: Request) -> Response:
        menu = telephones.wechat.menu.get("button", []) if telephones.wechat else []
        gateways = list(telephones.gateways)
        pictures = [name for name in gateways if name in CARRYING_PICTURES]
        told = {"channels": list(telephones.channels), "gateways": gateways, "pictures": pictures, "menu": menu}
        return JSONResponse(told, headers=HEADERS)

    async def threads(request: Request) -> Response:
        asked = {channel: request.query_params.get(channel, "") for channel in (SMS, WECHAT, MAIL)}
        found = {channel: [asdict(line) for line in telephones.thread(channel, who)] for channel, who in asked.items() if who}
        return JSONResponse(found, headers=HEADERS)

    async def picture(request: Request) -> Response:
        content = telephones.picture(request.path_params["name"])
        kind = next((kind for first, kind in BEGINNINGS.items() if content and content.startswith(first)), "")
        return Response(content, media_type=kind, headers=HEADERS) if kind else Response(status_code=404)

    return [Route("/played", played), Route("/threads", threads), Route("/picture/{name}", picture)]


def _writing(telephones: Telephones) -> BaseRoute:
    async def write(request: Request) -> Response:
        channel = request.path_params["channel"]
        async with request.form() as form:
            wish = await _wish(form)
        if wish is None or not telephones.can(channel, wish):
            return JSONResponse({"error": "not understood"}, 400)
        return JSONResponse({"status": await run_in_threadpool(telephones.act, channel, wish)})

    return Route("/write/{channel}", write, methods=["POST"])


async def _wish(form: FormData) -> Wish | None:
    def word(name: str, most: int = LONGEST_NAME) -> str:
        value = form.get(name, "")
        return value.strip()[:most] if isinstance(value, str) else ""

    file = form.get("file")
    content = await file.read(MOST_BYTES) if isinstance(file, UploadFile) else b""
    latitude, _, longitude = word("position").partition(",")
    try:
        place = float(latitude or 0), float(longitude or 0)
    except ValueError:
        return None
    what, who, text = word("what"), word("who"), word("text", LONGEST_WORDS)
    return Wish(what, who, text, word("gateway"), content, word("key", LONGEST_WORDS), *place)
