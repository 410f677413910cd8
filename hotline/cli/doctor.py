"""Looks at each component and setting: one line each, and what to do about what is amiss."""

import argparse
import shutil
import socket
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path

import redis
from sqlalchemy import func, select, text

from hotline.channels import sms
from hotline.cli import beside
from hotline.db import database, reading
from hotline.demo import sandbox_secret
from hotline.errors import HotlineError, Unavailable
from hotline.sandbox import wiring
from hotline.services import heads, outbox, proving, unlocking
from hotline.services.files import files as attachments
from hotline.services.reading_phone import EXCHANGE_SILENT
from hotline.services.telephone import exchange_state, recording_store, recordings
from hotline.settings import Settings, get_settings, unknown_names
from hotline.telephony import exchange
from hotline.telephony.console import answers
from hotline.telephony.kit import find_kit
from models import CalendarDay, Category, ExchangeState, Staff, now, schema, today

OLDEST_SQLITE = (3, 35, 0)  # RETURNING
LATE_SECONDS = 60
LEAST_FREE_BYTES = 1 << 30
LATEST_RECORDINGS = 50


Look = Callable[[Settings], Iterator["Finding"]]


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    verdict: Verdict
    what: str
    detail: str
    # What to do about it.
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.verdict:4}  {self.what:12} {self.detail}" + (f" -> {self.remedy}" if self.remedy else "")


def ok(what: str, detail: str) -> Finding:
    return Finding(Verdict.OK, what, detail)


def warn(what: str, detail: str, remedy: str) -> Finding:
    return Finding(Verdict.WARN, what, detail, remedy)


def fail(what: str, detail: str, remedy: str) -> Finding:
    return Finding(Verdict.FAIL, what, detail, remedy)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = "prove instead that no row of any case's history was changed or removed, and name the first that was"
    parser.add_argument("--verify-history", action="store_true", help=what)


def run(arguments: argparse.Namespace) -> int:
    if arguments.verify_history:
        return _verify_history(beside.prepare())
    settings = get_settings()
    findings = list(_machine(settings))
    try:
        settings = beside.prepare()
        findings.append(ok("settings", "complete, demo" if settings.demo else "complete"))
        settings, played = _led_to_stand_ins(settings)
        findings += played
    except HotlineError as error:
        findings.append(fail("settings", str(error), "see .env.example"))
    else:
        findings += _components(settings)
    findings += _misspelt()
    for finding in findings:
        print(finding)
    return int(any(finding.verdict == Verdict.FAIL for finding in findings))


def _verify_history(settings: Settings) -> int:
    kept = heads.read(settings.data_dir / heads.FILE)
    with reading() as session:
        proof = proving.prove(session, kept)
    print(f"{proof.cases} cases, {proof.events} events, {proof.days} days' heads")
    print(proof.breach or "the history is as it was written")
    return int(bool(proof.breach))


def _components(settings: Settings) -> Iterator[Finding]:
    database = _database(settings)
    yield database
    beside: tuple[Look, ...] = (_broker, _pushes, _model, _texts, _wechat, _mail, _police, _address)
    within: tuple[Look, ...] = (_city, _keys, _attachments, _relay, _telephone, _recordings)
    # Of what lies in a database that does not answer nothing can be said.
    for look in (*within, *beside) if database.verdict == Verdict.OK else beside:
        yield from look(settings)


def _led_to_stand_ins(settings: Settings) -> tuple[Settings, list[Finding]]:
    """What `hotline up` adds to the settings of a demo while the stand-ins beside it answer."""
    if not (settings.demo and settings.sandbox.enabled) or wiring.why_not(settings):
        return settings, []
    if not _listens(wiring.HOST, settings.sandbox_port):
        return settings, [
            ok("sandbox", "does not run: `hotline up` of the demo starts it and leads texts, WeChat and mail there")
        ]
    led = wiring.completed(settings, sandbox_secret(settings.data_dir))
    where = f"http://{wiring.HOST}:{settings.sandbox_port}/"
    return led, [ok("sandbox", f"{where} stands in for {', '.join(wiring.played(led))}: nothing leaves this machine")]


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), 2.0):
            return True
    except OSError:
        return False


def _misspelt() -> Iterator[Finding]:
    for name in unknown_names():
        yield warn("settings", f"{name} is no setting and has no effect", "mend its name (see .env.example), or remove it")


def _machine(settings: Settings) -> Iterator[Finding]:
    yield ok("python", ".".join(map(str, sys.version_info[:3])))
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        yield fail("sqlite", sqlite3.sqlite_version, "a Python with SQLite 3.35 or newer")
    else:
        yield ok("sqlite", sqlite3.sqlite_version)
    yield from _folder(settings.data_dir)
    scripts = Path(str(files("hotline"))) / "web" / "static" / "vendor" / "htmx.min.js"
    if scripts.exists():
        yield ok("page scripts", "copied")
    else:
        yield warn("page scripts", "missing: the desks work, but do not refresh by themselves", "make setup")
    yield from _programs(settings)


