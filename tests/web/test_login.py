"""Signing in and out through the page."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from hotline import db
from hotline.db import Database
from hotline.services import signing_in
from hotline.services.limiting import Window
from models import Role
from tests.conftest import SignIn
from tests.factories import PASSWORD, make_staff
from tests.web.forms import form


@pytest.fixture(autouse=True)
def fresh_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_in, "FAILURES_OF_ACCOUNT", Window(3, timedelta(minutes=10)))


@pytest.fixture
def username(pages: Database) -> str:
    with pages.unit_of_work() as session:
        return make_staff(session, roles=(Role.AGENT,)).username


def test_a_staff_page_sends_a_stranger_to_the_sign_in_and_back(client: TestClient, username: str) -> None:
    asked = client.get("/desk?channel=sms")
    assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=/desk%3Fchannel%3Dsms")

    page = client.get(asked.headers["location"])
    sent = client.post("/login", data=form(page.text, "sign-in").filled(username=username, password=PASSWORD))

    assert (sent.status_code, sent.headers["location"]) == (303, "/desk?channel=sms")
    assert client.get("/desk").status_code == 200


@pytest.fixture
def scarce(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The same database with two connections in all."""
    few = Database(database.url, pool_size=1)
    monkeypatch.setattr(db, "database", lambda: few)
    yield few
    few.dispose()


def test_a_whole_shift_signs_in_at_the_same_minute(client: TestClient, username: str, scarce: Database) -> None:
    def sign_in(_: int) -> int:
        return (
            TestClient(client.app, follow_redirects=False)
            .post("/login", data={"username": username, "password": PASSWORD})
            .status_code
        )

    with ThreadPoolExecutor(8) as people:
        answers = list(people.map(sign_in, range(8)))

    assert answers == [303] * 8


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"])
def test_a_sign_in_never_leads_to_another_site(client: TestClient, username: str, elsewhere: str) -> None:
    sent = client.post("/login", data={"username": username, "password": PASSWORD, "next": elsewhere})

    assert sent.headers["location"] == "/desk"


def test_the_cookie_is_for_the_server_only_and_says_nothing(client: TestClient, username: str) -> None:
    sent = client.post("/login", data={"username": username, "password": PASSWORD})

    cookie = sent.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert username not in cookie


def test_over_https_the_cookie_is_secure_and_the_browser_stays_there(client: TestClient, username: str) -> None:
    browser = TestClient(client.app, base_url="https://testserver", follow_redirects=False)

    sent = browser.post("/login", data={"username": username, "password": PASSWORD})

    assert "secure" in sent.headers["set-cookie"].lower()
    assert "max-age" in sent.headers["strict-transport-security"]


def test_a_wrong_password_is_told_beside_the_form_which_keeps_the_name(client: TestClient, username: str) -> None:
    sent = client.post("/login", data={"username": username, "password": "wrong"})

    assert sent.status_code == 422
    assert "用户名或密码不正确" in sent.text
    assert form(sent.text, "sign-in").fields["username"] == username


def test_too_many_wrong_passwords_close_the_door_for_a_while(client: TestClient, username: str) -> None:
    for _ in range(3):
        client.post("/login", data={"username": username, "password": "wrong"})

    sent = client.post("/login", data={"username": username, "password": PASSWORD})

    assert sent.status_code == 429
    assert "稍候再试" in sent.text


def test_another_sites_form_cannot_sign_anybody_in(client: TestClient, username: str) -> None:
    sent = client.post("/login", data={"username": username, "password": PASSWORD}, headers={"Sec-Fetch-Site": "cross-site"})

    assert sent.status_code == 403


def test_after_signing_out_the_session_is_dead_even_for_who_kept_the_cookie(as_role: SignIn) -> None:
    browser = as_role(Role.AGENT)
    kept = browser.cookies["hotline_session"]

    sent = browser.post("/logout", data=form(browser.get("/desk").text, "sign-out").filled())
    browser.cookies.set("hotline_session", kept)

    assert sent.headers["location"] == "/login"
    assert browser.get("/desk").status_code == 303


@pytest.mark.parametrize(
    ("role", "home"),
    [
        (Role.AGENT, "/desk"),
        (Role.LIAISON, "/unit"),
        (Role.VERIFIER, "/verify"),
        (Role.SUPERVISOR, "/wall"),
        (Role.ADMINISTRATOR, "/admin"),
        (Role.QUALITY_JUDGE, "/reports"),
    ],
)
def test_each_role_has_a_home(as_role: SignIn, role: Role, home: str) -> None:
    assert as_role(role).get("/home").headers["location"] == home


def test_without_a_telephone_the_softphone_page_says_so(as_role: SignIn, client: TestClient) -> None:
    assert client.get("/phone").status_code == 303
    assert "本系统没有启用电话" in as_role(Role.AGENT).get("/phone").text
