"""Looks at each component and setting: one line each, and what to do about what is amiss."""

import argparse
import socket
from collections.abc import Iterator

from hotline.cli import beside
from hotline.cli.examining import connected, machine, stored
from hotline.cli.examining.findings import Finding, Verdict, fail, ok, warn
from hotline.db import reading
from hotline.demo import sandbox_secret
from hotline.errors import HotlineError
from hotline.sandbox import wiring
from hotline.services import heads, proving
from hotline.settings import Settings, get_settings, unknown_names


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = "prove instead that no row of any case's history was changed or removed, and name the first that was"
    parser.add_argument("--verify-history", action="store_true", help=what)


def run(arguments: argparse.Namespace) -> int:
    if arguments.verify_history:
        return _verify_history(beside.prepare())
    settings = get_settings()
    findings = list(machine.findings(settings))
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
    database = stored.of_database(settings)
    yield database
    # Of what lies in a database that does not answer nothing can be said.
    within = stored.LOOKS if database.verdict == Verdict.OK else ()
    for look in (*within, *connected.LOOKS):
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
