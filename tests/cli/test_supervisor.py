"""`hotline up`: one group that starts, mends itself, and stops whole."""

import base64
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import PASSWORD, Service, command, environment, is_gone, running
from tests.components import free_port, wait_until

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
    assert second.stderr == f"Port {service.port} on 127.0.0.1 cannot be used: Address already in use.\n"


def test_sigterm_to_it_stops_every_part(tmp_path: Path) -> None:
    with running(tmp_path, **BARE) as service:
        family = [service.process.pid, *service.children()]

        os.kill(service.process.pid, signal.SIGTERM)
        wait_until(lambda: service.process.exit_code is not None, "the supervisor to end", seconds=20)

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