def _folder(folder: Path) -> Iterator[Finding]:
    if not folder.exists():
        yield warn("data folder", f"{folder} does not exist yet", "hotline up makes it")
        return
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0" * 4096)
            file.flush()
    except OSError as error:
        yield fail("data folder", f"{folder}: {error.strerror}", "give the service's user write access and room")
        return
    if folder.stat().st_mode & 0o077:
        yield warn("data folder", f"{folder} can be opened by others", f"chmod 700 {folder}")
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        yield warn("data folder", f"{free >> 20} MiB free", "make room: at zero no message can be stored")
    else:
        yield ok("data folder", f"{folder}, {free >> 30} GiB free")


def _programs(settings: Settings) -> Iterator[Finding]:
    """Other programs that parts of the service or of its tests use."""
    if settings.telephony == "off":
        yield ok("asterisk", "not wanted (HOTLINE_TELEPHONY=off)")
    else:
        yield from _exchange(settings)
    if found := next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None):
        yield ok("chromium", found)
    else:
        yield warn("chromium", "not installed: no tests in a browser", "apt-get install chromium")


def _exchange(settings: Settings) -> Iterator[Finding]:
    kit = find_kit(settings)
    if why := exchange.why_not(settings):
        what, _, remedy = why.rpartition(": ")
        yield warn("asterisk", f"no calls: {what}", f"{remedy}, or HOTLINE_TELEPHONY=off")
    elif kit:
        yield ok("asterisk", f"{kit.version}, {kit.program}, every prompt has audio")
    if kit and kit.speech:
        yield ok("espeak", f"{kit.speech.version}, {kit.speech.command[-1]}")
    else:
        yield warn(
            "espeak", "no voice: no announcements of an outage, no new prompts", "make asterisk, or apt-get install espeak-ng"
        )


def _database(settings: Settings) -> Finding:
    url = database().engine.url
    try:
        with reading() as session:
            session.execute(text("SELECT 1"))
    except Unavailable as error:
        cause = getattr(error.__cause__, "orig", None) or error.__cause__
        return fail("database", f"{url}: {' '.join(str(cause).split())}", _database_remedy(settings))
    if schema.is_newer(database().engine):
        return fail("database", f"{url.get_backend_name()}, of a newer release", "start that release, or restore an older backup")
    if not schema.is_current(database().engine):
        return fail("database", f"{url.get_backend_name()}, not at the newest revision", "hotline up --only migrate")
    return ok("database", f"{url.get_backend_name()}, at the newest revision")


def _database_remedy(settings: Settings) -> str:
    return "start it, or mend HOTLINE_DATABASE__URL" if settings.database.url else "see the line data folder"


def _city(_: Settings) -> Iterator[Finding]:
    with reading() as session:
        categories = session.scalar(select(func.count()).select_from(Category)) or 0
        staff = session.scalar(select(func.count()).select_from(Staff).where(Staff.active)) or 0
    yield ok("city", f"{categories} categories") if categories else fail("city", "no reference data", "hotline seed")
    yield ok("accounts", f"{staff} active") if staff else warn("accounts", "nobody can sign in", "hotline staff add")
    yield _calendar()


def _keys(_: Settings) -> Iterator[Finding]:
    with reading() as session:
        misfit = unlocking.misfit(session)
    if misfit:
        remedy = "put back the key it was stored with; replaced ones belong into HOTLINE_PRIVACY__OLD_KEYS, newest first"
        yield fail("privacy key", f"does not fit the personal data that is stored ({misfit})", remedy)
    else:
        yield ok("privacy key", "opens what is stored")


def _attachments(settings: Settings) -> Iterator[Finding]:
    folder = attachments.folder(settings)
    if folder.is_dir():
        yield ok("attachments", str(folder))
    else:
        # The service makes it when it is set up, and never anew: it may be a disk that is not mounted.
        yield warn("attachments", f"{folder} is missing: no file can be received", "mount it, or start the service anew")


def _calendar() -> Finding:
    ahead = CalendarDay.day >= today()
    with reading() as session:
        last = session.scalar(select(func.max(CalendarDay.day)).where(ahead))
        first_assumed = session.scalar(select(func.min(CalendarDay.day)).where(ahead, CalendarDay.provisional))
    if last is None:
        return fail("calendar", "no days ahead", "hotline seed")
    if first_assumed is None:
        return ok("calendar", f"official until {last}")
    return warn("calendar", f"provisional from {first_assumed}: due times may move", "enter the official list on /admin")


def _relay(_: Settings) -> Iterator[Finding]:
    with reading() as session:
        oldest, stuck = outbox.oldest_waiting(session), len(outbox.stuck(session))
    age = (now() - oldest).total_seconds() if oldest else 0.0
    if age > LATE_SECONDS:
        yield fail("relay", f"the oldest event waits since {age:.0f} s", "start `hotline up`, or the relay and the workers")
    else:
        yield ok("relay", f"oldest waiting event {age:.0f} s")
    if stuck:
        yield warn("outbox", f"{stuck} events given up after ten tries", "look at them on /admin")


