"""What is stored: the database and what lies in it, files, recordings; and the parts that it tells of."""

from collections.abc import Iterator

from sqlalchemy import func, select, text

from hotline.cli.examining.findings import Finding, Look, fail, ok, warn
from hotline.db import database, reading
from hotline.errors import Unavailable
from hotline.services import outbox, unlocking
from hotline.services.files import files as attachments
from hotline.services.reading_phone import EXCHANGE_SILENT
from hotline.services.telephone import exchange_state, recording_store, recording_upkeep
from hotline.settings import Settings
from hotline.telephony.console import answers
from models import CalendarDay, Category, ExchangeState, Staff, now, schema, today

LATE_SECONDS = 60
LATEST_RECORDINGS = 50


def of_database(settings: Settings) -> Finding:
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
        damaged = [str(recording.id) for recording in recording_upkeep.verify(session, limit=LATEST_RECORDINGS)]
    if damaged:
        yield fail("recordings", f"not what was recorded: {', '.join(damaged)}", "put their files back from the back-up")
    else:
        yield ok("recordings", f"the latest {LATEST_RECORDINGS} are sound")


LOOKS: tuple[Look, ...] = (_city, _keys, _attachments, _relay, _telephone, _recordings)
