"""The web process, put together: pages, interfaces, refusals, and in the embedded shape what follows from events."""

import asyncio
import gc
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from importlib.resources import files

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import Scope
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from hotline import __version__, db, process
from hotline.api import callbacks, health, police, v1
from hotline.api.v1.calling import Paces
from hotline.errors import HotlineError
from hotline.live import Listener
from hotline.relay import Errands, Relay
from hotline.services import triage
from hotline.services.files import files as attachments
from hotline.services.wall.board import Board
from hotline.settings import Settings, get_settings
from hotline.timetable import TIMETABLE, Timed
from hotline.web import (
    admin,
    agent,
    api_docs,
    aside,
    bulk,
    bundle,
    callback_desk,
    callback_list,
    case,
    centre_requests,
    conversation,
    desk_phone,
    duty,
    floor,
    incidents,
    login,
    model_card,
    monthly,
    opened,
    phone,
    pressure,
    problems,
    public,
    recordings,
    reports,
    same,
    search,
    stream,
    supervision,
    supervisor,
    survey,
    unit,
    unit_requests,
    verifier,
)
from hotline.web.middleware import BodyLimit, RequestLog, SafeHeaders

log = logging.getLogger(__name__)

ROUTERS = (
    public,
    survey,
    opened,
    model_card,
    login,
    stream,
    agent,
    conversation,
    same,
    incidents,
    phone,
    desk_phone,
    recordings,
    callback_list,
    callback_desk,
    pressure,
    floor,
    unit,
    unit_requests,
    bulk,
    verifier,
    centre_requests,
    duty,
    case,
    bundle,
    search,
    supervision,
    supervisor,
    monthly,
    aside,
    reports,
    admin,
)


def create_app(settings: Settings | None = None, *, run_relay: bool | None = None) -> FastAPI:
    """`run_relay`: whether this process also runs consequences and the timetable; by default, if there is no broker."""
    settings = settings or get_settings()
    embedded = not settings.celery.broker_url if run_relay is None else run_relay
    app = FastAPI(
        title="Hotline",
        version=__version__,
        lifespan=_lifespan(settings, with_relay=embedded),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    forget(app, settings)
    for module in ROUTERS:
        app.include_router(module.router)
    app.include_router(callbacks.router)
    app.include_router(police.router)
    app.include_router(health.router)
    app.include_router(v1.router)
    app.include_router(api_docs.router, dependencies=[Depends(health.operators_only)])
    app.mount("/static", KeptStatic(directory=str(files("hotline").joinpath("web/static"))), name="static")
    _tell_refusals(app)
    # The last one added is the first one passed.
    app.add_middleware(BodyLimit)
    app.add_middleware(SafeHeaders, https=settings.public_url.startswith("https:"))
    app.add_middleware(RequestLog)
    if settings.web.trusted_proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=settings.web.trusted_proxies)
    return app


def forget(app: FastAPI, settings: Settings) -> None:
    """What requests left in its memory is gone, as after a start."""
    app.state.settings = settings
    app.state.sender_pace = callbacks.sender_pace()
    app.state.system_paces = Paces(settings)
    app.state.listener = Listener(redis_url=settings.redis.url, socket_path=process.live_socket(settings))
    app.state.wall = Board()


def _tell_refusals(app: FastAPI) -> None:
    app.exception_handler(HotlineError)(problems.tell)
    app.exception_handler(HTTPException)(problems.tell_http)
    app.exception_handler(RequestValidationError)(problems.tell_invalid)
    app.exception_handler(Exception)(problems.tell_unexpected)


class KeptStatic(StaticFiles):
    """Files named with their content's hash (?v=…) never change, so a browser need not ask again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code == 200 and scope["query_string"].startswith(b"v="):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def _lifespan(settings: Settings, *, with_relay: bool) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[None]:
        prepared = process.prepare()
        # Made at the start only: a folder that goes missing later is a fault that senders are told of.
        attachments.make_folder(prepared)
        listening = asyncio.create_task(app.state.listener.run())
        behind = Consequences(settings) if with_relay else None
        if behind:
            behind.start()
        yield
        if behind:
            await asyncio.to_thread(behind.stop)
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening

    return run


class Consequences:
    """The relay and the timetable as threads of this process, for the shape without a broker."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._errands = Errands()
        self._relay = Relay(db.database(), process.pusher(settings), errands=self._errands)
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._run_relay, name="relay", daemon=True),
            # What waits for the network must not keep the rest waiting.
            threading.Thread(target=self._run_timetable, args=(False,), name="timetable", daemon=True),
            threading.Thread(target=self._run_timetable, args=(True,), name="outside", daemon=True),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._relay.stop()
        self._errands.stop()
        for thread in self._threads:
            thread.join(timeout=5)

    def _run_relay(self) -> None:
        # The model first: a message whose consequences run without it gets no suggestion.
        triage.start(self._settings)
        # Its objects stay for good: each time they were searched for garbage, all requests would stand still for 0.1 s and more.
        gc.freeze()
        if not self._ended.is_set():
            self._relay.run()

    def _run_timetable(self, outside: bool) -> None:
        timetable = {name: timed for name, timed in TIMETABLE.items() if timed.outside == outside}
        due = {name: time.monotonic() + timed.every.total_seconds() for name, timed in timetable.items()}
        while not self._ended.wait(1):
            for name, timed in timetable.items():
                if due[name] <= time.monotonic():
                    _run_timed(name, timed)
                    due[name] = time.monotonic() + timed.every.total_seconds()


def _run_timed(name: str, timed: Timed) -> None:
    """One failure is logged and does not end the timetable."""
    try:
        if timed.outside:
            timed.run(db.database())
            return
        with db.database().repeatable() as session:
            timed.run(session)
    except Exception:
        log.exception("timetable work failed", extra={"work": name})
