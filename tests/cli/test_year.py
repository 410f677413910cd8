"""The simulated year: where it is refused."""

import pytest

from hotline.__main__ import main
from hotline.db import Database
from hotline.settings import get_settings
from tests.factories_contacts import make_contact


def test_a_database_in_use_is_refused(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOTLINE_DEMO", "true")
    get_settings.cache_clear()
    with sqlite_database.unit_of_work() as session:
        make_contact(session)

    assert main(["drill", "--year"]) == 1
    assert "in use" in capsys.readouterr().err


def test_a_year_needs_the_demo(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drill", "--year"]) == 1
    assert "HOTLINE_DEMO=true" in capsys.readouterr().err
