"""The long-running parts themselves: the web process, and what follows from events as a process of its own."""

import gc
import signal
import socket
import sys
import threading
from collections.abc import Callable

import uvicorn

from hotline import process
from hotline.app import Consequences, create_app
from hotline.cli.parent import is_let_begin
from hotline.db import database
from hotline.relay import Relay

# Open pages keep their stream of events; they come back by themselves.
FAREWELL_SECONDS = 3
# A desk gives a sign of life every 20 s, over the connection that it has.
KEPT_OPEN_SECONDS = 30
# The relay thinks in the same interpreter as the pages: a request hands over at each statement and would wait 5 ms each time.
SHORT_TURN = 0.0001


def web(*, run_relay: bool, listen_on: int | None = None) -> int:
    """`listen_on`: the socket that the supervisor holds, and with whom this process ends."""
    if listen_on is not None and not is_let_begin():
        return 0
    settings = process.prepare()
    if run_relay:
        sys.setswitchinterval(SHORT_TURN)
    app = create_app(settings, run_relay=run_relay)
    # What is loaded stays: each full search of it for garbage would hold up every request for 0.4 s.
    gc.freeze()
    config = uvicorn.Config(
        app,
        host=settings.web.host,
        port=settings.web.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the app believes trusted proxies only
        timeout_keep_alive=KEPT_OPEN_SECONDS,
        timeout_graceful_shutdown=FAREWELL_SECONDS,
    )
    uvicorn.Server(config).run(sockets=None if listen_on is None else [socket.socket(fileno=listen_on)])
    return 0


def relay() -> int:
    """Publishes to the broker; without one it runs the consequences and the timetable itself."""
    settings = process.prepare()
    if settings.celery.broker_url:
        from hotline.worker import app as broker

        publishing = Relay(database(), process.pusher(settings), broker)
        _at_signal(publishing.stop)
        publishing.run()
    else:
        ended = threading.Event()
        _at_signal(ended.set)
        behind = Consequences(settings)
        behind.start()
        ended.wait()
        behind.stop()
    return 0


def _at_signal(stop: Callable[[], None]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop())
