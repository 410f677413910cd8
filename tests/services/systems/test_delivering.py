"""Webhooks on their way: one thing after the other, later each time while it fails, paused after a day, told again by hand."""

from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, RuleBroken
from hotline.ports import Posted
from hotline.services import administration
from hotline.services.systems import accounts, delivering, webhooks
from hotline.signatures.generic import SIGNATURE, TIMESTAMP, signed
from models import OutboxMessage, Scope, Told, Topic, Webhook, WebhookDelivery, now
from tests.factories_systems import HOOK, Made, an_administrator, make_system, make_webhook

Clock = time_machine.Traveller
# What differs between the databases is tried with the calls.
pytestmark = pytest.mark.parametrize("session", ["sqlite"], indirect=True)


@pytest.fixture
def hook(session: Session) -> UUID:
    return make_webhook(session, make_system(session))[0]


def waiting(session: Session, hook_id: UUID, count: int = 1) -> list[UUID]:
    """Things to be told, the oldest first."""
    rows = [WebhookDelivery(webhook_id=hook_id, kind="case.changed", body={"id": str(serial)}) for serial in range(count)]
    for serial, row in enumerate(rows):
        row.created_at = now() + timedelta(milliseconds=serial)
    session.add_all(rows)
    session.flush()
    return [row.id for row in rows]


def one_try(session: Session, hook_id: UUID, status: int | None, error: str = "") -> UUID | None:
    taken = delivering.take(session, hook_id)
    if taken is None:
        return None
    delivering.settle(session, taken.delivery_id, Posted(status, 12, error))
    session.flush()
    return taken.delivery_id


def told(session: Session, delivery_id: UUID) -> Told:
    return session.get_one(WebhookDelivery, delivery_id).told


def test_things_are_told_in_their_order_and_each_once(session: Session, hook: UUID) -> None:
    ids = waiting(session, hook, 3)

    assert [one_try(session, hook, 200) for _ in range(4)] == [*ids, None]
    row = session.get_one(WebhookDelivery, ids[0])
    assert (row.told, row.answer_code, row.milliseconds, row.attempts) == (Told.DELIVERED, 200, 12, 1)


def test_while_one_call_is_out_no_other_is_made(session: Session, hook: UUID, clock: Clock) -> None:
    waiting(session, hook, 2)
    first = delivering.take(session, hook)

    beside = delivering.take(session, hook)
    clock.shift(delivering.CALL_TAKES + timedelta(seconds=1))
    after_its_caller_died = delivering.take(session, hook)

    assert first is not None
    assert beside is None
    assert after_its_caller_died is not None
    assert after_its_caller_died.delivery_id == first.delivery_id


@pytest.mark.parametrize(("status", "error"), [(None, "ConnectError"), (500, ""), (301, ""), (404, "")])
def test_a_failure_holds_up_the_rest_longer_each_time(
    session: Session, hook: UUID, clock: Clock, status: int | None, error: str
) -> None:
    first, _ = waiting(session, hook, 2)
    waits = []

    for _ in range(11):
        assert one_try(session, hook, status, error) == first
        next_try_at = session.get_one(Webhook, hook).next_try_at
        assert next_try_at is not None
        waits.append((next_try_at - now()).total_seconds())
        assert one_try(session, hook, 200) is None
        clock.move_to(next_try_at + timedelta(seconds=1))

    assert waits == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]
    assert one_try(session, hook, 200) == first
    assert session.get_one(Webhook, hook).failing_since is None


def test_what_a_living_system_refuses_again_and_again_is_left_out(session: Session, hook: UUID, clock: Clock) -> None:
    first, second = waiting(session, hook, 2)

    for _ in range(delivering.MOST_REFUSALS):
        assert one_try(session, hook, 422) == first
        clock.shift(timedelta(hours=1, seconds=1))

    assert told(session, first) == Told.REFUSED
    assert one_try(session, hook, 200) == second


