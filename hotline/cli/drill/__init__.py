"""Plays a day of the hotline through its public doors, all people at once, and counts what became of every letter.

With --year it loads a simulated year instead.
"""

import argparse
import sys
import time
from datetime import timedelta
from functools import partial
from pathlib import Path

from hotline.cli import beside
from hotline.cli.drill import year
from hotline.cli.drill.browser import Browser, require_service
from hotline.cli.drill.cast import Cast
from hotline.cli.drill.clocks import Clocks
from hotline.cli.drill.ledger import Ledger
from hotline.cli.drill.tally import Tally, count
from hotline.cli.drill.texts import texts
from hotline.errors import HotlineError
from hotline.seeds.staff import kept_password
from hotline.settings import Settings
from models import now

# Clocks of two machines may differ by so much.
SLACK = timedelta(minutes=2)
MOST_SHOWN = 20
CONTACTS = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--contacts", type=_some, help=f"letters to write (default {CONTACTS}; of a year calls too: {year.CONTACTS})"
    )
    parser.add_argument("--agents", type=_some, default=6, help="agent1, agent2 … take part (default 6)")
    parser.add_argument("--units", type=_some, default=6, help="the units of liaison1, liaison2 … take part (default 6)")
    parser.add_argument("--texts", type=Path, help="CSV with a column text_clean or text (default: invented letters)")
    parser.add_argument("--url", help="the running service (default: as the settings say)")
    parser.add_argument("--limit", type=float, default=900, help="seconds after which it gives up (default 900)")
    year.add_arguments(parser)


def _some(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def run(arguments: argparse.Namespace) -> int:
    return year.run(arguments) if arguments.year else _play(arguments)


def _play(arguments: argparse.Namespace) -> int:
    settings = beside.prepare()
    wanted = texts(arguments.contacts or CONTACTS, arguments.texts)
    url = arguments.url or f"http://{settings.web.host}:{settings.web.port}"
    require_service(url)
    start = now() - SLACK
    clocks = Clocks()
    ledger = Ledger(len(wanted), until=time.monotonic() + arguments.limit)
    door = partial(Browser, url, clocks, until=ledger.until)
    cast = Cast(ledger, door, password=_password(settings))
    players = [*cast.citizens(wanted), *cast.staff(arguments.agents, arguments.units)]
    began = time.monotonic()
    for player in players:
        player.start()
    for player in players:
        player.join()
    seconds = time.monotonic() - began
    print(f"{len(wanted)} letters in {seconds:.1f} s")
    return _report(ledger, clocks, count(ledger, start))


def _password(settings: Settings) -> str:
    password = settings.demo_password.get_secret_value() if settings.demo_password else kept_password(settings)
    if password is None:
        raise HotlineError(
            "The drill signs in as demo staff: start the service with HOTLINE_DEMO=true, or set HOTLINE_DEMO_PASSWORD."
        )
    return password


def _report(ledger: Ledger, clocks: Clocks, counted: Tally) -> int:
    problems = [*(f"lost: {what}" for what in counted.lost), *(f"doubled: {what}" for what in counted.doubled)]
    for problem in problems[:MOST_SHOWN]:
        print(problem, file=sys.stderr)
    if ledger.unfinished:
        print(f"{ledger.unfinished} letters did not come to their end in time", file=sys.stderr)
    for line in (*clocks.lines(), *counted.lines()):
        print(line)
    return int(bool(problems or ledger.failures or ledger.unfinished))
