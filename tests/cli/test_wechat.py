"""`hotline wechat`: what it finds, what it puts into force, and what it says when WeChat will not."""

from collections.abc import Iterator

import pytest

from hotline import channels
from hotline.__main__ import main
from hotline.channels import wechat_account
from hotline.db import Database
from hotline.sandbox.wechat import Wechat as StandIn
from hotline.settings import get_settings
from tests.channels.wechat import PLAIN, serving

URL = "https://12345.example.gov.cn"


@pytest.fixture
def stand_in() -> Iterator[tuple[StandIn, str]]:
    found = StandIn(PLAIN)
    with serving(found) as url:
        yield found, url


@pytest.fixture
def connected(stand_in: tuple[StandIn, str], monkeypatch: pytest.MonkeyPatch, sqlite_database: Database) -> Iterator[StandIn]:
    found, url = stand_in
    for name, value in (
        ("WECHAT__TOKEN", PLAIN.token),
        ("WECHAT__APP_ID", PLAIN.app_id),
        ("WECHAT__APP_SECRET", PLAIN.app_secret),
        ("WECHAT__BASE_URL", url),
        ("WEB__PUBLIC_URL", URL),
    ):
        monkeypatch.setenv(f"HOTLINE_{name}", value)
    get_settings.cache_clear()
    yield found
    channels.register.cache_clear()


def test_a_connected_account_is_told_to_work(connected: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wechat", "check"]) == 0

    said = capsys.readouterr().out
    assert f"{URL}/api/channels/wechat" in said
    assert "WeChat answers" in said
    assert "明文模式" in said
    assert "none for filed, dispatched" in said


def test_an_account_that_is_not_set_up_is_told_what_is_missing(
    sqlite_database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["wechat", "check"]) == 1
    assert "token             not set" in capsys.readouterr().out
    assert main(["wechat", "menu"]) == 1
    assert "HOTLINE_WECHAT__APP_SECRET" in capsys.readouterr().err


def test_the_menu_leads_to_our_own_pages(connected: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wechat", "menu"]) == 0

    assert connected.menu["button"][1] == {"name": "查询进度", "type": "view", "url": f"{URL}/track"}
    assert [each["key"] for each in connected.menu["button"][2]["sub_button"]] == ["person", "talk", "hours"]
    assert "服务时间  hours" in capsys.readouterr().out


def test_templates_are_found_by_their_title_or_added_by_their_number(
    connected: StandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    there = connected.add_template("满意度评价提醒")
    monkeypatch.setattr(wechat_account.account().templates["answered"], "short_id", "43216")
    connected.offered["43216"] = "工单办理结果通知"

    assert main(["wechat", "templates"]) == 1  # the others are not there

    said = capsys.readouterr().out
    assert f'"survey": "{there}"' in said.splitlines()[-1]
    assert '"answered": ' in said.splitlines()[-1]
    assert "added" in said
    assert "missing" in said


def test_a_wrong_secret_is_said_in_plain_words(
    connected: StandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOTLINE_WECHAT__APP_SECRET", "wrong")
    get_settings.cache_clear()

    assert main(["wechat", "check"]) == 1
    assert "HOTLINE_WECHAT__APP_SECRET is wrong" in capsys.readouterr().err
