"""The closing line of a test run tells the truth, and on CI a skipped test is no success."""

from pathlib import Path

import pytest

from tools.tally import main

REPORT = """<testsuites><testsuite tests="{tests}" failures="{failures}" errors="{errors}" skipped="{skipped}"/></testsuites>"""


def report(folder: Path, *, tests: int, failures: int = 0, errors: int = 0, skipped: int = 0) -> Path:
    path = folder / "report.xml"
    path.write_text(REPORT.format(tests=tests, failures=failures, errors=errors, skipped=skipped))
    return path


@pytest.fixture(autouse=True)
def _on_a_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)


def test_errors_count_as_failures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(report(tmp_path, tests=10, failures=2, errors=1)) == 1
    assert capsys.readouterr().out == "7 passed, 3 failed\n"


def test_each_failure_is_named_with_what_it_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.xml"
    path.write_text(
        '<testsuites><testsuite tests="2" failures="1" errors="0" skipped="0">'
        '<testcase classname="tests.desk" name="test_opens"><failure message="no page&#10;and more"/></testcase>'
        '<testcase classname="tests.desk" name="test_closes"/>'
        "</testsuite></testsuites>"
    )

    assert main(path) == 1
    assert capsys.readouterr().out == "failed: tests.desk::test_opens: no page\n1 passed, 1 failed\n"


def test_a_skipped_test_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(report(tmp_path, tests=10, skipped=1)) == 0
    assert capsys.readouterr().out == "1 skipped\n9 passed, 0 failed\n"


def test_a_skipped_test_fails_on_ci(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")

    assert main(report(tmp_path, tests=10, skipped=1)) == 1


def test_a_run_without_a_report_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(tmp_path / "report.xml") == 1
    assert capsys.readouterr().out.endswith("0 passed, 1 failed\n")
