"""What follows from each event: the whole line in process, deliveries, topics, the timetable."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from time_machine import Traveller

from hotline import channels, events, topics
from hotline.db import Database
from hotline.ports import Receipt, ReceiptState
from hotline.services import cases, surveys, triage
from hotline.services.access import Me
from hotline.services.messages import delivery
from hotline.services.searching import finding
from hotline.services.searching.asking import Query
from hotline.timetable import TIMETABLE
from models import (
    Case,
    CaseStatus,
    Delivery,
    Grade,
    OutboxMessage,
    OutgoingMessage,
    Role,
    Score,
    Suggestion,
    Survey,
    new_id,
)
from tests.conftest import Drain
from tests.factories import unit_of
from tests.factories_cases import a_form, an_actor, asks_before_closing, dispatch, fresh_key, make_case
from tests.factories_contacts import make_contact
from tests.fakes import RecordingChannel, StubClassifier


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> RecordingChannel:
    """Stands where the mailbox's channel is registered."""
    recording = RecordingChannel(kind="mailbox")
    monkeypatch.setitem(channels.register(), "mailbox", recording)
    return recording


def outgoing(database: Database) -> list[OutgoingMessage]:
    with database.reading() as session:
        return list(session.scalars(select(OutgoingMessage).order_by(OutgoingMessage.created_at)))


def test_a_closed_case_is_told_asked_about_and_scored(database: Database, drain: Drain, channel: RecordingChannel) -> None:
    with database.unit_of_work() as session:
        case_id = make_case(session, status=CaseStatus.CLOSED).id

    drain()

    messages = outgoing(database)
    assert sorted(message.purpose for message in messages) == ["answered", "survey"]
    assert {message.delivery for message in messages} == {Delivery.ACCEPTED}
    assert {sent.key for sent in channel.sent} == {str(message.id) for message in messages}
    with database.reading() as session:
        assert len(session.scalars(select(Survey).where(Survey.case_id == case_id)).all()) == 1
        scored = {score.indicator for score in session.scalars(select(Score))}
        assert scored == {"contact", "on_time", "return", "first_dispatch", "repeat", "rework"}
        assert session.scalars(select(OutboxMessage).where(OutboxMessage.done_at.is_(None))).all() == []


@pytest.mark.parametrize("said", ["solved", "silence"])
def test_who_is_asked_before_closing_is_told_once_and_the_case_ends(
    database: Database, drain: Drain, channel: RecordingChannel, clock: Traveller, said: str
) -> None:
    with database.unit_of_work() as session:
        case_id = make_case(session, status=CaseStatus.CALLBACK, profile=asks_before_closing()).id
    drain()
    with database.unit_of_work() as session:
        survey = session.scalars(select(Survey)).one()
        if said == "solved":
            surveys.record_answers(session, survey, way="web", solved=True, result=Grade.SATISFIED, unit=Grade.SATISFIED)
        else:
            clock.shift(timedelta(days=8))
            TIMETABLE["lapse_surveys"].run(session)

    drain()

    with database.reading() as session:
        assert session.get_one(Case, case_id).status == CaseStatus.CLOSED
    assert sorted(message.purpose for message in outgoing(database)) == ["answered", "survey"]


def test_an_answer_on_the_spot_is_told_and_not_asked_about(database: Database, drain: Drain, channel: RecordingChannel) -> None:
    with database.unit_of_work() as session:
        agent = an_actor(session, Role.AGENT)
        for how in ("answer", "redirect"):
            words = {"answer": "每周二办理"} if how == "answer" else {"reason": "请向法院查询"}
            values: dict[str, Any] = {"matter": 1, "by": agent, "key": fresh_key(), **words}
            cases.file_case(session, make_contact(session), a_form(), how=how, **values)

    drain()

    assert [message.purpose for message in outgoing(database)] == ["answered", "answered"]


def test_an_opinion_reaches_the_score_and_the_centre(database: Database, drain: Drain, channel: RecordingChannel) -> None:
    with database.unit_of_work() as session:
        case_id = make_case(session, status=CaseStatus.CLOSED).id
    drain()
    with database.unit_of_work() as session:
        survey = session.scalars(select(Survey)).one()
        values: dict[str, Any] = {"solved": False, "result": Grade.DISSATISFIED, "unit": Grade.SATISFIED}
        surveys.record_answers(session, survey, way="web", **values)

    drain()

    with database.reading() as session:
        values = {score.indicator: score.value for score in session.scalars(select(Score).where(Score.case_id == case_id))}
        assert (values["resolution"], values["unit_satisfaction"]) == (0.0, 1.0)


def test_running_everything_again_tells_nobody_twice(database: Database, drain: Drain, channel: RecordingChannel) -> None:
    with database.unit_of_work() as session:
        make_case(session, status=CaseStatus.CLOSED)
    drain()
    sent = len(channel.sent)
    with database.unit_of_work() as session:
        for row in session.scalars(select(OutboxMessage)):
            row.done_at, row.ready_at = None, row.created_at

    drain()

    assert len(channel.sent) == sent
    assert len(outgoing(database)) == sent


