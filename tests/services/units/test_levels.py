"""Work that goes down the tree of units and comes back up: street, community, grid."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import HotlineError, Invalid, NotAllowed, NoteRequired, Outdated, RuleBroken, WrongState
from hotline.services import answers, cases, dispatching, history
from hotline.services.actors import Actor
from hotline.services.profiles import profiles
from hotline.services.units import levels
from models import (
    Action,
    Assignment,
    AssignmentStatus,
    Case,
    CaseStatus,
    ClosureKind,
    Role,
    Standing,
)
from models.base import as_if
from tests.factories import unit_of
from tests.factories_cases import an_actor, dispatch, fresh_key, lead_of, make_case

STREET, COMMUNITY, GRID = "T001", "990181001001", "990181001001001"


def at_work(session: Session) -> tuple[Case, Assignment]:
    """A case that the street has signed."""
    case = make_case(session, status=CaseStatus.IN_PROGRESS, unit=STREET)
    return case, lead_of(session, case)


def street(session: Session) -> Actor:
    return an_actor(session, Role.LIAISON, unit=STREET)


def community(session: Session) -> Actor:
    return an_actor(session, Role.LIAISON, unit=COMMUNITY)


def down(session: Session, above: Assignment, code: str, by: Actor) -> Assignment:
    return levels.send_down(session, above, unit_of(session, code), note="请现场处理", by=by, key=fresh_key())


def signed(session: Session, below: Assignment, by: Actor) -> Assignment:
    dispatching.sign(session, below, by=by, key=fresh_key())
    return below


def answer(session: Session, assignment: Assignment, by: Actor, text: str = "已清运。") -> None:
    answers.submit_answer(session, assignment, public_text=text, closure=ClosureKind.SOLVED, by=by, key=fresh_key())


def chain(session: Session) -> tuple[Case, Assignment, Assignment, Assignment]:
    """Street, community and grid at work on one case."""
    case, lead = at_work(session)
    middle = signed(session, down(session, lead, COMMUNITY, street(session)), community(session))
    grid = down(session, middle, GRID, community(session))
    return case, lead, middle, signed(session, grid, an_actor(session, Role.GRID_WORKER, unit=GRID))


def test_work_goes_down_to_the_grid_and_the_answers_come_back_up(session: Session) -> None:
    case, lead, middle, grid = chain(session)
    states = [case.status]

    answer(session, grid, an_actor(session, Role.GRID_WORKER, unit=GRID), "网格已清运。")
    states.append(case.status)
    answer(session, middle, community(session), "社区已清运。")
    states.append(case.status)
    answer(session, lead, street(session))
    states.append(case.status)

    assert states == [*(3 * [CaseStatus.IN_PROGRESS]), CaseStatus.ANSWERED]
    assert [row.status for row in (middle, grid)] == [AssignmentStatus.DONE, AssignmentStatus.DONE]
    assert [row.standing for row in (lead, middle, grid)] == [Standing.LEAD, Standing.BELOW, Standing.BELOW]
    assert [row.level for row in (lead, middle, grid)] == [1, 2, 3]
    assert history.verify(session, case) is None


def test_each_clock_lies_inside_the_one_above(session: Session) -> None:
    _, lead, middle, grid = chain(session)

    assert lead.due_at is not None
    assert grid.answer_due_at < middle.answer_due_at < lead.due_at
    share = (middle.answer_due_at - middle.dispatched_at) / (lead.due_at - middle.dispatched_at)
    assert share == pytest.approx(0.8)


def test_what_is_sent_down_after_its_time_is_due_at_once(session: Session) -> None:
    _, lead = at_work(session)
    late = lead.answer_due_at + timedelta(hours=1)

    with as_if(late):
        below = down(session, lead, COMMUNITY, street(session))

    assert (below.dispatched_at, below.sign_due_at, below.answer_due_at) == (late, late, late)


def test_a_unit_sends_down_only_what_it_has_signed(session: Session) -> None:
    case = make_case(session)
    lead = dispatch(session, case, STREET)

    with pytest.raises(WrongState):
        down(session, lead, COMMUNITY, street(session))


@pytest.mark.parametrize("code", ["CGJ", "990181002001", GRID, STREET])
def test_only_units_one_level_down_are_below(session: Session, code: str) -> None:
    _, lead = at_work(session)

    with pytest.raises(Invalid):
        down(session, lead, code, street(session))


def test_nobody_sends_down_what_another_unit_has(session: Session) -> None:
    _, lead = at_work(session)

    for stranger in (an_actor(session, Role.LIAISON, unit="CGJ"), community(session), an_actor(session, Role.DISPATCHER)):
        with pytest.raises(NotAllowed):
            down(session, lead, COMMUNITY, stranger)


def test_a_grid_worker_signs_and_answers_and_sends_nothing_down(session: Session) -> None:
    _, lead = at_work(session)

    with pytest.raises(NotAllowed):
        down(session, lead, COMMUNITY, an_actor(session, Role.GRID_WORKER, unit=STREET))


def test_a_unit_below_gets_the_same_work_once(session: Session) -> None:
    _, lead = at_work(session)
    down(session, lead, COMMUNITY, street(session))

    with pytest.raises(RuleBroken):
        down(session, lead, COMMUNITY, street(session))


def test_the_same_key_sends_down_once_and_the_slower_of_two_is_told(session: Session) -> None:
    _, lead = at_work(session)
    by, key, seen = street(session), fresh_key(), lead.version
    below, other = unit_of(session, COMMUNITY), unit_of(session, "990181001002")

    first = levels.send_down(session, lead, below, by=by, key=key, seen=seen)
    again = levels.send_down(session, lead, below, by=by, key=key, seen=seen)

    assert first.id == again.id
    with pytest.raises(Outdated):
        levels.send_down(session, lead, other, by=by, key=fresh_key(), seen=seen)


def test_what_cannot_be_done_below_goes_back_up_with_a_reason(session: Session) -> None:
    case, lead, middle, grid = chain(session)
    worker = an_actor(session, Role.GRID_WORKER, unit=GRID)

    with pytest.raises(NoteRequired):
        levels.send_up(session, grid, reason=" ", by=worker, key=fresh_key())
    levels.send_up(session, grid, reason="需要吊车", by=worker, key=fresh_key())

    assert grid.status == AssignmentStatus.RETURNED
    assert (case.status, lead.status, middle.status) == (CaseStatus.IN_PROGRESS, *(2 * [AssignmentStatus.IN_PROGRESS]))
    down(session, middle, GRID, community(session))


def test_sending_up_ends_what_was_sent_further_down(session: Session) -> None:
    _, lead, middle, grid = chain(session)

    levels.send_up(session, middle, reason="不在本社区", by=community(session), key=fresh_key())

    assert (middle.status, grid.status) == (AssignmentStatus.RETURNED, AssignmentStatus.WITHDRAWN)
    assert lead.status == AssignmentStatus.IN_PROGRESS


def test_the_unit_above_sends_a_poor_answer_back_and_the_unit_itself_cannot(session: Session) -> None:
    _, _, middle, grid = chain(session)
    answer(session, grid, an_actor(session, Role.GRID_WORKER, unit=GRID))

    with pytest.raises(NotAllowed):
        levels.send_back(session, grid, reason="重拍照片", by=an_actor(session, Role.LIAISON, unit=GRID), key=fresh_key())
    levels.send_back(session, grid, reason="没有照片", by=community(session), key=fresh_key())

    assert grid.status == AssignmentStatus.IN_PROGRESS
    assert middle.due_at is not None
    assert grid.due_at == grid.answer_due_at
    assert grid.answer_due_at <= middle.due_at


@pytest.mark.parametrize("action", [Action.RETURN, Action.REWORK, Action.ACCEPT])
def test_the_centre_deals_with_the_top_only(session: Session, action: Action) -> None:
    _, _, _, grid = chain(session)
    everything = Actor(street(session).staff_id, frozenset(Role) - {Role.SERVICE}, unit_path="/")
    if action != Action.RETURN:
        answer(session, grid, everything)

    with pytest.raises(WrongState):
        cases.advance(session, grid, action, by=everything, key=fresh_key(), note="理由")


def test_a_unit_below_asks_the_one_above_and_not_the_centre_for_a_return(session: Session) -> None:
    _, lead = at_work(session)
    below = down(session, lead, COMMUNITY, street(session))

    with pytest.raises(WrongState):
        dispatching.ask_return(
            session,
            below,
            reason_code=dispatching.ReturnReason.DUPLICATE,
            basis="重复",
            by=community(session),
            key=fresh_key(),
        )


def test_ending_the_top_ends_all_below(session: Session) -> None:
    case, lead, middle, grid = chain(session)
    answer(session, grid, an_actor(session, Role.GRID_WORKER, unit=GRID))

    cases.advance(session, case, Action.WITHDRAW, by=an_actor(session, Role.DISPATCHER), key=fresh_key(), note="撤诉")

    states = {row.id: row.status for row in session.scalars(select(Assignment).where(Assignment.case_id == case.id))}
    assert states[lead.id] == states[middle.id] == AssignmentStatus.WITHDRAWN
    assert states[grid.id] == AssignmentStatus.DONE


def test_a_profile_says_how_far_down(session: Session) -> None:
    case = make_case(session, status=CaseStatus.IN_PROGRESS, unit=STREET, profile=profiles.shipped() | {"levels": 2})
    lead = lead_of(session, case)

    with pytest.raises(RuleBroken):
        down(session, lead, COMMUNITY, street(session))


def test_a_profile_may_switch_sending_down_off(session: Session) -> None:
    body = profiles.shipped()
    body["off"] = [*body["off"], "assignment:in_progress:send_down"]
    case = make_case(session, status=CaseStatus.IN_PROGRESS, unit=STREET, profile=body)

    with pytest.raises(HotlineError):
        down(session, lead_of(session, case), COMMUNITY, street(session))
