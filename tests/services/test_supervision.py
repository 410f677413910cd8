"""Measures against units: by rule and by hand, answered by the unit, cleared only with a reason."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.errors import Invalid, NotAllowed, NoteRequired, WrongState
from hotline.services import history, supervision
from hotline.services.clocks import alarms
from hotline.services.profiles import profiles
from models import Action, Case, CaseEvent, CaseStatus, Mark, MarkKind, Measure, OutboxMessage, Role, now
from tests.factories_cases import an_actor, fresh_key, lead_of, liaison_of, make_case

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

pytestmark = pytest.mark.usefixtures("clock")


def take(session: Session, case: Case, measure: Measure = Measure.WRITTEN, **values: Any) -> Mark:
    by = values.get("by") or an_actor(session, Role.SUPERVISOR)
    usual: dict[str, Any] = {"basis": "三次答复不实", "by": by, "key": fresh_key()}
    return supervision.take(session, case, measure, **usual | values)


def measures(session: Session) -> list[Mark]:
    return list(session.scalars(select(Mark).where(Mark.kind == MarkKind.SUPERVISION).order_by(Mark.created_at)))


def test_the_longer_a_unit_is_late_the_further_it_goes(session: Session, at_work: Case, clock: Traveller) -> None:
    taken = []
    for hours in (73, 24, 48, 24 * 7):
        clock.shift(timedelta(hours=hours))
        alarms.ring(session)
        taken.append([mark.measure for mark in measures(session)])

    assert taken == [
        [],
        [Measure.WRITTEN],
        [Measure.WRITTEN, Measure.YELLOW_CARD],
        [Measure.WRITTEN, Measure.YELLOW_CARD, Measure.CRITICISM],
    ]
    assert alarms.ring(session) == 0
    assert [mark.level for mark in measures(session)] == [2, 3, 5]
    assert history.verify(session, at_work) is None


def test_after_a_long_silence_only_the_last_measure_is_taken(session: Session, at_work: Case, clock: Traveller) -> None:
    clock.shift(30 * DAY)
    alarms.ring(session)

    assert [mark.measure for mark in measures(session)] == [Measure.CRITICISM]
    assert measures(session)[0].assignment_id == lead_of(session, at_work).id


def test_a_rule_adds_nothing_below_what_a_person_did(session: Session, at_work: Case, clock: Traveller) -> None:
    take(session, at_work, Measure.RED_CARD)
    clock.shift(6 * DAY)

    alarms.ring(session)

    assert [mark.measure for mark in measures(session)] == [Measure.RED_CARD]


def test_a_profile_without_a_ladder_leaves_it_to_people(session: Session, clock: Traveller) -> None:
    make_case(session, status=CaseStatus.IN_PROGRESS, profile=profiles.shipped() | {"supervision": {}})
    clock.shift(30 * DAY)
    alarms.ring(session)

    assert measures(session) == []


def test_a_measure_has_an_addressee_a_basis_and_a_clock(session: Session, at_work: Case) -> None:
    mark = take(session, at_work, Measure.HANDED_OVER, party="市效能办")

    assert (mark.party, mark.basis, mark.level) == ("市效能办", "三次答复不实", 6)
    assert mark.due_at is not None
    assert mark.due_at > now()
    assert session.scalars(select(OutboxMessage).where(OutboxMessage.event == "CaseSupervised")).one().body["mark_id"] == str(
        mark.id
    )


def test_a_unit_answers_once(session: Session, at_work: Case) -> None:
    mark, by = take(session, at_work), liaison_of(session, lead_of(session, at_work))
    key = fresh_key()

    supervision.answer(session, mark, text="已约谈，明日清运", by=by, key=key)
    supervision.answer(session, mark, text="已约谈，明日清运", by=by, key=key)

    assert (mark.answer, mark.answered_by_id) == ("已约谈，明日清运", by.staff_id)
    with pytest.raises(WrongState):
        supervision.answer(session, mark, text="再说一遍", by=by, key=fresh_key())


@pytest.mark.parametrize("unit", ["ZJJ", ""])
def test_nobody_else_answers_for_a_unit(session: Session, at_work: Case, unit: str) -> None:
    stranger = an_actor(session, Role.LIAISON, unit=unit) if unit else an_actor(session, Role.SUPERVISOR)

    with pytest.raises(NotAllowed):
        supervision.answer(session, take(session, at_work), text="已整改", by=stranger, key=fresh_key())


def test_a_measure_is_cleared_with_a_reason_by_a_supervisor_only(session: Session, at_work: Case) -> None:
    mark, by = take(session, at_work), an_actor(session, Role.SUPERVISOR)

    with pytest.raises(NoteRequired):
        supervision.clear(session, mark, reason=" ", by=by, key=fresh_key())
    with pytest.raises(NotAllowed):
        supervision.clear(session, mark, reason="已整改", by=liaison_of(session, lead_of(session, at_work)), key=fresh_key())
    supervision.clear(session, mark, reason="已整改", by=by, key=fresh_key())

    assert (mark.cleared_reason, mark.cleared_by_id) == ("已整改", by.staff_id)
    told = [event.action for event in session.scalars(select(CaseEvent).order_by(CaseEvent.serial))]
    assert told[-2:] == [Action.MARK, Action.CLEAR]
    with pytest.raises(WrongState):
        supervision.clear(session, mark, reason="再解除", by=by, key=fresh_key())


def test_who_may_not_supervise(session: Session, at_work: Case) -> None:
    with pytest.raises(NotAllowed):
        take(session, at_work, by=an_actor(session, Role.AGENT))
    with pytest.raises(Invalid):
        take(session, at_work, basis=" ")
    with pytest.raises(WrongState):
        take(session, make_case(session))  # no unit has it


def test_the_same_form_again_takes_one_measure(session: Session, at_work: Case) -> None:
    by, key = an_actor(session, Role.SUPERVISOR), fresh_key()

    first, again = (take(session, at_work, by=by, key=key) for _ in range(2))

    assert first.id == again.id