@pytest.mark.parametrize(
    ("state", "delivery"),
    [
        (ReceiptState.DELIVERED, Delivery.DELIVERED),
        (ReceiptState.REFUSED, Delivery.REFUSED),
        (ReceiptState.UNKNOWN, Delivery.UNKNOWN),
    ],
)
def test_what_the_provider_says_is_noted(
    database: Database, drain: Drain, channel: RecordingChannel, state: ReceiptState, delivery: Delivery
) -> None:
    channel.receipt = Receipt(state, "p1", "退订" if state == ReceiptState.REFUSED else "")
    with database.unit_of_work() as session:
        make_case(session, status=CaseStatus.CLOSED, wants_callback=False)

    drain()

    (message,) = outgoing(database)
    assert (message.delivery, message.provider_id, message.attempts) == (delivery, "p1", 1)
    assert message.settled_at is not None


def test_what_is_settled_is_neither_sent_nor_settled_again(database: Database, drain: Drain, channel: RecordingChannel) -> None:
    with database.unit_of_work() as session:
        make_case(session, status=CaseStatus.CLOSED, wants_callback=False)
    drain()
    (message,) = outgoing(database)

    with database.unit_of_work() as session:
        assert delivery.take(session, message.id, route=channels.route) is None
        delivery.settle(session, message.id, Receipt(ReceiptState.REFUSED))

    (after,) = outgoing(database)
    assert (after.delivery, after.attempts) == (Delivery.ACCEPTED, 1)


def test_a_channel_that_is_not_here_refuses(
    database: Database, drain: Drain, monkeypatch: pytest.MonkeyPatch, clock: Traveller
) -> None:
    monkeypatch.delitem(channels.register(), "sms")
    with database.unit_of_work() as session:
        contact = make_contact(session, channel="sms")
        make_case(session, status=CaseStatus.CLOSED, contact=contact, wants_callback=False)

    drain()

    assert {(message.delivery, "sms" in message.last_error) for message in outgoing(database)} == {(Delivery.REFUSED, True)}


def test_a_message_gets_its_suggestion(database: Database, drain: Drain) -> None:
    triage.use(StubClassifier())
    try:
        with database.unit_of_work() as session:
            contact_id = make_contact(session).id
        drain()
    finally:
        triage.use(None)

    with database.reading() as session:
        assert session.scalars(select(Suggestion.contact_id)).all() == [contact_id]


def test_without_a_classifier_nothing_is_suggested_and_nothing_waits(database: Database, drain: Drain) -> None:
    with database.unit_of_work() as session:
        make_contact(session)

    drain()

    with database.reading() as session:
        assert session.scalars(select(Suggestion)).all() == []
        assert session.scalars(select(OutboxMessage).where(OutboxMessage.done_at.is_(None))).all() == []


@pytest.mark.parametrize("kind", list(events.ALL.values()))
def test_every_event_names_its_topics(kind: type[events.Event]) -> None:
    values = {name: new_id() if name.endswith("_id") else "closed" for name in kind.__dataclass_fields__}

    told = topics.of(kind(**values))

    for name in ("contact", "case"):
        if f"{name}_id" in values:
            assert f"{name}:{values[f'{name}_id']}" in told
    assert not any("{" in topic for topic in told)


def test_a_waiting_contact_refreshes_queue_and_wall() -> None:
    contact_id, staff_id = new_id(), new_id()

    assert topics.of(events.ContactQueued(contact_id)) == ("queue", "wall", f"contact:{contact_id}")
    assert f"staff:{staff_id}" in topics.of(events.ContactTaken(contact_id, staff_id))


@pytest.mark.parametrize("name", sorted(TIMETABLE))
def test_the_timetable_is_safe_to_run_twice(database: Database, name: str) -> None:
    with database.unit_of_work() as session:
        case_id = make_case(session, status=CaseStatus.CLOSED).id

    timed = TIMETABLE[name]

    for _ in range(2):
        if timed.outside:
            timed.run(database)
            continue
        with database.unit_of_work() as session:
            timed.run(session)

    with database.reading() as session:
        assert session.get_one(Case, case_id).status == CaseStatus.CLOSED
    assert timed.every.total_seconds() >= 10


def test_a_unit_finds_a_case_by_its_words_once_it_holds_it(database: Database, drain: Drain) -> None:
    with database.unit_of_work() as session:
        number = make_case(session).number
    drain()

    with database.unit_of_work() as session:
        case = session.scalars(select(Case).where(Case.number == number)).one()
        dispatch(session, case, "CGJ")
    drain()

    with database.reading() as session:
        unit = unit_of(session, "CGJ")
        liaison = Me(new_id(), new_id(), "liaison", "联络员", frozenset({Role.LIAISON}), unit.id, unit.path, "")
        assert [row.case.number for row in finding.page(session, liaison, Query(q="垃圾")).rows] == [number]
