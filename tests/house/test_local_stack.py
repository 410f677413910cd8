"""The bare-machine runner does with a Compose file what Compose would: order, environment, health, one service at a time."""

import os
import signal
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.components import Process, free_port, need, wait_until
from tests.house.source import ROOT
from tools.compose_file import ComposeError, read_services
from tools.compose_local import Stack

COMPOSE = """
services:
  web:
    image: ours
    command: ["python", "-c", "import http.server, os; {serve}"]
    restart: always
    env_file: [".env"]
    environment:
      HOTLINE_WEB__HOST: 0.0.0.0
      HOTLINE_WEB__PORT: "8000"
      HOTLINE_DATABASE__URL: postgresql+psycopg://hotline:${{PASSWORD:?set PASSWORD}}@postgres:5432/hotline
      HOTLINE_REDIS__URL: redis://redis:6379/1
      GREETING: ${{GREETING:-good day}} $$5
    volumes: ["data:/data"]
    depends_on:
      prepare: {{condition: service_completed_successfully}}
    healthcheck:
      test: ["CMD", "python", "-c", "import os, socket; socket.create_connection(('127.0.0.1', os.environ['HOTLINE_WEB__PORT']))"]
  prepare:
    image: ours
    command: ["python", "-c", "import sys; open(sys.argv[1], 'w').write('prepared')", "/data/prepared"]
    restart: "no"
    volumes: ["data:/data"]
"""
SERVE = (
    "print(os.getpid(), flush=True); http.server.test(http.server.SimpleHTTPRequestHandler, bind=os.environ['HOTLINE_WEB__HOST'],"
    " port=int(os.environ['HOTLINE_WEB__PORT']))"
)


@pytest.fixture
def compose_file(tmp_path: Path) -> Path:
    path = tmp_path / "compose.yml"
    path.write_text(COMPOSE.format(serve=SERVE))
    return path


@pytest.fixture
def stack(compose_file: Path, tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(compose_file, tmp_path, variables={"PASSWORD": "made-up", "HOTLINE_PRIVACY__KEY": "from the file"})
    yield stack
    stack.stop()


def started(stack: Stack) -> list[int]:
    """What the service printed each time: its process."""
    return [int(line) for line in stack.log("web").read_text().splitlines() if line.isdigit()]


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except OSError:
        return False


def test_services_start_in_the_order_of_dependence(compose_file: Path) -> None:
    assert list(read_services(compose_file, {"PASSWORD": "made-up"})) == ["prepare", "web"]


def test_a_missing_variable_is_told_in_the_words_of_the_file(compose_file: Path) -> None:
    with pytest.raises(ComposeError, match="set PASSWORD"):
        read_services(compose_file, {})


def test_the_environment_is_the_files_with_this_machines_addresses(stack: Stack, tmp_path: Path) -> None:
    environment = stack.environment("web")

    assert environment["GREETING"] == "good day $5"
    assert environment["HOTLINE_PRIVACY__KEY"] == "from the file"
    assert environment["HOTLINE_WEB__HOST"] == "127.0.0.1"
    assert f"127.0.0.1:{environment['HOTLINE_WEB__PORT']}" in stack.url
    assert environment["HOTLINE_DATABASE__URL"].startswith("postgresql+psycopg://hotline:made-up@127.0.0.1:")
    assert stack.command("prepare")[-1] == str(tmp_path / "data" / "prepared")


def test_what_the_machine_sets_does_not_reach_the_services(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_DEMO", "true")

    assert "HOTLINE_DEMO" not in stack.environment("web")


def test_a_started_stack_is_well_and_a_stopped_one_is_gone(stack: Stack, tmp_path: Path) -> None:
    stack.start()
    assert (tmp_path / "data" / "prepared").read_text() == "prepared"
    assert answers(stack.url)

    stack.stop()

    assert not answers(stack.url)


def test_one_service_can_be_killed_and_started_again(stack: Stack) -> None:
    stack.start()

    stack.kill("web")
    assert not answers(stack.url)
    stack.start_service("web")

    assert answers(stack.url)


def test_a_service_that_ends_by_itself_is_started_again_as_the_file_says(stack: Stack) -> None:
    stack.start()
    first = started(stack)[-1]

    os.kill(first, signal.SIGKILL)

    wait_until(lambda: started(stack)[-1] != first and answers(stack.url), "the service to be back")


def test_a_service_that_cannot_start_is_told_with_its_last_words(compose_file: Path, tmp_path: Path) -> None:
    compose_file.write_text(compose_file.read_text().replace("/data/prepared", "/data/no/such/folder"))
    stack = Stack(compose_file, tmp_path, variables={"PASSWORD": "made-up"})

    with pytest.raises(ComposeError, match="No such file"):
        stack.start()


def test_a_database_and_a_broker_start_from_their_image_names(tmp_path: Path) -> None:
    need("postgres")
    need("redis")
    compose_file = tmp_path / "compose.yml"
    compose_file.write_text(
        'services: {postgres: {image: "postgres:15", restart: always}, redis: {image: "redis:7", restart: always}}'
    )
    stack = Stack(compose_file, tmp_path)
    stack.start()
    try:
        stack.kill("redis")
        stack.start_service("redis")
    finally:
        stack.stop()


def test_the_command_stops_everything_when_it_is_told_to(compose_file: Path, tmp_path: Path) -> None:
    env_file = tmp_path / "env"
    env_file.write_text("# secrets\nPASSWORD=made-up\n")
    port = free_port()
    options = ["--file", str(compose_file), "--env-file", str(env_file), "--port", str(port)]
    runner = Process([sys.executable, "-m", "tools.compose_local", *options], tmp_path / "runner.log", cwd=ROOT)
    runner.start()
    wait_until(lambda: "run;" in runner.tail(), "the stack to be up")
    assert answers(f"http://127.0.0.1:{port}")

    runner.stop(by=signal.SIGTERM)

    assert runner.exit_code == 0
    assert not answers(f"http://127.0.0.1:{port}")


def test_a_command_runs_in_the_web_services_environment_and_ends_the_stack(compose_file: Path, tmp_path: Path) -> None:
    env_file = tmp_path / "env"
    env_file.write_text("PASSWORD=made-up\nGREETING=good evening\n")
    port = free_port()
    options = ["--file", str(compose_file), "--env-file", str(env_file), "--port", str(port)]
    script = "import os, sys; print(os.environ['GREETING'], os.environ['HOTLINE_WEB__PORT']); sys.exit(7)"
    runner = Process(
        [sys.executable, "-m", "tools.compose_local", *options, "--", "python", "-c", script], tmp_path / "runner.log", cwd=ROOT
    )

    runner.start()
    wait_until(lambda: not runner.running, "the command to end")

    assert runner.exit_code == 7
    assert f"good evening $5 {port}" in runner.tail()
    assert not answers(f"http://127.0.0.1:{port}")
