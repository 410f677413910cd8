"""Administration: accounts, rules in editions, the calendar, stuck messages; each change is logged."""

from collections.abc import Callable
from datetime import date
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.db import Database
from hotline.events import ContactOpened
from hotline.services import outbox
from models import (
    AccessLog,
    CalendarDay,
    CaseStatus,
    Delivery,
    OutboxMessage,
    OutgoingMessage,
    Presence,
    PresenceState,
    QueueEntry,
    Role,
    Rule,
    Staff,
    SwitchboardAction,
    new_id,
)
from tests.conftest import Drain, SignIn
from tests.factories import PASSWORD
from tests.factories_cases import make_case
from tests.web.desk import contact_of
from tests.web.forms import form
from tests.web.seat import Seat

PAGES = ["", "/staff", "/rules", "/telephone", "/texts", "/reference", "/calendar", "/messages", "/access"]


def person(pages: Database, username: str) -> Staff:
    with pages.reading() as session:
        return session.scalars(select(Staff).where(Staff.username == username)).one()


@pytest.mark.parametrize("path", PAGES)
def test_only_administrators_come_in(admin: TestClient, as_role: SignIn, path: str) -> None:
    assert admin.get(f"/admin{path}").status_code == 200
    assert as_role(Role.SUPERVISOR).get(f"/admin{path}").status_code == 403


def add(admin: TestClient, **values: str) -> int:
    fields = form(admin.get("/admin/staff").text, "staff-add").filled(
        **{"username": "newcomer", "password": PASSWORD, "name": "新人", "roles": "agent", **values}
    )
    return admin.post("/admin/staff", data=fields).status_code


def test_a_new_account_can_sign_in(admin: TestClient, client: TestClient, pages: Database) -> None:
    assert add(admin) == 303

    assert client.post("/login", data={"username": "newcomer", "password": PASSWORD}).headers["location"] == "/desk"
    assert person(pages, "newcomer").roles == {Role.AGENT}


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"username": "chief"}, 409),
        ({"username": "有 空格"}, 422),
        ({"password": "short"}, 422),
        ({"roles": "liaison"}, 422),  # without a unit
        ({"unit": "CGJ"}, 422),  # an agent belongs to none
    ],
)
def test_an_account_that_does_not_hold_together_is_refused(admin: TestClient, values: dict[str, str], status: int) -> None:
    assert add(admin, **values) == status


def test_an_account_has_skills_languages_and_channels_in_order(admin: TestClient, pages: Database) -> None:
    page = admin.get(f"/admin/staff?open={person(pages, 'chief').id}").text
    found = form(page, "staff-change")
    chosen = {"skills": "housing，general", "languages": "zh EN zh", "channels": ["sms", "voice", "fax"]}

    assert admin.post(found.action, data=found.fields | chosen).status_code == 303

    changed = person(pages, "chief")
    assert (changed.skills, changed.languages, changed.channels) == (["housing", "general"], ["zh", "en"], ["voice", "sms"])
    assert admin.post(found.action, data=found.fields | {"languages": "英语"}).status_code == 422


def test_a_closed_account_is_signed_out_at_once(admin: TestClient, as_role: SignIn, pages: Database) -> None:
    agent = as_role(Role.AGENT, username="leaver")
    page = admin.get(f"/admin/staff?open={person(pages, 'leaver').id}").text
    found = form(page, "staff-change")

    fields = {key: value for key, value in found.filled().items() if key != "active"}
    assert admin.post(found.action, data=fields).status_code == 303

    assert agent.get("/desk").status_code == 303
    assert person(pages, "leaver").active is False


def changed(admin: TestClient, staff: Staff, **values: str) -> int:
    """The account as its form sends it; a tick that is taken away is not sent."""
    found = form(admin.get(f"/admin/staff?open={staff.id}").text, "staff-change")
    fields = {key: value for key, value in found.filled(**values).items() if value}
    return admin.post(found.action, data=fields).status_code


@pytest.mark.parametrize("values", [{"active": ""}, {"roles": "verifier"}, {"roles": "liaison", "unit": "CGJ"}])
def test_what_was_in_hand_waits_again_at_once_when_somebody_may_no_longer_serve(
    admin: TestClient, seat: Seat, arrive: Callable[..., UUID], pages: Database, values: dict[str, str]
) -> None:
    contact_id = arrive()
    assert seat.post(f"/desk/contact/{contact_id}/take").status_code == 200
    assert contact_of(pages, contact_id).taken_by_id == seat.staff_id

    assert changed(admin, person(pages, "caller-taker"), **values) == 303

    assert contact_of(pages, contact_id).taken_by_id is None
    with pages.reading() as session:
        assert session.get_one(Presence, seat.staff_id).state == PresenceState.OFFLINE
        assert session.get_one(QueueEntry, contact_id).reserved_for_id is None
    signed_out = seat.commands(SwitchboardAction.SIGN_OUT)
    assert len(signed_out) == (0 if values.get("roles") == "verifier" else 1)