def _broker(settings: Settings) -> Iterator[Finding]:
    yield _redis("broker", settings.celery.broker_url, "none: the relay runs what follows from events")


def _pushes(settings: Settings) -> Iterator[Finding]:
    yield _redis("redis", settings.redis.url, "none: pushes go over a socket in the data folder")


def _redis(what: str, url: str, without: str) -> Finding:
    if not url:
        return ok(what, without)
    if not url.startswith("redis"):
        return ok(what, "set, not looked at (not a Redis)")
    try:
        with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        return fail(what, f"does not answer: {error}", "start it, or mend its address in the settings")
    return ok(what, "answers")


def _telephone(settings: Settings) -> Iterator[Finding]:
    if settings.telephony == "off":
        return
    with reading() as session:
        state = session.get(ExchangeState, exchange_state.ONLY_ROW)
    lives = state is not None and state.seen_at > now() - EXCHANGE_SILENT
    host, port = settings.asterisk.host, settings.asterisk.ami_port
    if answers(host, port):
        yield ok("ami", f"answers on {host}:{port}")
    else:
        # While the service rests, nobody expects it to.
        yield (fail if lives else warn)("ami", f"nothing answers on {host}:{port}", "start `hotline up`, or its part asterisk")
    if state is None or not lives:
        last = f"since {state.seen_at:%Y-%m-%d %H:%M} UTC" if state else "yet"
        yield warn("telephony", f"no sign of life {last}", "start `hotline up`, or its part telephony")
    elif state.connected:
        yield ok("telephony", "connected to the exchange")
    else:
        yield fail("telephony", f"not connected to the exchange: {state.reason}", "see the line ami, and the log of telephony")


def _recordings(settings: Settings) -> Iterator[Finding]:
    left = recording_store.backlog(recording_store.spool_of(settings))
    if left.files:
        size = f"{left.files} of them, {left.bytes >> 20} MiB, the oldest {left.oldest_seconds / 60:.0f} min old"
        yield warn("spool", f"recordings not taken over: {size}", "start telephony, make room, or mount <data>/recordings")
    elif settings.telephony == "on":
        yield ok("spool", "no recording is left")
    with reading() as session:
        damaged = [str(recording.id) for recording in recordings.verify(session, limit=LATEST_RECORDINGS)]
    if damaged:
        yield fail("recordings", f"not what was recorded: {', '.join(damaged)}", "put their files back from the back-up")
    else:
        yield ok("recordings", f"the latest {LATEST_RECORDINGS} are sound")


def _model(settings: Settings) -> Iterator[Finding]:
    # Here, for it takes a second.
    from classifier import ModelUnusable, load

    try:
        yield ok("classifier", f"model {load(settings.model_dir, None).version}")
    except ModelUnusable as error:
        yield warn("classifier", str(error), "make train")


def _texts(settings: Settings) -> Iterator[Finding]:
    gateway = settings.sms.gateway
    if not gateway:
        yield warn(
            "sms", "no gateway: texts are printed on the console", "choose one with HOTLINE_SMS__GATEWAY (docs/channels.md)"
        )
    elif missing := sms.lacks(settings):
        yield fail("sms", f"{gateway} cannot send", f"set {', '.join(missing)}")
    else:
        yield ok("sms", f"sent by {gateway}")


def _wechat(settings: Settings) -> Iterator[Finding]:
    wechat = settings.wechat
    sends = bool(wechat.app_id and wechat.app_secret)
    if wechat.token is None and sends:
        yield warn("wechat", "sent, but nothing can be received", "set HOTLINE_WECHAT__TOKEN")
    elif wechat.token is None:
        yield ok("wechat", "not connected")
    elif not sends:
        remedy = "set HOTLINE_WECHAT__APP_ID and HOTLINE_WECHAT__APP_SECRET"
        yield warn("wechat", "received, but nothing can be sent", remedy)
    else:
        yield ok("wechat", "connected (`hotline wechat check` asks WeChat itself)")


def _police(settings: Settings) -> Iterator[Finding]:
    police = settings.police
    if bool(police.url) == (police.secret is not None):
        yield ok("police", "connected" if police.url else "not connected: only the voice goes to 110")
    else:
        lacking = "HOTLINE_POLICE__SECRET" if police.url else "HOTLINE_POLICE__URL"
        yield fail("police", "half connected: no order can go to 110", f"set {lacking}")


def _mail(settings: Settings) -> Iterator[Finding]:
    reads, sends = settings.mail.imap_url is not None, settings.mail.smtp_url is not None
    if reads and not sends:
        yield warn("mail", "read, but answers are printed on the console", "set HOTLINE_MAIL__SMTP_URL")
    else:
        yield ok("mail", "read and sent" if reads else "not read")


def _address(settings: Settings) -> Iterator[Finding]:
    is_https = settings.public_url.startswith("https:")
    if settings.demo or is_https:
        yield ok("address", settings.public_url)
    else:
        yield warn(
            "address", f"{settings.public_url} is not https", "put a proxy with TLS before it; set HOTLINE_WEB__PUBLIC_URL"
        )
