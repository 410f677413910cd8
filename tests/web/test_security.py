"""What every answer carries, what every form needs, and what is refused before anybody looks at it."""

import json
import logging

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr

from hotline import db
from hotline.app import create_app
from hotline.db import Database
from hotline.services.files import files
from hotline.settings import Settings
from hotline.web.middleware import limit_of
from models import Role
from tests.conftest import SignIn
from tests.factories import PASSWORD, make_staff
from tests.web.forms import form, forms

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
STAFF_PAGES = ["/desk", "/phone", "/floor", "/callbacks", "/unit", "/verify", "/wall", "/reports", "/admin"]


@pytest.mark.parametrize("path", ["/", "/login", "/healthz", "/nowhere", "/static/app.css"])
def test_every_answer_keeps_browsers_careful(client: TestClient, path: str) -> None:
    headers = client.get(path).headers

    policy = headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert (headers["x-frame-options"], headers["x-content-type-options"]) == ("DENY", "nosniff")
    assert headers["referrer-policy"] == "same-origin"
    assert "strict-transport-security" not in headers


@pytest.mark.parametrize("path", STAFF_PAGES)
def test_staff_pages_ask_for_a_sign_in(client: TestClient, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?next=")


def test_pages_hold_no_script_or_style_of_their_own(as_role: SignIn, client: TestClient) -> None:
    for text in (as_role(Role.AGENT).get("/desk").text, client.get("/login").text):
        assert "<style" not in text
        assert " style=" not in text
        assert " onclick" not in text
        assert text.count("<script") == text.count("<script src=")


def test_a_form_without_the_token_of_its_session_is_refused(as_role: SignIn) -> None:
    browser, other = as_role(Role.AGENT), as_role(Role.AGENT)
    foreign = form(other.get("/desk").text, "presence", state="available").fields["csrf"]

    for token in ({}, {"csrf": ""}, {"csrf": foreign}):
        answer = browser.post("/desk/presence", data={"state": "available", **token})
        assert answer.status_code == 403
        assert "页面已过期" in answer.text
    assert form(browser.get("/desk").text, "presence", state="available")


def test_the_token_may_come_in_a_header(as_role: SignIn) -> None:
    browser = as_role(Role.AGENT)
    token = form(browser.get("/desk").text, "presence").fields["csrf"]

    answer = browser.post("/desk/presence", data={"state": "available"}, headers={"X-CSRF-Token": token})

    assert answer.status_code == 303


def test_every_form_of_a_desk_carries_the_token_and_a_name(as_role: SignIn) -> None:
    found = forms(as_role(Role.AGENT).get("/desk").text)

    assert found
    assert all(each.name and each.fields["csrf"] for each in found)


def test_a_liaison_has_no_business_at_the_agents_desk(as_role: SignIn) -> None:
    browser = as_role(Role.LIAISON, unit="CGJ")

    assert browser.get("/desk").status_code == 403
    assert "没有这项权限" in browser.get("/desk").text


def test_what_is_not_there_is_said_in_chinese(client: TestClient) -> None:
    page, interface = client.get("/nowhere"), client.get("/api/nowhere")

    assert (page.status_code, "没有找到" in page.text) == (404, True)
    assert (interface.status_code, interface.json()["code"]) == (404, "not_found")


def test_htmx_is_told_by_a_toast_and_keeps_what_was_typed(as_role: SignIn) -> None:
    browser = as_role(Role.AGENT)
    token = form(browser.get("/desk").text, "presence").fields["csrf"]

    answer = browser.post("/desk/presence", data={"state": "paused"}, headers={"X-CSRF-Token": token, "HX-Request": "true"})

    assert (answer.status_code, answer.headers["hx-reswap"]) == (422, "none")
    assert 'hx-swap-oob="beforeend"' in answer.text
    assert "请填写理由" in answer.text


def test_htmx_of_an_ended_session_goes_to_the_sign_in_and_comes_back(client: TestClient) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/desk?channel=sms"}

    answer = client.get("/desk/queue", headers=headers)

    assert answer.headers["hx-redirect"] == "/login?next=/desk%3Fchannel%3Dsms"


def test_a_body_that_is_too_large_is_refused(client: TestClient) -> None:
    announced = client.post("/api/channels/sms/twilio", content=b"x" * 70_000)
    streamed = client.post("/login", content=(b"x" * 1_000_000 for _ in range(13)), headers=FORM)

    assert announced.status_code == 413
    assert streamed.status_code == 413
    assert "超过 64 KB" in announced.text
    assert "合计超过 12 MB，没有保存" in streamed.text
    assert "请按浏览器的“返回”，写好的内容还在" in streamed.text


@pytest.mark.parametrize("path", ["/", "/unit/7/answer", "/verify/990181-20261121-000123/site", "/desk/contact/7/reply"])
def test_five_files_of_the_largest_size_pass_wherever_files_are_sent(path: str) -> None:
    assert limit_of(path) > files.MOST_FILES * files.MOST_BYTES


def test_a_field_that_is_no_uuid_is_a_clear_refusal(as_role: SignIn) -> None:
    answer = as_role(Role.AGENT).get("/desk?c=nonsense")

    assert (answer.status_code, "请检查填写的内容" in answer.text) == (422, True)


def test_a_character_that_a_database_cannot_hold_is_a_clear_refusal(database: Database, client: TestClient) -> None:
    answers = [
        client.post("/login", data={"username": "agent\0one", "password": "whatever"}),
        client.get("/places?place=%00"),
        client.get("/track/%00"),
        client.post("/track", data={"reference": "990181\0", "code": "1234\0"}),
    ]

    assert [answer.status_code for answer in answers if answer.status_code >= 500] == []


def test_htmx_is_sent_to_an_address_with_chinese_in_it(client: TestClient, pages: Database) -> None:
    with pages.unit_of_work() as session:
        username = make_staff(session).username
    sent = {"username": username, "password": PASSWORD, "next": "/search?words=滨江"}

    answer = client.post("/login", data=sent, headers={"HX-Request": "true"})

    assert answer.headers["hx-redirect"] == "/search?words=%E6%BB%A8%E6%B1%9F"


def test_a_database_that_cannot_store_gives_a_plain_sentence(
    client: TestClient, pages: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "database", lambda: Database("sqlite:////nowhere/hotline.db"))

    client.cookies.set("hotline_session", "x")

    answer = client.get("/desk")

    assert (answer.status_code, "暂时无法保存" in answer.text) == (503, True)


def test_a_bug_is_told_as_a_plain_sentence_and_logged(
    pages: Database, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    app = create_app(settings, run_relay=False)
    app.add_api_route("/broken", broken)
    browser = TestClient(app, raise_server_exceptions=False)

    answer = browser.get("/broken")

    assert (answer.status_code, "出了点问题" in answer.text) == (500, True)
    assert any(record.exc_info for record in caplog.records if record.name == "hotline.web.problems")


def test_the_access_line_holds_no_query_string(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="hotline.access"):
        answer = client.get("/track?number=990181-20261121-000123&code=12345678")

    lines = [record.__dict__ for record in caplog.records if record.name == "hotline.access"]
    assert lines[-1]["path"] == "/track"
    assert "12345678" not in json.dumps(lines, default=str)
    assert len(answer.headers["x-request-id"]) == 16


def test_static_files_named_by_their_content_are_kept_for_ever(client: TestClient) -> None:
    kept, plain = client.get("/static/app.css?v=abc"), client.get("/static/app.css")

    assert "immutable" in kept.headers["cache-control"]
    assert "cache-control" not in plain.headers


@pytest.mark.parametrize("path", ["/readyz", "/metrics", "/api/docs", "/api/openapi.json"])
def test_operators_pages_answer_this_machine_or_the_token_only(
    pages: Database, settings: Settings, app: FastAPI, path: str
) -> None:
    settings.web.operator_token = SecretStr("operators-only")
    far = TestClient(app, client=("203.0.113.9", 50000))

    assert far.get(path).status_code == 403
    assert far.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 403
    assert far.get(path, headers={"Authorization": "Bearer operators-only"}).status_code in (200, 503)
    assert TestClient(app, client=("127.0.0.1", 50000)).get(path).status_code in (200, 503)


def test_what_a_proxy_of_this_machine_passes_on_is_not_this_machine(pages: Database, app: FastAPI) -> None:
    browser = TestClient(app, client=("127.0.0.1", 50000))

    assert browser.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 403


def test_forwarded_addresses_count_from_trusted_proxies_only(pages: Database, settings: Settings) -> None:
    settings.web.trusted_proxies = ["10.0.0.1"]
    app = create_app(settings, run_relay=False)
    headers = {"X-Forwarded-For": "127.0.0.1"}

    assert TestClient(app, client=("10.0.0.1", 50000)).get("/metrics", headers=headers).status_code == 200
    assert TestClient(app, client=("10.0.0.2", 50000)).get("/metrics", headers=headers).status_code == 403


def test_readiness_names_each_dependency(client: TestClient, settings: Settings) -> None:
    answer = TestClient(client.app, client=("127.0.0.1", 50000)).get("/readyz")

    checks = answer.json()["checks"]
    assert answer.status_code == 200, checks
    assert set(checks) == {"database", "migrations", "data_folder", "relay", "classifier", "live", "broker"}
    assert checks["live"]["ok"]


def test_a_data_folder_that_is_gone_makes_the_service_unready(client: TestClient, settings: Settings) -> None:
    (settings.data_dir / "live.sock").unlink()
    settings.data_dir.rename(settings.data_dir.with_name("gone"))

    answer = TestClient(client.app, client=("127.0.0.1", 50000)).get("/readyz")

    assert answer.status_code == 503
    assert not answer.json()["checks"]["data_folder"]["ok"]


def test_alive_needs_nothing_else(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "database", lambda: Database("sqlite:////nowhere/hotline.db"))

    assert client.get("/healthz").status_code == 200


def test_the_interfaces_are_described_without_scripts_from_elsewhere(client: TestClient) -> None:
    browser = TestClient(client.app, client=("127.0.0.1", 50000))

    page = browser.get("/api/docs").text

    assert "/readyz" in page
    assert "https://" not in page


def test_a_browser_that_shows_json_gets_an_icon(client: TestClient) -> None:
    asked = client.get("/favicon.ico")
    shown = client.get(asked.headers["location"])

    assert asked.status_code == 308
    assert shown.headers["content-type"] == "image/svg+xml"
