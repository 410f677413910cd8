"""python -m ivr_flows: check, play, draw."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from ivr_flows.__main__ import main
from tests.ivr_flows.flow_files import write_flow

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch):
    def types(*lines: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))

    return types


def test_check_names_every_flow_that_ships() -> None:
    done = subprocess.run([sys.executable, "-m", "ivr_flows", "check"], capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()][:3] == ["after_hours", "callback", "case_survey"]


def test_check_tells_what_is_wrong_and_fails(tmp_path: Path, capsys: Captured) -> None:
    path = write_flow(tmp_path, "start: hello\nnodes:\n  hello: {say: welcome, next: nowhere}\n")

    assert main(["check", str(tmp_path)]) == 1
    assert f"{path}:3: hello.next: there is no node nowhere" in capsys.readouterr().err


def test_play_goes_through_a_whole_call_from_flow_to_flow(typing, capsys: Captured) -> None:
    typing("2", "20261121000123", "12345678", "found", "u", "12", "h")

    assert main(["play", "menu"]) == 0

    said = capsys.readouterr().out
    assert "您好，一二三四五热线，本次通话将被录音。" in said
    assert "-- look up case_progress {'case_number': '20261121000123', 'query_code': '12345678'}" in said
    assert said.index("-- queue general") < said.index("-- go to no_agent") < said.index("-- save message = 12")
    assert said.rstrip().endswith("-- hang up")


def test_play_asks_again_for_what_it_does_not_understand(typing, capsys: Captured) -> None:
    typing("soon", "")

    assert main(["play", "no_agent"]) == 0
    said = capsys.readouterr().out
    assert "?? not understood" in said
    assert "-- save message = 10" in said


@pytest.mark.parametrize("lines", [["2", "2026", "h"], ["2"], []])
def test_play_ends_with_a_hang_up_or_with_its_input(typing, capsys: Captured, lines: list[str]) -> None:
    typing(*lines)

    assert main(["play", "menu"]) == 0


def test_play_takes_the_values_that_a_flow_is_given(typing, capsys: Captured) -> None:
    typing("1", "1", "5", "4")

    assert main(["play", "case_survey", "month=11", "day=2"]) == 0
    assert "您在十一月二日反映的诉求" in capsys.readouterr().out


def test_play_looks_values_up(typing, capsys: Captured) -> None:
    typing("20261121000123", "12345678", "not_found day", "not_found day=3", "h")

    assert main(["play", "progress"]) == 0

    said = capsys.readouterr().out
    assert said.index("?? not understood") < said.index("没有查到相符的工单")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["play", "nothing"], "There is no flow nothing; there are after_hours"),
        (["draw", "nothing"], "There is no flow nothing; there are after_hours"),
        (["play", "case_survey"], "case_survey wants month, day"),
        (["check", "--prompts", "nowhere.yaml"], "nowhere.yaml:1: cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(arguments: list[str], told: str, capsys: Captured) -> None:
    assert main(arguments) == 1
    assert told in capsys.readouterr().err


def test_draw_writes_a_picture(tmp_path: Path, capsys: Captured) -> None:
    assert main(["draw", "main", "-o", str(tmp_path / "main.svg")]) == 0
    assert main(["draw", "main"]) == 0

    assert (tmp_path / "main.svg").read_text(encoding="utf-8") == capsys.readouterr().out
