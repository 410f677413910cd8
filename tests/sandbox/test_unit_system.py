"""The whole way of a unit's own system: told by a signed webhook, it fetches the case, signs for it and answers it."""

import json
import time
from collections.abc import Callable, Iterator
from uuid import UUID

import httpx
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import select

from hotline.db import Database
from hotline.sandbox import serving as sandbox
from hotline.sandbox import wiring
from hotline.sandbox.unit_system import UnitSystem
from hotline.seeds import staff, systems
from hotline.seeds.cast import Cast
from hotline.services.systems import webhooks
from hotline.settings import Settings, Systems
from hotline.signatures.generic import SIGNATURE, TIMESTAMP, signed
from models import Assignment, Case, CaseEvent, CaseStatus, Staff, Told, WebhookDelivery
from tests.channels.providers import address_of, bound, serving
from tests.components import wait_until
from tests.factories_cases import make_case
from tests.factories_systems import Made, an_administrator, make_system, make_webhook


@pytest.fixture
def system(pages: Database) -> Made:
    with pages.unit_of_work() as session:
        return make_system(session)


@pytest.fixture
def played(client: TestClient, system: Made, settings: Settings) -> Iterator[tuple[UnitSystem, str]]:
    """The stand-in beside a running service, and its address."""
    settings.systems = Systems.model_validate({"webhook_networks": ["127.0.0.0/8"]})
    service, unit = bound(), bound()
    stand_in = UnitSystem(api=f"{address_of(service)}/api/v1", key=system.key)
    with serving(client.app, service), serving(stand_in.app, unit):
        yield stand_in, f"{address_of(unit)}/hotline"


def test_a_case_goes_the_whole_way_without_a_person_of_the_unit(
    played: tuple[UnitSystem, str], system: Made, pages: Database, drain: Callable[[], int]
) -> None:
    stand_in, address = played
    with pages.unit_of_work() as session:
        _, secret = make_webhook(session, system, url=address)
    stand_in.secrets = [secret]

    with pages.unit_of_work() as session:
        case_id = make_case(session, status=CaseStatus.DISPATCHED).id

    def is_answered() -> bool:
        drain()
        with pages.reading() as session:
            return session.get_one(Case, case_id).status == CaseStatus.ANSWERED

    wait_until(is_answered, "the unit's answer")
    with pages.reading() as session:
        acts = session.execute(
            select(CaseEvent.action, Staff.name)
            .join(Staff, Staff.id == CaseEvent.by_id)
            .where(CaseEvent.assignment_id == session.scalars(select(Assignment.id)).one(), Staff.id == system.staff_id)
            .order_by(CaseEvent.serial)
        ).all()
    assert [tuple(each) for each in acts] == [("sign", "城管综合平台"), ("answer", "城管综合平台")]
    assert {told["type"] for told in stand_in.heard.values()} >= {"case.dispatched", "case.changed"}
    wait_until(lambda: drain() == 0, "all to be told")
    with pages.reading() as session:
        assert set(session.scalars(select(WebhookDelivery.told))) == {Told.DELIVERED}


def test_told_again_under_the_same_id_nothing_is_done_twice(
    played: tuple[UnitSystem, str], system: Made, pages: Database, drain: Callable[[], int]
) -> None:
    stand_in, address = played
    with pages.unit_of_work() as session:
        hook_id, secret = make_webhook(session, system, url=address)
        webhooks.try_out(session, hook_id, by=an_administrator(session))
    stand_in.secrets = [secret]
    drain()
    delivery_id = UUID(next(iter(stand_in.heard)))

    with pages.unit_of_work() as session:
        webhooks.tell_again(session, delivery_id, by=an_administrator(session))
    drain()

    assert len(stand_in.heard) == 1
    with pages.reading() as session:
        row = session.get_one(WebhookDelivery, delivery_id)
        assert (row.told, row.answer_code, row.attempts) == (Told.DELIVERED, 200, 1)


def test_while_a_secret_is_replaced_both_are_good(
    played: tuple[UnitSystem, str], system: Made, pages: Database, drain: Callable[[], int]
) -> None:
    stand_in, address = played
    with pages.unit_of_work() as session:
        hook_id, old = make_webhook(session, system, url=address)
        new = webhooks.new_secret(session, hook_id, by=an_administrator(session))

    for count, secret in enumerate((old, new), start=1):
        stand_in.secrets = [secret]
        with pages.unit_of_work() as session:
            webhooks.try_out(session, hook_id, by=an_administrator(session))
        drain()
        assert len(stand_in.heard) == count


def test_what_is_forged_changed_or_stale_is_not_heard(played: tuple[UnitSystem, str]) -> None:
    stand_in, address = played
    stand_in.secrets = ["the secret"]
    body, at = json.dumps({"id": "1", "type": "test"}).encode(), str(int(time.time()))
    right = signed(SecretStr("the secret"), at, body)
    old = str(int(time.time()) - 3600)

    def status(timestamp: str, signature: str, content: bytes = body) -> int:
        return httpx.post(address, content=content, headers={TIMESTAMP: timestamp, SIGNATURE: signature}).status_code

    assert status(at, signed(SecretStr("another"), at, body)) == 403
    assert status(at, right, b'{"id": "2", "type": "test"}') == 403
    assert status(old, signed(SecretStr("the secret"), old, body)) == 403
    assert status(at, right) == 200
    assert list(stand_in.heard) == ["1"]


def test_in_the_demo_a_case_is_answered_by_the_system_that_the_sandbox_plays(
    client: TestClient, settings: Settings, pages: Database, drain: Callable[[], int]
) -> None:
    service, beside = bound(), bound()
    settings.web.public_url, settings.sandbox.port = address_of(service), beside.getsockname()[1]
    settings.systems = wiring.completed(settings, bytes(32)).systems
    with pages.unit_of_work() as session:
        staff.load_staff(session, "a password of the demo")
        systems.play(Cast(session), settings)

    def is_answered() -> bool:
        drain()
        with pages.reading() as session:
            return session.scalars(select(Case.status)).one() == CaseStatus.ANSWERED

    with serving(client.app, service), serving(sandbox.application(sandbox.stand_ins(settings)), beside):
        wait_until(is_answered, "the unit's answer")
        wait_until(lambda: drain() == 0, "all to be told")

    with pages.reading() as session:
        assert set(session.scalars(select(WebhookDelivery.told))) == {Told.DELIVERED}
        assert {"case.dispatched", "test"} <= set(session.scalars(select(WebhookDelivery.kind)))
