"""The drill and the replay against a running demo: what they print, and that they count honestly."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.running import PASSWORD, Service, command, running
from tests.web.forms import PageForm, form

COUNTS = [
    "received",
    "suggested",
    "filed",
    "dispatched",
    "signed",
    "answered",
    "checked",
    "surveyed",
    "scored",
    "lost",
    "doubled",
]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(tmp_path_factory.mktemp("drill")) as service:
        yield service


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    path = tmp_path / "letters.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["id", "text"], [1, "楼道灯坏了，请来修。"], [2, "楼道灯坏了，请来修。"], [3, "？"], [4, "水" * 3000]])
    return path


def mailbox(service: Service) -> int:
    exported = command("export", "contacts", env=service.env)
    return sum(json.loads(line)["channel"] == "mailbox" for line in exported.stdout.splitlines())


def test_a_drill_ends_with_its_counts_and_loses_nothing(service: Service, tmp_path: Path) -> None:
    texts = tmp_path / "some_look_like_nuisance.csv"
    texts.write_text("id,text\n" + "1,楼道灯坏了，请来修。\n2,打错了，电话打错了，不好意思。\n" * 8)

    played = command(
        "drill", "--contacts", "15", "--agents", "2", "--units", "3", "--texts", str(texts), "--limit", "100", env=service.env
    )

    assert played.returncode == 0, played.stdout + played.stderr
    counted = dict(line.split() for line in played.stdout.splitlines()[-len(COUNTS) :])
    assert list(counted) == COUNTS
    assert (counted["received"], counted["lost"], counted["doubled"]) == ("15", "0", "0")
    assert counted["surveyed"] == counted["scored"] != "0"


def begin_two_matters(service: Service, letters: Path) -> str:
    """Somebody at agent1's desk files one of them, and goes away; the contact's reference."""
    assert command("replay", str(letters), "--rate", "50", env=service.env).returncode == 0
    with httpx.Client(base_url=service.url, follow_redirects=True) as desk:
        send(desk, form(desk.get("/login").text, "sign-in"), username="agent1", password=PASSWORD)
        page = desk.get("/desk").text
        if 'name="state" value="available"' in page:
            send(desk, form(page, "presence", state="available"))
        taken = send(desk, form(desk.get("/desk").text, "take-next"))
        send(desk, form(taken.text, "matter"))
        first = form(desk.get(f"{taken.url}&m=1").text, "file")
        left = send(desk, first, category="1901", unit="CGJ", request_type="help", title="第一件", place_text="某处")
        assert left.url.params["m"] == "2", left.text
        return str(re.findall(r'编号 <span class="num">([\d-]+)', left.text)[0])


def send(browser: httpx.Client, sent: PageForm, **values: str) -> httpx.Response:
    return browser.post(sent.action, data=sent.filled(**values))


def test_a_drill_beside_people_leaves_what_they_have_begun(service: Service, letters: Path) -> None:
    reference = begin_two_matters(service, letters)

    played = command("drill", "--contacts", "2", "--agents", "1", "--units", "2", env=service.env)

    assert played.returncode == 0, played.stdout + played.stderr
    assert f"left {reference}: somebody has begun a matter" in played.stderr
    assert {"received 2", "lost 0", "doubled 0"} <= set(played.stdout.splitlines())


def test_without_a_service_there_is_one_line(service: Service) -> None:
    refused = command("drill", "--url", "http://127.0.0.1:9", env=service.env)

    assert refused.returncode == 1
    assert refused.stderr == "Nothing answers on http://127.0.0.1:9: start the service first (make run).\n"


def test_a_drill_needs_a_liaison_for_each_unit(service: Service) -> None:
    refused = command("drill", "--contacts", "1", "--units", "500", env=service.env)

    assert refused.returncode == 1
    assert "There is no liaison" in refused.stderr


def test_a_replay_sends_each_row_once_however_often_it_is_run(service: Service, letters: Path) -> None:
    before = mailbox(service)

    first = command("replay", str(letters), "--rate", "50", env=service.env)
    second = command("replay", str(letters), "--rate", "50", env=service.env)

    assert first.stdout.splitlines()[-3:] == ["sent 3", "acknowledged 3", "failed 0"], first.stderr
    assert second.stdout.splitlines()[-3:] == ["sent 0", "acknowledged 3", "failed 0"]
    assert mailbox(service) == before + 3


def test_a_replay_that_was_killed_sends_the_letter_it_does_not_know_of_again(service: Service, letters: Path) -> None:
    command("replay", str(letters), "--rate", "50", "--limit", "1", env=service.env)
    folder = Path(service.env["HOTLINE_DATA_DIR"]) / "replay"
    journal = max(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
    before = mailbox(service)
    lines = [line for line in journal.read_text().splitlines() if "number" not in line]
    journal.write_text("\n".join([*lines, '{"row": "1:torn']))

    again = command("replay", str(letters), "--rate", "50", "--limit", "1", env=service.env)

    assert again.stdout.splitlines()[-3:] == ["sent 1", "acknowledged 1", "failed 0"], again.stderr
    assert mailbox(service) == before
