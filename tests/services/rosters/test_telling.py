"""What units are told, step by step: once each, together, at the right hour, and no more once they have seen to it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.db import Database
from hotline.events import AssignmentAdvanced, CaseSupervised, ClockRang
from hotline.services import reading_callbacks, reading_units, supervision
from hotline.services.rosters import notice_rule, notices, telling
from hotline.services.telephone import callbacks
from hotline.services.units import ledger
from hotline.services.units.ledger import LedgerReason
from models import (
    Action,
    Callback,
    CallbackReason,
    CallbackState,
    Case,
    CaseStatus,
    ChatGroup,
    ChatKind,
    Mark,
    Measure,
    NoticeDelivery,
    NoticeOccasion,
    NoticeWay,
    OutgoingMessage,
    Role,
    UnitNotice,
    Urgency,
    now,
)
from tests.factories import unit_of
from tests.factories_cases import an_actor, fresh_key, lead_of, liaison_of, make_case, sign
from tests.services.rosters.making import UNIT, make_member

on_sqlite = pytest.mark.parametrize("session", ["sqlite"], indirect=True)
SOON = timedelta(seconds=30)


def given(session: Session, *, urgency: Urgency = Urgency.NORMAL, **form: Any) -> Case:
    """A case that a unit was given just now, and has not been told of."""
    case = make_case(session, status=CaseStatus.DISPATCHED, urgency=urgency, **form)
    heard(session, case)
    return case


def heard(session: Session, case: Case) -> None:
    lead = lead_of(session, case)
    notices.hear_step(session, AssignmentAdvanced(case.id, lead.id, Action.DISPATCH, lead.status))


def told(session: Session) -> list[tuple[str, str]]:
    """To whom, by which way, in their order."""
    rows = session.scalars(select(OutgoingMessage).where(OutgoingMessage.purpose == "unit_notice"))
    return [(row.channel, row.recipient) for row in sorted(rows, key=lambda row: (row.created_at, row.id))]


def owed(session: Session) -> list[tuple[str, CallbackState]]:
    rows = session.scalars(select(Callback).where(Callback.reason == CallbackReason.DUTY).order_by(Callback.created_at))
    return [(row.number, row.state) for row in rows]


def after(session: Session, clock: Traveller, length: timedelta) -> int:
    clock.shift(length)
    return telling.tell_due(session)


def test_duty_then_deputy_then_a_call_until_it_is_signed(session: Session, clock: Traveller) -> None:
    make_member(session, number="13900001111", code="271828")
    make_member(session, number="13900002222", place=2)
    case = given(session)  # two hours to sign

    assert [after(session, clock, length) for length in (SOON, timedelta(hours=1), timedelta(minutes=29))] == [1, 1, 0]
    assert told(session) == [("sms", "+8613900001111"), ("sms", "+8613900002222")]
    assert after(session, clock, timedelta(minutes=2)) == 1
    assert owed(session) == [("+8613900001111", CallbackState.WAITING)]

    sign(session, case)
    after(session, clock, timedelta(hours=1))

    assert owed(session) == [("+8613900001111", CallbackState.DROPPED)]
    assert session.scalars(select(UnitNotice.settled_at)).one() is not None
    assert len(told(session)) == 2


@on_sqlite
def test_what_comes_together_is_told_together_and_says_nothing_of_the_matter(session: Session, clock: Traveller) -> None:
    make_member(session)
    cases = [given(session), given(session, title="举报某人", confidential=True, unit_summary="摘要"), given(session)]

    assert after(session, clock, SOON) == 3

    message = session.scalars(select(OutgoingMessage).where(OutgoingMessage.purpose == "unit_notice")).one()
    assert "待签收3件" in message.text
    assert sum(case.number in message.text for case in cases) == 2
    assert "垃圾" not in message.text + (message.values or "")
    assert "举报" not in message.text + (message.values or "")
    assert "摘要" not in message.text + (message.values or "")
    rows = session.scalars(select(NoticeDelivery)).all()
    assert {row.outgoing_id for row in rows} == {message.id}
    assert len(rows) == 3


@on_sqlite
def test_a_person_is_left_in_peace_for_a_while_but_not_in_an_emergency(session: Session, clock: Traveller) -> None:
    make_member(session)
    given(session)
    after(session, clock, SOON)

    given(session)
    assert after(session, clock, SOON) == 0
    assert len(told(session)) == 1
    given(session, urgency=Urgency.EMERGENCY)

    assert after(session, clock, SOON) == 1
    assert len(told(session)) == 2

    assert after(session, clock, timedelta(minutes=10)) >= 1


@on_sqlite
def test_normal_cases_wait_for_the_morning_and_urgent_ones_do_not(session: Session, clock: Traveller) -> None:
    make_member(session)
    clock.shift(timedelta(hours=13))  # 23:00 in the city
    given(session)
    assert after(session, clock, SOON) == 0
    given(session, urgency=Urgency.URGENT)

    assert after(session, clock, SOON) == 1
    assert after(session, clock, timedelta(hours=8)) >= 1

    assert len(session.scalars(select(NoticeDelivery).where(NoticeDelivery.step == 0)).all()) == 2


@on_sqlite
def test_a_group_gets_the_same_and_its_secret_stays_out_of_the_text(session: Session, clock: Traveller) -> None:
    session.add(
        ChatGroup(unit_id=unit_of(session, UNIT).id, kind=ChatKind.DINGTALK, url="https://oapi.dingtalk.com/x", secret="SEC")
    )
    given(session)

    assert after(session, clock, SOON) == 1

    message = session.scalars(select(OutgoingMessage).where(OutgoingMessage.channel == "chat")).one()
    assert (message.gateway, message.recipient) == ("dingtalk", "https://oapi.dingtalk.com/x")
    assert "SEC" not in message.text


@on_sqlite
def test_a_unit_that_nobody_can_be_reached_of_is_told_by_the_one_above_it(session: Session, clock: Traveller) -> None:
    make_member(session, number="13900003333", unit="T001")
    given(session, unit="990181001001")

    after(session, clock, SOON)

    assert told(session) == [("sms", "+8613900003333")]


@on_sqlite
def test_that_there_was_nobody_at_all_is_recorded(session: Session, clock: Traveller) -> None:
    given(session)

    assert after(session, clock, SOON) == 1

    assert session.scalars(select(NoticeDelivery.way)).one() == NoticeWay.NOBODY
    assert session.scalars(select(UnitNotice.next_at)).one() is not None


@on_sqlite
def test_clocks_and_measures_are_told_to_those_whose_they_are(session: Session, clock: Traveller) -> None:
    make_member(session, email="duty@example.com")
    case = make_case(session, status=CaseStatus.IN_PROGRESS)
    lead = lead_of(session, case)
    mark = supervision.take(
        session, case, Measure.WRITTEN, basis="久拖未办", by=an_actor(session, Role.SUPERVISOR), key=fresh_key()
    )
    for _ in range(2):
        notices.hear_clock(session, ClockRang(case.id, lead.id, "due_soon"))
        notices.hear_clock(session, ClockRang(case.id, lead.id, "overdue"))
        notices.hear_clock(session, ClockRang(case.id, None, "overdue"))
        notices.hear_measure(session, CaseSupervised(case.id, mark.id))

    assert after(session, clock, SOON) == 3

    assert {channel for channel, _ in told(session)} == {"sms", "email"}
    text = next(
        row.text for row in session.scalars(select(OutgoingMessage)) if row.channel == "sms" and row.purpose == "unit_notice"
    )
    assert "即将到期1件、已超期1件、督办待回复1件" in text
    assert "久拖" not in text


def test_a_unit_that_is_silent_on_the_ledger_is_reminded_once_for_each_word(session: Session, clock: Traveller) -> None:
    make_member(session)
    make_member(session, number="13900002222", place=2)
    lead = lead_of(session, make_case(session, status=CaseStatus.IN_PROGRESS))
    liaison, day = liaison_of(session, lead), timedelta(days=1)
    wish: dict[str, Any] = {"reason_code": LedgerReason.MONEY, "basis": "预算已定", "plan": "列入明年改造"}
    asked = ledger.ask(session, lead, review=now() + 90 * day, by=liaison, key=fresh_key(), **wish)
    ledger.decide(session, asked, grant=True, by=an_actor(session, Role.SUPERVISOR), key=fresh_key())
    (mark,) = session.scalars(select(Mark).where(Mark.assignment_id == lead.id))

    clock.shift(29 * day)
    assert notices.remind_of_ledger(session) == 0
    clock.shift(day)
    assert "word_overdue" not in reading_units.marked(session, [mark.case_id])[mark.case_id]
    assert [notices.remind_of_ledger(session), notices.remind_of_ledger(session)] == [1, 0]
    assert reading_units.marked(session, [mark.case_id])[mark.case_id] == {"ledger", "word_overdue"}
    assert after(session, clock, SOON) == 1

    text = session.scalars(select(OutgoingMessage.text).where(OutgoingMessage.purpose == "unit_notice")).one()
    assert "挂账进展待报1件" in text
    ledger.tell(session, mark, text="已报财政评审", by=liaison, key=fresh_key())
    assert reading_units.marked(session, [mark.case_id])[mark.case_id] == {"ledger"}
    assert after(session, clock, 2 * day) == 0  # nobody stands in for what was written
    clock.shift(29 * day)
    assert notices.remind_of_ledger(session) == 1


def test_an_edition_from_before_the_ledger_was_told_of_still_holds() -> None:
    body = notice_rule.shipped().model_dump(mode="json", by_alias=True)
    del body["steps"]["ledger"]

    (step,) = notice_rule.NoticeRule.model_validate(body).steps[NoticeOccasion.LEDGER]

    assert (step.after, step.to) == (0, "duty")


@on_sqlite
def test_people_on_duty_are_rung_at_any_hour_once_and_seen_by_no_agent(session: Session, clock: Traveller) -> None:
    clock.shift(timedelta(hours=13))
    callback = callbacks.owe(session, reason=CallbackReason.DUTY, number="13900001111", due_at=now())
    assert callback is not None
    assert reading_callbacks.to_ring(session) == []

    assert callbacks.due(session, now()) == [callback]
    command = callbacks.dial(session, callback, at=now())

    assert '"flow": "duty_sign"' in command.arguments


class Killed(BaseException):
    """The process is gone: nothing of it goes on, nothing is tidied up."""


@contextmanager
def killed_at(database: Database, statement: int) -> Iterator[None]:
    sent = 0

    def count(*_: object) -> None:
        nonlocal sent
        sent += 1
        if sent == statement:
            raise Killed

    event.listen(database.engine, "before_cursor_execute", count)
    try:
        yield
    finally:
        event.remove(database.engine, "before_cursor_execute", count)


def killed_everywhere(database: Database, work: Callable[[Session], object], between: Callable[[], None]) -> int:
    """Runs the work again and again, killed at a later statement each time, until it is through."""
    for statement in range(1, 200):
        try:
            with killed_at(database, statement), database.unit_of_work() as session:
                work(session)
        except Killed:
            between()
        else:
            return statement
    raise AssertionError("it never came through")


def test_killed_anywhere_nobody_is_told_twice_and_nobody_forgotten(sqlite_database: Database, clock: Traveller) -> None:
    with sqlite_database.unit_of_work() as session:
        make_member(session, number="13900001111", code="271828")
        make_member(session, number="13900002222", place=2)
        case = make_case(session, status=CaseStatus.DISPATCHED)

    def count() -> tuple[int, int]:
        with sqlite_database.reading() as session:
            return len(told(session)), len(session.scalars(select(NoticeDelivery)).all())

    def still(expected: tuple[int, int]) -> Callable[[], None]:
        def check() -> None:
            assert count() == expected

        return check

    killed_everywhere(sqlite_database, lambda session: heard(session, case), still((0, 0)))
    for step in range(2):
        clock.shift(timedelta(hours=1, minutes=1) * step + SOON)
        statements = killed_everywhere(sqlite_database, telling.tell_due, still((step, step)))
        assert statements > 5
        with sqlite_database.unit_of_work() as session:
            assert telling.tell_due(session) == 0
        assert count() == (step + 1, step + 1)
    with sqlite_database.reading() as session:
        assert [recipient for _, recipient in told(session)] == ["+8613900001111", "+8613900002222"]
