"""For operators: whether the process lives, what it depends on, and the figures Prometheus collects."""

import secrets
import socket
import tempfile
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import redis
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from sqlalchemy import text

from hotline import db, process
from hotline.db import reading
from hotline.errors import HotlineError, NotAllowed
from hotline.services import outbox, queueing, triage
from hotline.settings import Settings
from models import now, schema

router = APIRouter()

LATE_RELAY_SECONDS = 60
FORWARDED = ("x-forwarded-for", "forwarded", "x-real-ip")


def operators_only(request: Request) -> None:
    """Loopback, or the operators' token. A request that a proxy of this machine passed on is not from loopback."""
    settings: Settings = request.app.state.settings
    token = settings.web.operator_token
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token and secrets.compare_digest(given.encode(), token.get_secret_value().encode()):
        return
    passed_on = not settings.web.trusted_proxies and any(name in request.headers for name in FORWARDED)
    if passed_on or not _is_loopback(request.client.host if request.client else ""):
        raise NotAllowed()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "testclient"


@router.get("/healthz")
def alive() -> dict[str, str]:
    """The process answers; nothing else is looked at."""
    return {"status": "alive"}


@router.get("/readyz", dependencies=[Depends(operators_only)])
def ready(request: Request) -> Response:
    """Each dependency by name; 503 if one fails without which nothing can be taken in."""
    settings: Settings = request.app.state.settings
    needed: dict[str, Callable[[], str]] = {
        "database": _database,
        "migrations": _migrations,
        "data_folder": partial(_data_folder, settings.data_dir),
    }
    useful: dict[str, Callable[[], str]] = {
        "relay": _relay,
        "classifier": _classifier,
        "live": partial(_live, settings),
        "broker": partial(_redis, settings.celery.broker_url),
    }
    checks = {name: _tried(check) for name, check in (needed | useful).items()}
    is_ready = all(checks[name]["ok"] for name in needed)
    return JSONResponse({"ready": is_ready, "checks": checks}, status_code=200 if is_ready else 503)


def _tried(check: Callable[[], str]) -> dict[str, Any]:
    try:
        return {"ok": True, "detail": check()}
    except (HotlineError, OSError, redis.RedisError, Failing) as error:
        return {"ok": False, "detail": str(error) or type(error).__name__}


class Failing(Exception):
    """A check's finding."""


def _database() -> str:
    with reading() as session:
        session.execute(text("SELECT 1"))
    return db.database().engine.dialect.name


def _migrations() -> str:
    if not schema.is_current(db.database().engine):
        raise Failing("the database is not at the newest revision: run `hotline up --only migrate`")
    return "newest"


def _data_folder(folder: Path) -> str:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"\0" * 4096)
        file.flush()
    return "writable"


def _relay() -> str:
    with reading() as session:
        oldest = outbox.oldest_waiting(session)
    age = (now() - oldest).total_seconds() if oldest else 0.0
    if age > LATE_RELAY_SECONDS:
        raise Failing(f"the oldest event waits since {age:.0f} s")
    return f"{age:.1f} s"


def _classifier() -> str:
    classifier = triage.current()
    if classifier is None:
        raise Failing("no model is loaded: the desk works without suggestions")
    return str(classifier.version)


def _live(settings: Settings) -> str:
    """Whether somebody listens for the pushes that make screens look again; without, they do so every few seconds."""
    if settings.redis.url:
        return _redis(settings.redis.url)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        probe.connect(str(process.live_socket(settings)))
    return "listening"


def _redis(url: str) -> str:
    if not url:
        return "not used"
    if not url.startswith("redis"):
        return "not checked"
    with redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) as client:
        client.ping()
    return "answers"


@router.get("/metrics", dependencies=[Depends(operators_only)])
def metrics() -> Response:
    """The process's own timings, and the queue and outbox as the database has them now."""
    return Response(generate_latest() + generate_latest(_from_database()), media_type=CONTENT_TYPE_LATEST)


def _from_database() -> CollectorRegistry:
    registry = CollectorRegistry()
    waiting = Gauge("hotline_queue_waiting", "Contacts that wait", ["channel"], registry=registry)
    oldest = Gauge("hotline_queue_oldest_seconds", "Age of the longest waiting contact", ["channel"], registry=registry)
    late = Gauge("hotline_queue_past_clock", "Waiting contacts past their clock", ["channel"], registry=registry)
    age = Gauge("hotline_outbox_age_seconds", "Age of the oldest event whose consequences have not run", registry=registry)
    stuck = Gauge("hotline_outbox_stuck", "Events given up after ten tries (100 at most)", registry=registry)
    with reading() as session:
        for channel, (count, seconds, past) in queueing.counts(session).items():
            waiting.labels(channel).set(count)
            oldest.labels(channel).set(seconds)
            late.labels(channel).set(past)
        since = outbox.oldest_waiting(session)
        stuck.set(len(outbox.stuck(session)))
    age.set((now() - since).total_seconds() if since else 0)
    return registry
