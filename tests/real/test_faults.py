"""kill -9 in the middle of a drill, again and again, in both shapes; then count that nothing was lost and nothing done twice."""

import base64
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import func, select

from hotline.db import Database
from hotline.seeds import staff
from models import CaseEvent, OutboxMessage
from tests.components import Process, free_port, need, wait_until
from tests.conftest import KEY
from tests.factories import PASSWORD
from tests.house.source import ROOT
from tests.real.counting import troubles
from tools.compose_local import Stack

pytestmark = pytest.mark.timeout(300)

SEED = 12345
LETTERS = 30
# In the histories of so many cases, at the least.
STEPS = LETTERS * 7
SECRETS = {
    "HOTLINE_PRIVACY__KEY": base64.b64encode(KEY).decode(),
    "HOTLINE_DEMO_PASSWORD": PASSWORD,
    "HOTLINE_MODEL_DIR": str(ROOT / "classifier" / "artifacts" / "demo"),
    "POSTGRES_PASSWORD": "made-up",
}
# The longest lease of a row that was in the hands of a killed process twice, and a little more.
REST_SECONDS = 100


def hotline(*words: str) -> list[str]:
    return [sys.executable, "-m", "hotline", *words]


def drill(folder: Path, environment: Mapping[str, str]) -> Process:
    command = hotline("drill", "--contacts", str(LETTERS), "--agents", "3", "--units", "3", "--limit", "200")
    return Process(command, folder / "drill.log", env=dict(environment), cwd=ROOT)


def add_staff(database: Database) -> None:
    """The accounts of the demo without its cases."""
    with database.unit_of_work() as session:
        staff.load_staff(session, PASSWORD)


def play(drill: Process, database: Database, faults: Sequence[Callable[[], None]]) -> None:
    """The drill, with each fault after a random number of steps, however fast the machine is."""
    chance = random.Random(SEED)
    drill.start()
    for steps, fault in zip(sorted(chance.sample(range(1, STEPS // 2), len(faults))), faults, strict=True):
        wait_for_step(drill, database, steps)
        time.sleep(chance.uniform(0, 0.5))
        assert drill.running, f"the drill was over before the last fault:\n{drill.tail(40)}"
        fault()
    wait_until(lambda: not drill.running, f"the drill; see {drill.log}", seconds=200)


def wait_for_step(drill: Process, database: Database, steps: int) -> None:
    wait_until(lambda: steps_taken(database) >= steps or not drill.running, f"step {steps}; see {drill.log}", seconds=60)


def steps_taken(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(CaseEvent)) or 0


def assert_nothing_lost_or_doubled(drill: Process, database: Database) -> None:
    report = drill.tail(60)
    assert drill.exit_code == 0, report
    assert {"lost 0", "doubled 0"} <= set(report.splitlines()), report
    wait_until(lambda: is_at_rest(database), "the last consequences", seconds=REST_SECONDS)
    with database.reading() as session:
        assert troubles(session) == []


def is_at_rest(database: Database) -> bool:
    with database.reading() as session:
        return session.scalar(select(OutboxMessage.id).where(OutboxMessage.done_at.is_(None)).limit(1)) is None


@pytest.fixture
def until_done() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_the_embedded_service_is_killed_during_a_drill(tmp_path: Path, until_done: ExitStack) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if name in {"HOME", "PATH"} or name.startswith("COVERAGE_")},
        **SECRETS,
        "HOTLINE_DATA_DIR": str(tmp_path / "var"),
        "HOTLINE_WEB__PORT": str(free_port()),
        "HOTLINE_TELEPHONY": "off",
    }
    service = Process(hotline("up"), tmp_path / "up.log", env=environment, cwd=ROOT)
    service.start()
    until_done.callback(service.stop)
    wait_until(lambda: "hotline is ready" in service.tail(50), f"the service; see {service.log}", seconds=60)
    database = Database(f"sqlite:///{tmp_path}/var/hotline.db")
    until_done.callback(database.dispose)
    add_staff(database)
    playing = drill(tmp_path, environment)
    until_done.callback(playing.kill)

    play(playing, database, [lambda: kill_part_of(service)] * 3)

    assert_nothing_lost_or_doubled(playing, database)


def test_each_part_of_the_scaled_service_is_killed_during_a_drill(tmp_path: Path, until_done: ExitStack) -> None:
    need("postgres")
    need("redis")
    stack = Stack(ROOT / "docker-compose.yml", tmp_path, variables=SECRETS)
    until_done.callback(stack.stop)
    stack.start()
    environment = stack.environment("web")
    database = Database(environment["HOTLINE_DATABASE__URL"])
    until_done.callback(database.dispose)
    add_staff(database)
    playing = drill(tmp_path, environment)
    until_done.callback(playing.kill)
    names = ["web", "relay", "worker", "redis", "postgres"]
    random.Random(SEED).shuffle(names)

    play(playing, database, [fault_of(stack, name) for name in names])

    assert_nothing_lost_or_doubled(playing, database)


def fault_of(stack: Stack, name: str) -> Callable[[], None]:
    def kill_and_start_again() -> None:
        stack.kill(name)
        stack.start_service(name)

    return kill_and_start_again


def kill_part_of(service: Process) -> None:
    """What the supervisor keeps alive dies; the supervisor starts it again."""
    wait_until(lambda: parts_of(service) != [], "a part to kill")
    for pid in parts_of(service):
        os.kill(pid, signal.SIGKILL)


def parts_of(service: Process) -> list[int]:
    children = Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text().split()
    return [int(child) for child in children if b"--listen-on" in Path(f"/proc/{child}/cmdline").read_bytes()]
