"""`hotline up`: one group that starts, mends itself, and stops whole."""

import base64
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.running import PASSWORD, Service, command, environment, is_gone, running
from tests.components import free_port, need, wait_until
from tests.telephony.asterisk import free_sip_port

# Without the demo's cases it is there sooner.
BARE = {"HOTLINE_DEMO": "false", "HOTLINE_PRIVACY__KEY": base64.b64encode(bytes(32)).decode()}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(tmp_path_factory.mktemp("up")) as service:
        yield service


def test_it_says_where_to_look_and_how_to_sign_in(service: Service) -> None:
    wait_until(lambda: "sign-ins" in service.process.tail(400), "the addresses to be printed")

    printed = service.process.tail(400)

    assert f"hotline is ready on {service.url}" in printed
    assert PASSWORD in printed


def test_the_demo_password_is_kept_for_its_owner_only(service: Service) -> None:
    kept = Path(service.env["HOTLINE_DATA_DIR"]) / "demo-password"

    assert kept.read_text().strip() == PASSWORD
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_killed_part_starts_again(service: Service) -> None:
    (killed,) = service.children()

    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: service.children() not in ([], [killed]) and service.answers(), "the part to answer again", seconds=60)

    assert f"ended (signal {signal.SIGKILL})" in service.process.tail(400)


def test_a_second_one_on_the_same_folder_says_who_has_it(service: Service) -> None:
    second = command("up", env={**service.env, "HOTLINE_WEB__PORT": "1"})

    assert second.returncode == 1
    assert second.stderr.startswith(f"Another hotline (process {service.process.pid}) runs on")
    assert second.stderr.count("\n") == 1


def test_a_busy_port_is_one_clear_line(service: Service, tmp_path: Path) -> None:
    second = command("up", env={**service.env, "HOTLINE_DATA_DIR": str(tmp_path)})

    assert second.returncode == 1
    why = "cannot be used: Address already in use; choose another with HOTLINE_WEB__PORT."
    assert second.stderr == f"Port {service.port} on 127.0.0.1 {why}\n"


def test_sigterm_to_it_stops_every_part(tmp_path: Path) -> None:
    with running(tmp_path, **BARE) as service:
        family = [service.process.pid, *service.children()]

        os.kill(service.process.pid, signal.SIGTERM)
        wait_until(lambda: service.process.exit_code is not None, "the supervisor to end", seconds=60)

        assert service.process.exit_code == 0
        assert [pid for pid in family if not is_gone(pid)] == []
        assert not service.answers()


def test_its_parts_end_with_it_even_when_it_is_killed(tmp_path: Path) -> None:
    with running(tmp_path, **BARE) as service:
        (part,) = service.children()

        os.kill(service.process.pid, signal.SIGKILL)
        wait_until(lambda: is_gone(part), "the orphaned part to end", seconds=20)

        assert not service.answers()


def test_a_demo_is_refused_beyond_loopback(tmp_path: Path) -> None:
    refused = command("up", env=environment(tmp_path, HOTLINE_WEB__HOST="0.0.0.0", HOTLINE_WEB__PORT=str(free_port())))  # noqa: S104 -- what is refused

    assert refused.returncode == 1
    assert "the demo answers on loopback only" in refused.stderr


# --- with the telephone


@pytest.fixture(scope="module")
def telephone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The whole service with a real exchange on ports of its own."""
    need("asterisk")
    need("espeak-ng")
    sip = free_sip_port()
    ports = {"HOTLINE_ASTERISK__SIP_PORT": str(sip), "HOTLINE_ASTERISK__WS_PORT": str(sip + 28)}
    with running(tmp_path_factory.mktemp("telephone"), HOTLINE_TELEPHONY="on", **ports, **BARE) as service:
        wait_until(lambda: all(part(service, name) for name in PARTS), "every part of the telephone", seconds=60)
        wait_until(lambda: listens(sip + 13), "FastAGI to answer", seconds=60)
        yield service


def test_it_says_where_to_dial(telephone: Service) -> None:
    assert f"SIP 127.0.0.1:{telephone.env['HOTLINE_ASTERISK__SIP_PORT']}, dial 12345" in telephone.process.tail(400)


def test_without_an_asterisk_nobody_is_told_to_dial(tmp_path: Path) -> None:
    with running(tmp_path, HOTLINE_TELEPHONY="on", HOTLINE_ASTERISK__ROOT=str(tmp_path), **BARE) as service:
        wait_until(lambda: "the telephone stays off" in service.process.tail(400), "the reason", seconds=60)

        printed = service.process.tail(400)
        assert printed.count("the telephone stays off: no Asterisk: make asterisk") == 1
        assert "dial 12345" not in printed
        assert service.answers()


PARTS = ("asterisk", "ivr", "telephony")


def part(service: Service, name: str) -> int:
    """Its process; 0 while there is none."""
    for pid in service.children():
        with suppress(FileNotFoundError, ProcessLookupError):
            if Path(f"/proc/{pid}/cmdline").read_text().split("\0")[4:6] == ["--only", name]:
                return pid
    return 0


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("name", ["ivr", "telephony"])
def test_a_frozen_part_is_ended_within_seconds_and_starts_again(telephone: Service, name: str) -> None:
    frozen, others = part(telephone, name), [part(telephone, other) for other in PARTS if other != name]
    time.sleep(1.5)  # so that it has beaten

    os.kill(frozen, signal.SIGSTOP)
    stopped = time.monotonic()
    wait_until(lambda: is_gone(frozen), f"the frozen {name} to be ended", seconds=30)
    took = time.monotonic() - stopped
    wait_until(lambda: part(telephone, name) not in (0, frozen), f"another {name} to start", seconds=30)

    assert 2 < took < 6
    assert f"{name} does not answer; it is ended" in telephone.process.tail(400)
    assert [part(telephone, other) for other in PARTS if other != name] == others
    assert telephone.answers()
