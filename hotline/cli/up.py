"""Starts the service: under one supervisor (embedded), or one part of it (scaled, one part a container)."""

import argparse
import gc
import os
import sys
from collections.abc import Callable
from contextlib import suppress

from hotline.cli import sandbox
from hotline.cli.parent import is_let_begin
from hotline.cli.supervisor import CANNOT_RUN, Supervisor, watch
from hotline.errors import HotlineError, Unavailable
from hotline.settings import Settings, get_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", choices=PARTS, help="one part instead of the whole service")
    # How the supervisor hands over the sockets that it holds.
    parser.add_argument("--listen-on", type=int, nargs="+", default=[], help=argparse.SUPPRESS)
    # Where a part tells the supervisor that it is not frozen.
    parser.add_argument("--beat-on", type=int, help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    if arguments.only:
        if arguments.only in STORING and not arguments.listen_on and arguments.beat_on is None:
            _refuse_other_keys()
        return PARTS[arguments.only](arguments)
    settings = get_settings()
    with Supervisor(settings) as supervisor, sandbox.beside(settings) as stand_ins:
        return supervisor.run(
            announce=lambda: announce(settings, stand_ins),
            telephony=settings.telephony == "on",
            stand_ins=stand_ins.listening,
            more=stand_ins.settings,
        )


def announce(settings: Settings, stand_ins: sandbox.Beside) -> None:
    """Where to look and how to sign in, once the service answers."""
    url = f"http://{settings.web.host}:{settings.web.port}"
    lines = [
        f"hotline is ready on {url}",
        f"  citizens    {url}/  {url}/track",
        f"  staff       {url}/desk  {url}/unit  {url}/verify  {url}/wall  {url}/reports  {url}/admin",
    ]
    if settings.demo:
        kept = settings.data_dir / "demo-password"
        lines.append("  sign-ins    agent1…agent24 leader1 dispatcher1 verifier1 callback1 supervisor1 admin1")
        lines.append("              liaison1… community1 grid1")
        lines.append(f"  password    {kept.read_text().strip()}  (kept in {kept})")
    if stand_ins.listening:
        lines.append(f"  sandbox     {sandbox.page(settings)}: write as a citizen by text message, WeChat and e-mail")
    if not (settings.sms.gateway or sandbox.GATEWAY in stand_ins.settings):
        lines.append("  sms         no gateway: texts are printed on the console (HOTLINE_SMS__GATEWAY)")
    print("\n".join(lines), flush=True)


def _refuse_other_keys() -> None:
    """As the supervisor's first step does, for a part that nobody supervises; one whose database is away waits for it."""
    from hotline import process
    from hotline.cli import keys

    process.prepare()
    with suppress(Unavailable):
        keys.refuse_others()


# The parts are imported only when asked for: the supervisor stays small, a migration needs no web server.
def _serve(arguments: argparse.Namespace, *, run_relay: bool) -> int:
    # What is loaded stays: looking for garbage in it meanwhile would take a sixth of the time.
    gc.disable()
    from hotline.cli import serve

    gc.enable()
    return serve.web(run_relay=run_relay, listen_on=next(iter(arguments.listen_on), None))


def _relay(_: argparse.Namespace) -> int:
    from hotline.cli import serve

    return serve.relay()


def _migrate(_: argparse.Namespace) -> int:
    from hotline.cli import seed

    seed.migrate()
    return 0


def _seed(arguments: argparse.Namespace) -> int:
    from hotline.cli import seed

    return seed.run(arguments)


def _worker(_: argparse.Namespace) -> int:
    return _celery("worker")


def _beat(_: argparse.Namespace) -> int:
    return _celery("beat", "--schedule", str(get_settings().data_dir / "timetable"), "--pidfile", "")


def _asterisk(_: argparse.Namespace) -> int:
    from hotline import process
    from hotline.telephony import city_queues, exchange

    settings = process.prepare()
    supervised = not sys.stdin.isatty() and sys.stdin.buffer.read(1) == b"\n"
    if reason := exchange.why_not(settings):
        print(f"the telephone stays off: {reason}", file=sys.stderr)
        return CANNOT_RUN
    if supervised:
        own, web = settings.asterisk, settings.web
        print(
            f"  telephone   SIP {own.bind}:{own.sip_port}, dial {own.numbers[0]}; agents use http://{web.host}:{web.port}/phone",
            flush=True,
        )
    return exchange.run(settings, city_queues.queues(), parent=sys.stdin.buffer if supervised else None)


def _ivr(arguments: argparse.Namespace) -> int:
    if arguments.beat_on is None:
        return watch("ivr")
    from hotline import process
    from hotline.telephony import ivr

    return ivr.run(process.prepare(), beat_on=arguments.beat_on) if is_let_begin() else 0


def _telephony(arguments: argparse.Namespace) -> int:
    if arguments.beat_on is None:
        return watch("telephony")
    from hotline import process
    from hotline.telephony import service

    return service.run(process.prepare(), beat_on=arguments.beat_on) if is_let_begin() else 0


def _celery(*command: str) -> int:
    settings = get_settings()
    if not settings.celery.broker_url:
        raise HotlineError("HOTLINE_CELERY__BROKER_URL is not set: without a broker the relay does this work itself.")
    program = [sys.executable, "-m", "celery", "-A", "hotline.worker", *command, "--loglevel", settings.log_level]
    os.execv(sys.executable, program)  # noqa: S606 -- a fixed program: this process becomes Celery's


PARTS: dict[str, Callable[[argparse.Namespace], int]] = {
    "all-in-one": lambda arguments: _serve(arguments, run_relay=True),
    "web": lambda arguments: _serve(arguments, run_relay=False),
    "relay": _relay,
    "worker": _worker,
    "beat": _beat,
    "asterisk": _asterisk,
    "ivr": _ivr,
    "telephony": _telephony,
    "sandbox": sandbox.part,
    "migrate": _migrate,
    "seed": _seed,
}
# Those that write what only the key opens.
STORING = frozenset({"all-in-one", "web", "relay", "worker", "ivr", "telephony"})
