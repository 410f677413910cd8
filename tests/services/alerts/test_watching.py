"""What is worth an alarm is raised once, told once to who is named for it, and cleared when it is over."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.errors import Invalid
from hotline.services.alerts import clusters, desk, saying, telling
from hotline.services.alerts.rule import ClusterRule
from hotline.services.alerts.watching import look, settle, sweep
from hotline.settings import Settings
from models import Alert, AlertKind, CaseStatus, ExchangeState, MessageWay, OutgoingMessage, RequestType, Role, Subscriber, now
from models.base import as_if
from tests.conftest import Drain
from tests.factories import somebody
from tests.factories_calls import make_call, make_line
from tests.factories_cases import make_case

HEXI = "990181003"


def watch(session: Session) -> int:
    return settle(session, look(session))


def alerts(session: Session, *, open_only: bool = True) -> list[Alert]:
    asked = select(Alert).order_by(Alert.created_at, Alert.id)
    return list(session.scalars(asked.where(Alert.cleared_at.is_(None)) if open_only else asked))


def make_cluster(session: Session, count: int = 6, **form: Any) -> None:
    for _ in range(count):
        make_case(session, **{"township_code": HEXI, **form})


def subscribe(session: Session, **values: Any) -> Subscriber:
    usual: dict[str, Any] = {"name": "周主任", "way": MessageWay.SMS, "address": "+8613900000001", "wants": ["cluster"]}
    person = Subscriber(**{**usual, **values})
    session.add(person)
    session.flush()
    return person


def test_many_of_one_matter_in_one_street_are_a_cluster(session: Session, clock: time_machine.Traveller) -> None:
    make_cluster(session)
    make_cluster(session, 3, township_code="990181001")

    watch(session)

    (alert,) = alerts(session)
    assert (alert.kind, alert.subject, alert.facts["count"]) == (AlertKind.CLUSTER, f"{HEXI}:0102", 6)
    assert saying.headline(alert) == "突发　河西街道　垃圾清运"
    assert saying.details(alert) == "30 分钟内 6 件（平日同时段 0 件）"


def test_what_this_hour_always_brings_is_no_cluster(session: Session, clock: time_machine.Traveller) -> None:
    rule = ClusterRule(within=timedelta(minutes=30), least=5, chance=0.001, usual_days=1)
    with as_if(now() - timedelta(days=1)):
        make_cluster(session, 8)
    make_cluster(session, 5)

    usual = clusters.find(session, rule, now(), going_on=set())
    going_on = clusters.find(session, rule, now(), going_on={f"{HEXI}:0102"})

    assert usual == []
    assert [(each.count, each.usual) for each in going_on] == [(5, 2.0)]


def test_sealed_cases_stand_in_no_alarm(session: Session, clock: time_machine.Traveller) -> None:
    make_cluster(session, 4)
    make_cluster(session, 4, request_type=RequestType.REPORT)
    make_cluster(session, 4, confidential=True, unit_summary="已脱敏")

    watch(session)

    assert alerts(session) == []


def test_a_cluster_is_raised_once_follows_its_count_and_ends(session: Session, clock: time_machine.Traveller) -> None:
    make_cluster(session)
    counts = [watch(session), watch(session)]
    make_cluster(session, 2)
    watch(session)
    grown = alerts(session)[0].facts["count"]
    clock.shift(31 * 60)
    counts.append(watch(session))

    (alert,) = alerts(session, open_only=False)
    assert (counts, grown) == ([1, 0, 1], 8)
    assert alert.cleared_at == now()


def test_two_processes_that_watch_at_once_raise_it_once(database: Database, clock: time_machine.Traveller) -> None:
    with database.unit_of_work() as session:
        make_cluster(session)
    both = Barrier(2)

    def one() -> int:
        with database.reading() as session:
            found = look(session)
        both.wait(10)
        with database.unit_of_work() as session:
            return settle(session, found)

    with ThreadPoolExecutor(2) as processes:
        raised = [each.result() for each in [processes.submit(one) for _ in range(2)]]

    assert sorted(raised) == [0, 1]
    assert sweep(database) == 0
    with database.reading() as session:
        assert len(alerts(session, open_only=False)) == 1


def test_a_unit_with_overdue_cases_and_no_sign_of_work_is_stuck(session: Session, clock: time_machine.Traveller) -> None:
    for _ in range(3):
        make_case(session, status=CaseStatus.IN_PROGRESS)
    clock.shift(timedelta(days=1))
    watch(session)
    before = alerts(session)
    clock.shift(timedelta(days=9))
    watch(session)

    assert before == []
    assert [(each.kind, each.subject, each.facts["overdue"]) for each in alerts(session)] == [(AlertKind.STUCK, "CGJ", 3)]


def test_a_unit_that_has_just_signed_something_is_not_stuck(session: Session, clock: time_machine.Traveller) -> None:
    for _ in range(3):
        make_case(session, status=CaseStatus.IN_PROGRESS)
    clock.shift(timedelta(days=10))
    make_case(session, status=CaseStatus.IN_PROGRESS)

    watch(session)

    assert alerts(session) == []


def test_a_telephone_that_is_away_and_calls_that_are_lost_are_told(
    session: Session, settings: Settings, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "telephony", "on")
    line = make_line(session)
    for answered in range(20):
        make_call(session, facts=("queued", "rang", "answered", "ended") if answered < 17 else ("queued", "ended"), line=line)
    session.add(ExchangeState(id=1, connected=True, since=now(), seen_at=now() - timedelta(minutes=2)))
    session.flush()
    clock.shift(600)
    watch(session)

    kinds = {each.kind: each for each in alerts(session)}
    assert set(kinds) == {AlertKind.TELEPHONY, AlertKind.CONNECTION, AlertKind.PROMPT}
    assert saying.details(kinds[AlertKind.CONNECTION]) == "近 24 小时 85.0%，20 个来电接通 17 个"


def test_who_is_named_for_it_is_told_once_and_again_when_it_is_over(
    sqlite_database: Database, drain: Drain, clock: time_machine.Traveller
) -> None:
    with sqlite_database.unit_of_work() as session:
        subscribe(session)
        subscribe(session, way=MessageWay.EMAIL, address="duty@example.cn")
        subscribe(session, name="不收", wants=["telephony"])
        subscribe(session, name="已离开", active=False)
        make_cluster(session)
        watch(session)
    drain()
    with sqlite_database.unit_of_work() as session:
        telling.tell_raised(session, alerts(session)[0])
    clock.shift(31 * 60)
    with sqlite_database.unit_of_work() as session:
        watch(session)
    drain()

    with sqlite_database.reading() as session:
        told = session.scalars(select(OutgoingMessage).where(OutgoingMessage.purpose == "alert")).all()
    assert sorted((row.channel, row.text[:4]) for row in told) == [
        ("email", "【预警】"),
        ("email", "【预警解"),
        ("sms", "【预警】"),
        ("sms", "【预警解"),
    ]
    assert all("河西街道" in row.text for row in told)


def test_what_comes_back_soon_is_shown_and_not_told_again(session: Session, clock: time_machine.Traveller) -> None:
    subscribe(session)
    make_cluster(session)
    watch(session)
    clock.shift(31 * 60)
    watch(session)
    clock.shift(10 * 60)
    make_cluster(session)
    watch(session)

    (again,) = alerts(session)

    assert (telling.tell_raised(session, again), telling.tell_cleared(session, again)) == (0, 0)


def test_the_first_who_takes_note_is_named(session: Session, clock: time_machine.Traveller) -> None:
    make_cluster(session)
    watch(session)
    alert = alerts(session)[0]
    first, second = (somebody(session, Role.SHIFT_LEADER) for _ in range(2))

    desk.take_note(session, alert.id, by=first)
    desk.take_note(session, alert.id, by=second)

    assert [row.known_by for row in desk.open_now(session)] == [first.name]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"address": "010-12345678"}, "address"),
        ({"way": MessageWay.EMAIL, "address": "duty"}, "address"),
        ({"wants": []}, "wants"),
        ({"name": " "}, "name"),
        ({"unit": "nowhere", "wants": ["report"]}, "unit"),
        ({"unit": "CGJ"}, "wants"),
    ],
)
def test_a_person_is_named_with_a_way_that_works(session: Session, values: dict[str, Any], field: str) -> None:
    by = somebody(session, Role.SUPERVISOR)
    usual: dict[str, Any] = {"name": "周主任", "way": MessageWay.SMS, "address": "13900000001", "wants": ["cluster"], "unit": ""}

    with pytest.raises(Invalid) as refused:
        desk.name_person(session, by=by, **{**usual, **values})

    assert refused.value.field == field
