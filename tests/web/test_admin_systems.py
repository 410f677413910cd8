"""The administrators' page of units' systems: what is shown once, what is told, and who may see it."""

from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.db import Database
from hotline.ports import Posted
from hotline.services.systems import delivering
from models import AccessLog, Role, System, Told, Webhook, WebhookDelivery, now
from tests.conftest import SignIn
from tests.factories_systems import make_system, make_webhook, with_key
from tests.web.forms import form
from tests.web.statements import at_most_twenty

PAGE = "/admin/systems"


def a_webhook(pages: Database) -> tuple[UUID, UUID]:
    """The system and its webhook."""
    with pages.unit_of_work() as session:
        system = make_system(session)
        return system.id, make_webhook(session, system)[0]


def secret_on(page: str) -> str:
    return page.split('data-value="secret">')[1].split("<")[0]


def press(browser: TestClient, page: str, name: str, /, **values: str) -> str:
    found = form(browser.get(page).text, name)
    answer = browser.post(found.action, data=found.filled(**values))
    assert answer.status_code in (200, 303), answer.text
    return answer.text


def test_a_system_is_added_and_its_key_is_shown_once(admin: TestClient, client: TestClient, pages: Database) -> None:
    page = admin.get(PAGE).text
    found = form(page, "system-add")
    sent = {**found.filled(name="城管综合平台", unit="CGJ"), "scopes": ["read", "act"], "addresses": ""}

    shown = admin.post(found.action, data=sent)

    key = secret_on(shown.text)
    with pages.reading() as session:
        system_id = session.scalars(select(System.id)).one()
    again = admin.get(f"{PAGE}?open={system_id}").text
    assert (key in again, "城管综合平台" in again, key[:8] in again) == (False, True, True)
    assert with_key(client, key).get("/api/v1/me").json()["unit"] == "CGJ"
    assert "城管综合平台" not in admin.get("/admin/staff").text


def test_a_key_is_replaced_and_revoked(admin: TestClient, client: TestClient, pages: Database) -> None:
    with pages.unit_of_work() as session:
        system = make_system(session)

    new = secret_on(press(admin, f"{PAGE}?open={system.id}", "key-new"))
    press(admin, f"{PAGE}?open={system.id}", "key-revoke")

    assert [with_key(client, key).get("/api/v1/me").status_code for key in (system.key, new)] == [401, 200]
    with pages.reading() as session:
        noted = session.scalars(select(AccessLog.what).where(AccessLog.subject_kind == "system")).all()
    assert {"added", "secret", "revoked"} <= set(noted)


def test_a_webhook_is_added_tried_paused_and_resumed(admin: TestClient, pages: Database) -> None:
    with pages.unit_of_work() as session:
        system = make_system(session)
    page = f"{PAGE}?open={system.id}"

    secret = secret_on(press(admin, page, "webhook-add", url="https://unit.example/hotline"))
    press(admin, page, "webhook-test")
    press(admin, page, "webhook-pause")
    paused = admin.get(page).text
    press(admin, page, "webhook-resume")
    changed = secret_on(press(admin, page, "webhook-secret"))

    with pages.reading() as session:
        hook = session.scalars(select(Webhook)).one()
        assert (hook.secret, hook.former_secret, hook.paused_at) == (changed, secret, None)
        assert session.scalars(select(WebhookDelivery.kind)).all() == ["test"]
    assert ("已暂停" in paused, secret in paused) == (True, False)


def test_what_was_told_is_shown_with_its_answer_and_told_again(admin: TestClient, pages: Database) -> None:
    system_id, hook_id = a_webhook(pages)
    with pages.unit_of_work() as session:
        session.add(WebhookDelivery(webhook_id=hook_id, kind="case.overdue", body={"case": {"number": "990181-20261121-000123"}}))
        session.flush()
        taken = delivering.take(session, hook_id)
        assert taken is not None
        delivering.settle(session, taken.delivery_id, Posted(204, 31))

    page = admin.get(f"{PAGE}?open={system_id}").text
    press(admin, f"{PAGE}?open={system_id}", "tell-again")

    assert all(word in page for word in ("超期", "990181-20261121-000123", "收到了", "204", "31"))
    with pages.reading() as session:
        assert session.scalars(select(WebhookDelivery.told)).one() == Told.WAITING


def test_a_webhook_that_was_paused_by_the_service_is_seen_at_once(admin: TestClient, pages: Database) -> None:
    _, hook_id = a_webhook(pages)
    with pages.unit_of_work() as session:
        hook = session.get_one(Webhook, hook_id)
        hook.paused_at, hook.pause_reason = now(), "连续失败一天：ConnectError"

    assert "失败一天，已暂停" in admin.get("/admin").text
    assert "通知停了" in admin.get(PAGE).text


def test_others_do_not_see_it(as_role: SignIn) -> None:
    assert as_role(Role.SUPERVISOR).get(PAGE).status_code == 403


@pytest.mark.parametrize("many", [1, 12])
def test_the_page_needs_few_statements(admin: TestClient, pages: Database, many: int) -> None:
    for _ in range(many):
        system_id, hook_id = a_webhook(pages)
        with pages.unit_of_work() as session:
            session.add_all(WebhookDelivery(webhook_id=hook_id, kind="test", body={}) for _ in range(many))

    with at_most_twenty(pages, PAGE):
        assert admin.get(f"{PAGE}?open={system_id}").status_code == 200
