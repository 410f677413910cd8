"""What every request passes: an id and a log line, a limit on its body, and the headers that keep browsers careful."""

import logging
import secrets
import time

from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hotline import logs
from hotline.errors import TooLarge

log = logging.getLogger("hotline.access")

HTTP_SECONDS = Histogram(
    "hotline_http_seconds",
    "Time to answer a request",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.5, 1, 2, 5),
)

CONTENT_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
SAFE_HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
ONE_YEAR = 31_536_000
# As they are sent.
_SAFE = [(name.lower().encode(), value.encode()) for name, value in SAFE_HEADERS.items()]
_ONLY_HTTPS = (b"strict-transport-security", f"max-age={ONE_YEAR}; includeSubDomains".encode())

KIB, MIB = 1024, 1024 * 1024
# The longest path that fits decides. Five files of 10 MiB come with a letter, an answer or a look on the spot; a provider's
# callback is small.
WITH_FILES = ("/", "/unit", "/verify", "/desk/contact", "/api/v1")
BODY_LIMITS = {"/api/channels": 64 * KIB} | dict.fromkeys(WITH_FILES, 60 * MIB)
OTHER_LIMIT = 12 * MIB


class RequestLog:
    """One JSON line and one timing a request; never the query string, which may hold a code."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        token = logs.context.set({**logs.context.get(), "request": request_id})
        started, answered = time.perf_counter(), {"status": 500}

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered["status"] = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            _write(scope, answered["status"], time.perf_counter() - started)
            logs.context.reset(token)


def _write(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", "other")
    if not route.endswith("/stream"):
        HTTP_SECONDS.labels(scope["method"], route, status).observe(seconds)
    log.info("answered", extra={"method": scope["method"], "path": route, "status": status, "ms": round(seconds * 1000, 1)})


class SafeHeaders:
    """An answer may set a stricter header of its own; what it leaves out is added."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app, self._https = app, https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wanted = [*_SAFE, _ONLY_HTTPS] if self._https or scope["scheme"] == "https" else _SAFE

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in wanted if pair[0] not in there)]
            await send(message)

        await self._app(scope, receive, add)


class BodyLimit:
    """Refuses a body that is announced too large at once, and one that only turns out so while it is read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD", "OPTIONS"}:
            await self._app(scope, receive, send)
            return
        limit, read = limit_of(scope["path"]), 0
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        too_large = announced.isdigit() and int(announced) > limit

        async def counted() -> Message:
            nonlocal read
            if too_large:
                raise _beyond(limit)
            message = await receive()
            read += len(message.get("body", b""))
            if read > limit:
                raise _beyond(limit)
            return message

        await self._app(scope, counted, send)


def _beyond(limit: int) -> TooLarge:
    most = f"{limit // MIB} MB" if limit >= MIB else f"{limit // KIB} KB"
    return TooLarge("All together this is larger than {most}. Nothing was saved.", most=most)


def limit_of(path: str) -> int:
    if path == "/":
        return BODY_LIMITS["/"]
    fitting = (prefix for prefix in BODY_LIMITS if prefix != "/" and (path == prefix or path.startswith(prefix + "/")))
    return BODY_LIMITS.get(max(fitting, key=len, default=""), OTHER_LIMIT)