def test_after_a_day_of_failures_a_webhook_is_paused_until_a_person_resumes_it(
    session: Session, hook: UUID, clock: Clock
) -> None:
    first, second = waiting(session, hook, 2)
    one_try(session, hook, None, "ConnectError")
    clock.shift(timedelta(hours=23))
    one_try(session, hook, None, "ConnectError")
    before = delivering.paused(session)
    clock.shift(timedelta(hours=2))
    one_try(session, hook, None, "ConnectError")

    paused = session.get_one(Webhook, hook)
    assert (before, delivering.paused(session), paused.pause_reason) == (0, 1, "连续失败一天：ConnectError")
    clock.shift(timedelta(hours=2))
    assert (one_try(session, hook, 200), delivering.find_due(session)) == (None, 0)

    webhooks.resume(session, hook, by=an_administrator(session))
    assert [one_try(session, hook, 200) for _ in range(2)] == [first, second]
    assert delivering.paused(session) == 0


def test_the_timetable_wakes_what_waits_and_whose_time_has_come(session: Session, hook: UUID, clock: Clock) -> None:
    other = make_webhook(session, make_system(session))[0]
    make_webhook(session, make_system(session))
    waiting(session, hook)
    waiting(session, other)
    one_try(session, other, 500)
    session.query(OutboxMessage).delete()

    assert delivering.find_due(session) == 1
    assert session.scalars(select(OutboxMessage.body)).all() == [{"webhook_id": str(hook)}]
    clock.shift(timedelta(seconds=11))
    assert delivering.find_due(session) == 2


def test_a_call_is_signed_by_the_secret_and_for_a_week_by_the_former_one(session: Session, hook: UUID, clock: Clock) -> None:
    old = session.get_one(Webhook, hook).secret
    new = webhooks.new_secret(session, hook, by=an_administrator(session))
    ids = waiting(session, hook, 2)

    taken = delivering.take(session, hook)
    assert taken is not None
    post = taken.post
    delivering.settle(session, ids[0], Posted(200, 1))
    clock.shift(timedelta(days=8))
    later = delivering.take(session, hook)

    assert later is not None
    expected = [signed(SecretStr(each), post.headers[TIMESTAMP], post.body) for each in (new, old)]
    assert post.headers[SIGNATURE].split(",") == expected
    assert later.post.headers[SIGNATURE] == signed(SecretStr(new), later.post.headers[TIMESTAMP], later.post.body)


def test_told_again_it_keeps_its_id(session: Session, hook: UUID) -> None:
    (first,) = waiting(session, hook)
    one_try(session, hook, 200)

    webhooks.tell_again(session, first, by=an_administrator(session))

    assert one_try(session, hook, 200) == first


def test_old_things_are_forgotten_and_waiting_ones_kept(session: Session, hook: UUID, clock: Clock) -> None:
    _, second = waiting(session, hook, 2)
    one_try(session, hook, 200)
    clock.shift(timedelta(days=31))

    assert delivering.forget(session) == 1
    assert session.scalars(select(WebhookDelivery.id)).all() == [second]


def test_a_closed_system_is_not_called(session: Session) -> None:
    system: Made = make_system(session)
    hook, _ = make_webhook(session, system)
    waiting(session, hook)
    accounts.change(session, system.id, accounts.Form("x", [Scope.READ], active=False), by=an_administrator(session))

    assert delivering.take(session, hook) is None


@pytest.mark.parametrize(
    "url", ["ftp://unit.example/", "https://", "unit.example", "https://me:secret@unit.example/", "https://x:0/"]
)
def test_an_address_that_is_none_is_refused(session: Session, url: str) -> None:
    with pytest.raises(Invalid):
        make_webhook(session, make_system(session), url=url)


def test_a_webhook_tells_of_something(session: Session) -> None:
    with pytest.raises(Invalid):
        make_webhook(session, make_system(session), topics=())
    assert session.get_one(Webhook, make_webhook(session, make_system(session), topics=[Topic.OVERDUE])[0]).url == HOOK


@pytest.mark.parametrize(("scopes", "addresses"), [([Scope.ACT], []), ([Scope.READ], ["the office"])])
def test_a_system_is_described_in_earnest(session: Session, scopes: list[Scope], addresses: list[str]) -> None:
    with pytest.raises(Invalid):
        make_system(session, scopes=scopes, addresses=addresses)


def test_no_more_than_five_keys_are_good_at_once(session: Session) -> None:
    system, by = make_system(session), an_administrator(session)
    for _ in range(4):
        accounts.new_key(session, system.id, by=by)

    with pytest.raises(RuleBroken):
        accounts.new_key(session, system.id, by=by)


def test_a_system_gets_no_password(session: Session) -> None:
    system = make_system(session)

    with pytest.raises(RuleBroken):
        administration.set_password(session, system.staff_id, "a new password", by=None)
