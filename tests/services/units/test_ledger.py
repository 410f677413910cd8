"""On the ledger: with a plan and a day to look again; out of the solved denominator until then. And leaders' instructions."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.db import Database
from hotline.errors import Invalid, NotAllowed, RuleBroken, WrongState
from hotline.services import answers, archiving, history, instructions, scoring, surveys
from hotline.services.clocks import alarms
from hotline.services.profiles import profiles
from hotline.services.profiles.profiles import Indicator
from hotline.services.units import ledger, pausing
from hotline.services.units.ledger import LedgerReason
from models import (
    Action,
    Assignment,
    Case,
    CaseEvent,
    CaseStatus,
    ClosureKind,
    Grade,
    Mark,
    MarkKind,
    Request,
    RequestKind,
    RequestState,
    Role,
    now,
)
from tests.factories_cases import an_actor, check, fresh_key, lead_of, liaison_of, make_case

DAY = timedelta(days=1)

pytestmark = pytest.mark.usefixtures("clock")


def ask(session: Session, case: Case, **values: Any) -> Request:
    lead = lead_of(session, case)
    usual: dict[str, Any] = {
        "review": now() + 90 * DAY,
        "reason_code": LedgerReason.MONEY,
        "basis": "今年预算已定",
        "plan": "列入明年一季度改造计划",
        "by": values.get("by") or liaison_of(session, lead),
        "key": fresh_key(),
    }
    return ledger.ask(session, lead, **usual | values)


def decide(session: Session, request: Request, *, grant: bool = True, **values: Any) -> Request:
    usual: dict[str, Any] = {"by": values.get("by") or an_actor(session, Role.SUPERVISOR), "key": fresh_key(), "note": "属实"}
    return ledger.decide(session, request, grant=grant, **usual | values)


def left(session: Session, case: Case) -> timedelta:
    return lead_of(session, case).answer_due_at - now()


def test_the_clock_stands_still_until_the_day_to_look_again(session: Session, at_work: Case, clock: Traveller) -> None:
    clock.shift(timedelta(hours=20))
    before = left(session, at_work)
    decide(session, ask(session, at_work))

    clock.shift(90 * DAY)

    assert left(session, at_work) == before
    assert [ledger.review(session), ledger.review(session)] == [1, 0]
    assert ledger.entry(session, at_work) is None
    told = [event.action for event in session.scalars(select(CaseEvent).order_by(CaseEvent.serial))]
    assert told[-3:] == [Action.REQUEST, Action.SHELVE, Action.CLEAR]
    assert history.verify(session, at_work) is None


def test_what_was_late_already_is_due_on_that_day(session: Session, at_work: Case, clock: Traveller) -> None:
    clock.shift(timedelta(hours=80))
    alarms.ring(session)
    request = decide(session, ask(session, at_work))

    assert at_work.due_at == request.wanted_at
    clock.shift(89 * DAY)
    assert [mark.kind for mark in session.scalars(select(Mark)) if mark.kind == MarkKind.SUPERVISION] == []


def test_a_pause_ends_where_the_ledger_begins(session: Session, at_work: Case) -> None:
    before = left(session, at_work)
    request = ask(session, at_work)
    lead = lead_of(session, at_work)
    pausing.ask_citizen(session, lead, question="请补充楼栋", by=liaison_of(session, lead), key=fresh_key())

    decide(session, request)

    assert lead.paused_until is None
    assert lead.answer_due_at == request.wanted_at + before  # type: ignore[operator]


def test_every_units_clock_is_shelved_as_it_stands_then(postgres_database: Database) -> None:
    with postgres_database.unit_of_work() as session:
        case = make_case(session, status=CaseStatus.IN_PROGRESS, assists=("T001",))
        asked, before = ask(session, case), left(session, case)
        of_case = select(Assignment).where(Assignment.case_id == case.id)

    with postgres_database.unit_of_work() as deciding:
        request, known = deciding.get_one(Request, asked.id), deciding.scalars(of_case).all()
        with postgres_database.unit_of_work() as unit:
            row = unit.get_one(Assignment, asked.assignment_id)
            pausing.ask_citizen(unit, row, question="请补充楼栋", by=liaison_of(unit, row), key=fresh_key())
        decide(deciding, request)

    with postgres_database.reading() as session:
        rows = session.scalars(of_case).all()
        assert len(rows) == len(known) == 2
        assert {(row.paused_until, row.answer_due_at) for row in rows} == {(None, asked.wanted_at + before)}  # type: ignore[operator]


def close_unsolved(session: Session, case: Case) -> None:
    lead = lead_of(session, case)
    answers.submit_answer(
        session,
        lead,
        public_text="已列入明年改造计划。",
        closure=ClosureKind.PROMISED,
        by=liaison_of(session, lead),
        key=fresh_key(),
    )
    check(session, case)
    survey = surveys.invite(session, case)
    assert survey is not None
    grade = Grade.FAIRLY_SATISFIED
    surveys.record_answers(session, survey, way="web", solved=False, result=grade, unit=grade)


def test_on_the_ledger_a_case_is_not_one_to_be_solved(session: Session, at_work: Case, clock: Traveller) -> None:
    decide(session, ask(session, at_work))
    close_unsolved(session, at_work)

    assert Indicator.RESOLUTION not in scoring.score_case(session, at_work)

    clock.shift(91 * DAY)
    ledger.review(session)
    assert scoring.score_case(session, at_work)[Indicator.RESOLUTION] == 0.0


def test_a_case_that_was_closed_comes_back_to_the_centre(session: Session, at_work: Case, clock: Traveller) -> None:
    decide(session, ask(session, at_work))
    close_unsolved(session, at_work)
    clock.shift(91 * DAY)

    ledger.review(session)

    request = session.scalars(select(Request).where(Request.kind == RequestKind.REOPENING)).one()
    assert (request.state, request.reason_code) == (RequestState.OPEN, "ledger_review")


def test_what_stands_on_the_ledger_is_not_filed_away(session: Session, at_work: Case, clock: Traveller) -> None:
    decide(session, ask(session, at_work))
    close_unsolved(session, at_work)
    clock.shift(60 * DAY)

    assert archiving.archive_closed(session) == 0


def test_the_unit_writes_how_things_stand(session: Session, at_work: Case, clock: Traveller) -> None:
    decide(session, ask(session, at_work))
    mark, by = ledger.entry(session, at_work), liaison_of(session, lead_of(session, at_work))
    assert mark is not None
    first = ledger.next_word(session, at_work, mark)
    clock.shift(10 * DAY)

    ledger.tell(session, mark, text="已报财政评审", by=by, key=fresh_key())

    assert mark.answer == "已报财政评审"
    assert ledger.next_word(session, at_work, mark) == first + 10 * DAY
    with pytest.raises(Invalid):
        ledger.tell(session, mark, text=" ", by=by, key=fresh_key())


def test_who_decides_is_the_profiles(session: Session) -> None:
    profile = profiles.shipped() | {"ledger": {"decided_by": ["shift_leader"]}}
    request = ask(session, make_case(session, status=CaseStatus.IN_PROGRESS, profile=profile))

    with pytest.raises(NotAllowed):
        decide(session, request)
    assert decide(session, request, by=an_actor(session, Role.SHIFT_LEADER)).state == RequestState.GRANTED


def test_a_refusal_has_a_reason_and_moves_nothing(session: Session, at_work: Case) -> None:
    request, due = ask(session, at_work), at_work.due_at

    with pytest.raises(Invalid):
        decide(session, request, grant=False, note="")
    decide(session, request, grant=False, note="有应急资金可用")

    assert (at_work.due_at, ledger.entry(session, at_work)) == (due, None)


@pytest.mark.parametrize("wrong", [{"plan": " "}, {"basis": ""}, {"review": -DAY}, {"review": 400 * DAY}], ids=str)
def test_a_place_on_the_ledger_needs_a_plan_and_a_day(session: Session, at_work: Case, wrong: dict[str, Any]) -> None:
    if "review" in wrong:
        wrong = {"review": now() + wrong["review"]}

    with pytest.raises(Invalid):
        ask(session, at_work, **wrong)


def test_once_on_the_ledger_is_enough(session: Session, at_work: Case) -> None:
    decide(session, ask(session, at_work))

    with pytest.raises(RuleBroken):
        ask(session, at_work)
    with pytest.raises(WrongState):
        ask(session, make_case(session, status=CaseStatus.DISPATCHED))


def test_the_same_form_again_asks_nothing_new(session: Session, at_work: Case) -> None:
    by, key = liaison_of(session, lead_of(session, at_work)), fresh_key()

    assert ask(session, at_work, by=by, key=key).id == ask(session, at_work, by=by, key=key).id


def test_a_leaders_instruction_says_who_and_what(session: Session, at_work: Case) -> None:
    by, key = an_actor(session, Role.DISPATCHER), fresh_key()
    said: dict[str, Any] = {"who": "副市长 刘某", "what": "请城管局三日内办结并报告", "by": by, "key": key}

    first, again = (instructions.enter(session, at_work, **said) for _ in range(2))

    assert first.id == again.id
    assert (first.kind, first.party) == (MarkKind.INSTRUCTION, "副市长 刘某")
    for wrong in ({"who": " "}, {"what": ""}):
        with pytest.raises(Invalid):
            instructions.enter(session, at_work, **said | wrong | {"key": fresh_key()})
    with pytest.raises(NotAllowed):
        instructions.enter(session, at_work, **said | {"by": liaison_of(session, lead_of(session, at_work)), "key": fresh_key()})
