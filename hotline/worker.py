"""The Celery app of the scaled shape: consequences by row id, and the timetable. Without a broker the relay does both itself."""

import logging
import time
from functools import lru_cache
from uuid import UUID

from celery import Celery
from celery.signals import worker_init
from sqlalchemy import text

from hotline import process, relay
from hotline.db import database
from hotline.errors import Unavailable
from hotline.handling import Lane
from hotline.live import Pusher
from hotline.services import triage
from hotline.settings import get_settings
from hotline.timetable import TIMETABLE

log = logging.getLogger(__name__)

app = Celery("hotline", broker=get_settings().celery.broker_url or None)
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    # A worker that is told nothing else serves both; with one for each lane, systems that are dead keep nothing waiting.
    task_queues={name: {"exchange": name, "routing_key": name} for name in ("celery", Lane.SYSTEMS.value)},
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    # Without these a hung Redis blocks a sender without end.
    broker_transport_options={"socket_connect_timeout": 1, "socket_timeout": 2, "visibility_timeout": 60},
    timezone="UTC",
    beat_schedule={
        name: {
            "task": "hotline.timetable",
            "schedule": timed.every,
            "args": [name],
            "options": {"expires": timed.every.total_seconds()},
        }
        for name, timed in TIMETABLE.items()
    },
)


@worker_init.connect  # type: ignore[untyped-decorator]  # Celery is published without types
def _prepare(**_: object) -> None:
    """Before the pool forks: its processes share the model's memory, and one that died is replaced at once."""
    try:
        settings = process.prepare()
    except process.NotConfigured as error:
        raise SystemExit(str(error)) from error  # Celery would log any other error and carry on
    _wait_for_database()
    triage.start(settings)
    database().dispose()  # two processes must not share a connection


def _wait_for_database() -> None:
    """A worker that began without it would have no names of places, and run consequences without suggestions ever after."""
    while True:
        try:
            with database().reading() as session:
                session.execute(text("SELECT 1"))
            return
        except Unavailable as error:
            log.warning("worker waits for the database", extra={"error": str(error.__cause__)})
            time.sleep(1)


@lru_cache(maxsize=1)
def _pusher() -> Pusher:
    return process.pusher(get_settings())


@app.task(name="hotline.consequence")  # type: ignore[untyped-decorator]
def consequence(message_id: str, *handlers: str) -> None:
    relay.run_task(database(), _pusher(), UUID(message_id), *handlers)


@app.task(name="hotline.timetable")  # type: ignore[untyped-decorator]
def timetable(name: str) -> None:
    timed = TIMETABLE[name]
    if timed.outside:
        timed.run(database())
        return
    with database().unit_of_work() as session:
        timed.run(session)
