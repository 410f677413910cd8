"""The two tables hold together: every state is reached, every open one has a way out, an owner and a clock."""

import pytest

from models import Action, AssignmentStatus, CaseStatus, Role
from models.workflow import (
    ASSIGNMENT,
    ASSIGNMENT_OPEN,
    CASE,
    CASE_FINAL,
    CASE_OPEN,
    NOTED,
    Standing,
    Step,
    diagram,
    open_actions,
    row_name,
    row_names,
)


def test_every_case_state_is_reached_from_filing() -> None:
    assert {row.to for row in CASE.values()} == set(CaseStatus)


def test_every_assignment_state_is_reached_from_dispatch() -> None:
    assert {row.to for row in ASSIGNMENT.values()} == set(AssignmentStatus)


@pytest.mark.parametrize("status", sorted(CASE_OPEN | {CaseStatus.CLOSED}))
def test_a_case_that_is_not_final_has_a_way_out(status: CaseStatus) -> None:
    assert [row for (origin, _), row in CASE.items() if origin == status and row.by] != []


@pytest.mark.parametrize("status", sorted(CASE_FINAL))
def test_only_a_second_look_leads_out_of_a_final_state(status: CaseStatus) -> None:
    ways = {action: row for (origin, action), row in CASE.items() if origin == status}

    assert set(ways) == (set() if status == CaseStatus.ARCHIVED else {Action.REOPEN})
    assert all(row.to == CaseStatus.TO_DISPATCH and row.needs_note for row in ways.values())


@pytest.mark.parametrize("status", sorted(CASE_OPEN))
def test_whatever_leads_into_an_open_case_state_starts_a_clock(status: CaseStatus) -> None:
    assert {row.clock for row in CASE.values() if row.to == status and row.clock is None} == set()


@pytest.mark.parametrize("status", sorted(ASSIGNMENT_OPEN))
def test_whatever_leads_into_an_open_assignment_state_starts_a_clock(status: AssignmentStatus) -> None:
    assert {row.clock for row in ASSIGNMENT.values() if row.to == status and row.clock is None} == set()


def test_every_row_names_who_may_take_it() -> None:
    assert [key for table in (CASE, ASSIGNMENT) for key, row in table.items() if not row.by] == []


def test_the_service_closes_archives_and_says_what_citizens_and_the_police_say() -> None:
    by_service = {action for (_, action), row in CASE.items() if Role.SERVICE in row.by}

    assert by_service == {Action.CLOSE, Action.ARCHIVE, Action.WITHDRAW, Action.REOPEN}
    assert Role.SERVICE in CASE[CaseStatus.REDIRECTED, Action.REOPEN].by
    assert Role.SERVICE not in CASE[CaseStatus.WITHDRAWN, Action.REOPEN].by


def test_no_unit_withdraws_a_case() -> None:
    assert not any({Role.LIAISON, Role.GRID_WORKER} & row.by for (_, action), row in CASE.items() if action == Action.WITHDRAW)


def test_what_ends_a_matter_without_an_answer_needs_a_reason() -> None:
    ends = (CaseStatus.REDIRECTED, CaseStatus.VOID, CaseStatus.WITHDRAWN)

    assert [key for key, row in CASE.items() if row.to in ends and not row.needs_note] == []


def test_noted_actions_move_nothing() -> None:
    assert {action for _, action in [*CASE, *ASSIGNMENT]} & NOTED == set()


MAIN_LINE = [
    (None, Action.FILE, CaseStatus.TO_DISPATCH),
    (CaseStatus.TO_DISPATCH, Action.DISPATCH, CaseStatus.DISPATCHED),
    (CaseStatus.DISPATCHED, Action.SIGN, CaseStatus.IN_PROGRESS),
    (CaseStatus.IN_PROGRESS, Action.ANSWER, CaseStatus.ANSWERED),
    (CaseStatus.ANSWERED, Action.CLOSE, CaseStatus.CLOSED),
    (CaseStatus.CLOSED, Action.ARCHIVE, CaseStatus.ARCHIVED),
]


@pytest.mark.parametrize(("origin", "action", "to"), MAIN_LINE)
def test_the_main_line_leads_from_filing_to_the_archive(origin: CaseStatus, action: Action, to: CaseStatus) -> None:
    step: Step = CASE[origin, action]

    assert step.to == to


def test_a_desk_is_offered_what_its_roles_may_do() -> None:
    assert open_actions(CaseStatus.ANSWERED, [Role.VERIFIER]) == (
        Action.REWORK,
        Action.VERIFY,
        Action.ASK_CITIZEN,
        Action.CLOSE,
    )
    assert open_actions(CaseStatus.ANSWERED, [Role.AGENT]) == ()
    assert open_actions(AssignmentStatus.DISPATCHED, [Role.LIAISON]) == (Action.SIGN,)
    below = open_actions(AssignmentStatus.DISPATCHED, [Role.GRID_WORKER], standing=Standing.BELOW)
    assert below == (Action.SIGN, Action.SEND_UP)


def test_what_was_sent_down_goes_up_again_and_never_past_the_unit_above() -> None:
    of_child = {action for (_, action), row in ASSIGNMENT.items() if Standing.BELOW in row.of}

    assert of_child & {Action.RETURN, Action.REWORK, Action.ACCEPT, Action.CALL_IN, Action.DISPATCH} == set()
    assert of_child >= {Action.SEND_UP, Action.SEND_BACK, Action.SEND_DOWN, Action.SIGN, Action.ANSWER, Action.WITHDRAW}


def test_a_desk_is_not_offered_what_is_switched_off() -> None:
    off = {row_name("case", CaseStatus.ANSWERED, Action.VERIFY), row_name("case", CaseStatus.ANSWERED, Action.ASK_CITIZEN)}

    assert open_actions(CaseStatus.ANSWERED, [Role.VERIFIER], off) == (Action.REWORK, Action.CLOSE)


def test_rows_are_named_by_table_state_and_action() -> None:
    assert {"case:new:file", "case:answered:close", "assignment:new:dispatch"} <= row_names()
    assert len(row_names()) == len(CASE) + len(ASSIGNMENT)


def test_the_diagram_draws_every_row() -> None:
    assert diagram().count("-->") == len(CASE) + len(ASSIGNMENT)