def test_what_is_in_hand_stays_there_when_another_right_is_added(
    admin: TestClient, seat: Seat, arrive: Callable[..., UUID], pages: Database
) -> None:
    contact_id = arrive()
    seat.post(f"/desk/contact/{contact_id}/take")

    assert changed(admin, person(pages, "caller-taker"), name="话务员甲") == 303

    assert contact_of(pages, contact_id).taken_by_id == seat.staff_id


def test_sessions_can_be_revoked_and_passwords_changed(
    admin: TestClient, as_role: SignIn, client: TestClient, pages: Database
) -> None:
    agent = as_role(Role.AGENT, username="forgetful")
    page = admin.get(f"/admin/staff?open={person(pages, 'forgetful').id}").text
    revoke, password = form(page, "staff-revoke"), form(page, "staff-password")

    admin.post(revoke.action, data=revoke.filled())
    assert agent.get("/desk").status_code == 303
    admin.post(password.action, data=password.filled(password="another long password"))
    assert client.post("/login", data={"username": "forgetful", "password": "another long password"}).status_code == 303


def test_nobody_locks_himself_out(admin: TestClient, pages: Database) -> None:
    found = form(admin.get(f"/admin/staff?open={person(pages, 'chief').id}").text, "staff-change")

    assert admin.post(found.action, data=found.filled(roles="agent")).status_code == 409
    assert person(pages, "chief").roles == {Role.ADMINISTRATOR}


def test_new_queue_numbers_are_a_new_edition_in_force(admin: TestClient, pages: Database) -> None:
    found = form(admin.get("/admin/rules").text, "queue-rule")

    admin.post(found.action, data=found.filled(sms="120", text_share="25"))
    unchanged = form(admin.get("/admin/rules").text, "queue-rule")
    admin.post(unchanged.action, data=unchanged.filled())

    with pages.reading() as session:
        editions = session.scalars(select(Rule).where(Rule.kind == "queue").order_by(Rule.edition)).all()
        assert [(rule.edition, rule.current) for rule in editions] == [(1, False), (2, True)]
        assert (editions[1].body["clocks"]["sms"], editions[1].body["text_share"]) == (120, 0.25)
        assert editions[1].body["urgency"] == editions[0].body["urgency"]


def test_numbers_that_make_no_sense_are_refused(admin: TestClient) -> None:
    found = form(admin.get("/admin/rules").text, "queue-rule")

    assert admin.post(found.action, data=found.filled(text_share="300")).status_code == 422


def test_a_day_of_the_calendar_is_changed_with_its_reason(admin: TestClient, pages: Database) -> None:
    found = form(admin.get("/admin/calendar").text, "calendar-day")
    fields = found.filled(day="2026-12-26", working="true")

    assert admin.post(found.action, data={**fields, "note": ""}).status_code == 422
    assert admin.post(found.action, data={**fields, "note": "市政府通知"}).status_code == 303

    with pages.reading() as session:
        day = session.get_one(CalendarDay, date(2026, 12, 26))
        assert (day.working, day.provisional, day.note) == (True, False, "市政府通知")


def test_provisional_years_are_warned_of(admin: TestClient, pages: Database) -> None:
    with pages.reading() as session:
        last = max(session.scalars(select(CalendarDay.day).where(CalendarDay.provisional))).year

    assert f"日历中 {last}" in admin.get("/admin").text


def test_stuck_consequences_run_again(admin: TestClient, pages: Database) -> None:
    with pages.unit_of_work() as session:
        outbox.emit(session, ContactOpened(new_id()))
        session.flush()
        session.scalars(select(OutboxMessage)).one().stuck = True
    found = form(admin.get("/admin/messages").text, "outbox-retry")

    admin.post(found.action, data=found.filled())

    with pages.reading() as session:
        assert session.scalars(select(OutboxMessage)).one().stuck is False


@pytest.mark.parametrize(("name", "delivery"), [("outgoing-retry", Delivery.WAITING), ("outgoing-give-up", Delivery.GIVEN_UP)])
def test_a_message_that_did_not_arrive_is_sent_again_or_given_up(
    admin: TestClient, pages: Database, drain: Drain, name: str, delivery: Delivery
) -> None:
    with pages.unit_of_work() as session:
        make_case(session, status=CaseStatus.CLOSED)
    drain()
    with pages.unit_of_work() as session:
        message = session.scalars(select(OutgoingMessage)).first()
        assert message is not None
        message.delivery, message.created_at = Delivery.REFUSED, message.created_at.replace(year=2020)
    found = form(admin.get("/admin/messages").text, name)

    assert admin.post(found.action, data=found.filled()).status_code == 303

    with pages.reading() as session:
        assert session.get_one(OutgoingMessage, message.id).delivery == delivery


def test_changes_and_readings_stand_in_the_log(admin: TestClient, pages: Database) -> None:
    add(admin)

    assert "添加" in admin.get("/admin/access", params={"who": "chief"}).text
    assert "没有记录" in admin.get("/admin/access", params={"number": "990181-20200101-000001"}).text
    with pages.reading() as session:
        assert session.scalars(select(AccessLog.subject_kind)).all() == ["staff"]
