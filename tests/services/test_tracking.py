"""What a citizen may see and do with number and code, and what wrong tries cost."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotFound, RuleBroken, TooMany, WrongState
from hotline.services import cases, numbering, queueing, reading_progress, tracking
from hotline.services.patience import Patience
from models import Action, Case, CaseStatus, Conclusion, Contact, Role, Urgency, new_id
from tests.factories_cases import a_form, an_actor, dispatch, fresh_key, make_case
from tests.factories_contacts import make_agent, make_contact, make_inbound

pytestmark = pytest.mark.usefixtures("forgiven")


def a_letter(session: Session) -> tuple[Contact, str]:
    inbound = make_inbound()
    contact = make_contact(session, external_id=inbound.external_id)
    return contact, numbering.repeatable_query_code(inbound.external_id)


def test_a_code_opens_its_own_contact_by_any_number_that_came_of_it(session: Session) -> None:
    contact, code = a_letter(session)
    first = make_case(session, contact=contact)
    second = cases.file_case(
        session,
        contact,
        a_form(title="路灯不亮"),
        matter=2,
        by=an_actor(session, Role.AGENT, Role.SHIFT_LEADER),
        key=fresh_key(),
        how="answer",
        answer="已转告路灯所。",
    )

    for number in (contact.reference, first.number, second.number):
        assert tracking.unlock(session, number, code, address="a").id == contact.id
    assert [matter.number for matter in reading_progress.progress(session, contact.id).matters] == [first.number, second.number]


def test_an_unknown_number_and_a_wrong_code_sound_the_same(session: Session) -> None:
    contact, _ = a_letter(session)

    with pytest.raises(Invalid) as wrong:
        tracking.unlock(session, contact.reference, "00000000", address="a")
    with pytest.raises(Invalid) as unknown:
        tracking.unlock(session, "990181-20200101-000001", "00000000", address="b")

    assert str(wrong.value) == str(unknown.value)


def test_an_address_that_tries_many_numbers_waits_too(session: Session) -> None:
    contact, code = a_letter(session)
    for serial in range(5):
        with pytest.raises(Invalid):
            tracking.unlock(session, f"990181-20200101-{serial:06d}", "1", address="a")

    with pytest.raises(TooMany):
        tracking.unlock(session, contact.reference, code, address="a")
    assert tracking.unlock(session, contact.reference, code, address="elsewhere").id == contact.id


def test_the_wait_doubles_up_to_an_hour_and_a_quiet_day_forgives(clock: time_machine.Traveller) -> None:
    patience = Patience(1)
    for _ in range(12):
        patience.wrong("x")

    with pytest.raises(TooMany) as told:
        patience.check("x")
    assert told.value.values == {"minutes": 60}
    clock.shift(timedelta(days=2))
    patience.check("x")
    patience.wrong("x")
    clock.shift(31)
    patience.check("x")


def test_a_letter_nobody_has_filed_yet_has_a_progress(session: Session) -> None:
    contact, _ = a_letter(session)

    before = reading_progress.progress(session, contact.id)
    queueing.take(session, make_agent(session), contact.id)
    after = reading_progress.progress(session, contact.id)

    assert (before.headline, after.headline) == ("已收到，待受理", "话务员正在处理")
    assert before.open_numbers == [contact.reference]


def test_a_reason_for_the_right_door_is_told_and_one_for_void_is_not(session: Session) -> None:
    agent = make_agent(session)
    told, kept = make_contact(session), make_contact(session)
    for contact, conclusion, note in (
        (told, Conclusion.REDIRECTED, "请拨打 12315"),
        (kept, Conclusion.VOID, "重复骚扰"),
    ):
        queueing.take(session, agent, contact.id)
        queueing.conclude(session, contact, conclusion, by=agent, note=note)

    assert reading_progress.progress(session, told.id).matters[0].answer == "请拨打 12315"
    assert reading_progress.progress(session, kept.id).matters[0].answer == ""
    assert reading_progress.progress(session, kept.id).open_numbers == []


def test_a_redirected_case_tells_the_right_door(session: Session) -> None:
    case = make_case(session)

    cases.advance(session, case, Action.REDIRECT, by=an_actor(session, Role.DISPATCHER), key=fresh_key(), note="请到法院立案庭")

    assert reading_progress.progress(session, case.contact_id).matters[0].answer == "请到法院立案庭"


def test_the_answer_waits_for_the_check(session: Session) -> None:
    checked, unchecked = make_case(session, status=CaseStatus.CLOSED), make_case(session, status=CaseStatus.ANSWERED)

    assert reading_progress.progress(session, checked.contact_id).matters[0].answer.startswith("垃圾已清运")
    assert reading_progress.progress(session, unchecked.contact_id).matters[0].answer == ""


def test_each_step_is_told_once(session: Session) -> None:
    case = make_case(session, status=CaseStatus.CLOSED)

    told = [step.text for step in reading_progress.progress(session, case.contact_id).matters[0].steps]

    assert len(told) == len(set(told)) >= 5


def test_a_due_time_is_told_while_a_unit_works(session: Session) -> None:
    case = make_case(session, urgency=Urgency.URGENT)
    waiting = reading_progress.progress(session, case.contact_id).matters[0]
    lead = dispatch(session, case)

    assert waiting.due_at is None
    assert reading_progress.progress(session, case.contact_id).matters[0].due_at == lead.answer_due_at


def test_a_matter_is_urged_once_a_day_and_the_day_after_again(session: Session, clock: time_machine.Traveller) -> None:
    case = make_case(session, status=CaseStatus.IN_PROGRESS)
    key = fresh_key()
    for _ in range(2):
        tracking.urge(session, case.contact_id, number=case.number, key=key)

    with pytest.raises(RuleBroken):
        tracking.urge(session, case.contact_id, number=case.number, key=fresh_key())
    assert reading_progress.progress(session, case.contact_id).matters[0].may_urge is False
    clock.shift(timedelta(hours=24, seconds=1))
    tracking.urge(session, case.contact_id, number=case.number, key=fresh_key())


def test_only_what_a_unit_has_is_urged_and_only_ones_own(session: Session) -> None:
    closed, other = make_case(session, status=CaseStatus.CLOSED), make_case(session, status=CaseStatus.DISPATCHED)

    with pytest.raises(WrongState):
        tracking.urge(session, closed.contact_id, number=closed.number, key=fresh_key())
    with pytest.raises(NotFound):
        tracking.urge(session, closed.contact_id, number=other.number, key=fresh_key())


def test_a_remark_belongs_to_the_matter_it_names(session: Session) -> None:
    case = make_case(session, status=CaseStatus.IN_PROGRESS)

    tracking.remark(session, case.contact_id, number=case.number, text="又堆满了", key=fresh_key())

    steps = reading_progress.progress(session, case.contact_id).matters[0].steps
    assert [(step.said, step.mine) for step in steps if step.said] == [("又堆满了", True)]


def test_nothing_is_added_to_a_matter_that_is_over(session: Session) -> None:
    case = make_case(session)
    cases.advance(session, case, Action.WITHDRAW, by=an_actor(session, Role.DISPATCHER), key=fresh_key(), note="市民撤回")

    with pytest.raises(WrongState):
        tracking.remark(session, case.contact_id, number=case.number, text="还有", key=fresh_key())


def test_a_contact_that_is_gone_is_not_found(session: Session) -> None:
    with pytest.raises(NotFound):
        reading_progress.progress(session, new_id())
    assert session.scalars(select(Case)).all() == []
