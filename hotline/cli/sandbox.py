"""`hotline sandbox`: the providers' stand-ins, beside a service of the demo; the supervisor starts them as a part of it."""

import argparse
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from hotline.cli.parent import is_let_begin
from hotline.cli.supervisor import CANNOT_RUN, NotStarted, bind
from hotline.demo import sandbox_secret
from hotline.errors import HotlineError
from hotline.sandbox import wiring
from hotline.settings import Settings, get_settings

GATEWAY = "HOTLINE_SMS__GATEWAY"
# The page and the providers, SMTP, IMAP.
PORTS = 3


@dataclass(frozen=True)
class Beside:
    """The stand-ins of a service: where they listen, and the settings that lead it there. Nothing of both where they are off."""

    listening: Sequence[socket.socket] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All there is to say stands in the settings."""


def run(_: argparse.Namespace) -> int:
    settings = get_settings()
    if reason := wiring.why_not(settings):
        raise NotStarted("The sandbox does not start: {reason}.", reason=reason)
    secret = sandbox_secret(settings.data_dir)
    with _bound(settings) as listening:
        print(f"The sandbox is on {page(settings)}. What leads a service to it (`hotline up` of the demo has its own):")
        for name, value in wiring.environment(settings, secret).items():
            print(f"  {name}={value}")
        sys.stdout.flush()
        return _serve(wiring.completed(settings, secret), listening)


def part(arguments: argparse.Namespace) -> int:
    """What the supervisor starts, with the settings and the sockets that it hands over."""
    settings = get_settings()
    if wiring.why_not(settings) or len(arguments.listen_on) != PORTS:
        return CANNOT_RUN
    return _serve(settings, [socket.socket(fileno=each) for each in arguments.listen_on]) if is_let_begin() else 0


@contextmanager
def beside(settings: Settings) -> Iterator[Beside]:
    """Off outside the demo. Where it cannot run there, one line says why, and the service does without."""
    if not (settings.demo and settings.sandbox.enabled):
        yield Beside()
        return
    with ExitStack() as stack:
        try:
            if reason := wiring.why_not(settings):
                raise HotlineError(reason)
            found = Beside(stack.enter_context(_bound(settings)), wiring.environment(settings, sandbox_secret(settings.data_dir)))
        except HotlineError as error:
            print(f"  sandbox     stays off: {error}", file=sys.stderr)
            found = Beside()
        yield found


def page(settings: Settings) -> str:
    return f"http://{wiring.HOST}:{settings.sandbox_port}/"


@contextmanager
def _bound(settings: Settings) -> Iterator[Sequence[socket.socket]]:
    with ExitStack() as stack:
        first = settings.sandbox_port
        yield [stack.enter_context(bind(wiring.HOST, port, "HOTLINE_SANDBOX__PORT")) for port in range(first, first + PORTS)]


def _serve(settings: Settings, listening: Sequence[socket.socket]) -> int:
    # The supervisor, which stays small, imports this file for the rest of it.
    from hotline.sandbox import serving

    serving.serve(settings, *listening)
    return 0
