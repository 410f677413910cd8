"""The two tables that move cases and assignments: which action leads where, who may take it, what it needs.

`services.cases.advance` alone applies them. A profile may switch rows off; it never adds any. Names follow GB/T 33358-2016 and
the seven steps of the Pingyao practice (docs/workflow.md has the diagram drawn from here).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    AGENT = "agent"
    CALLBACK_AGENT = "callback_agent"
    SHIFT_LEADER = "shift_leader"
    DISPATCHER = "dispatcher"
    VERIFIER = "verifier"
    QUALITY_JUDGE = "quality_judge"
    LIAISON = "liaison"
    GRID_WORKER = "grid_worker"
    SUPERVISOR = "supervisor"
    ADMINISTRATOR = "administrator"
    SERVICE = "service"  # the program itself: timetable and consequences; never given to a person


# Who acts for a unit, and for it alone.
UNIT_ROLES = frozenset({Role.LIAISON, Role.GRID_WORKER})


class CaseStatus(StrEnum):
    UNDER_REVIEW = "under_review"
    TO_DISPATCH = "to_dispatch"
    DISPATCHED = "dispatched"
    IN_PROGRESS = "in_progress"
    ANSWERED = "answered"
    VERIFYING = "verifying"
    CALLBACK = "callback"
    CLOSED = "closed"
    REOPENED = "reopened"
    ARCHIVED = "archived"
    REDIRECTED = "redirected"
    WITHDRAWN = "withdrawn"
    VOID = "void"


class AssignmentStatus(StrEnum):
    DISPATCHED = "dispatched"
    IN_PROGRESS = "in_progress"
    ANSWERED = "answered"
    DONE = "done"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


class Action(StrEnum):
    FILE = "file"
    FILE_FOR_REVIEW = "file_for_review"
    ANSWER_DIRECTLY = "answer_directly"
    REDIRECT = "redirect"
    DISMISS = "dismiss"
    APPROVE = "approve"
    DISPATCH = "dispatch"
    SIGN = "sign"
    RETURN = "return"
    ANSWER = "answer"
    REWORK = "rework"
    ACCEPT = "accept"
    VERIFY = "verify"
    ASK_CITIZEN = "ask_citizen"
    CLOSE = "close"
    REOPEN = "reopen"
    WITHDRAW = "withdraw"
    ARCHIVE = "archive"
    # Between units: down a level, back up, back down to be done again, and a call to join (吹哨报到).
    SEND_DOWN = "send_down"
    SEND_UP = "send_up"
    SEND_BACK = "send_back"
    CALL_IN = "call_in"
    # Recorded in the history without a change of state.
    REMARK = "remark"
    URGE = "urge"
    REQUEST = "request"
    REFUSE = "refuse"
    MARK = "mark"
    SURVEY = "survey"
    MEET = "meet"
    # So are these, of which several move a due time.
    EXTEND = "extend"
    PAUSE = "pause"
    RESUME = "resume"
    ARBITRATE = "arbitrate"
    CLEAR = "clear"
    SHELVE = "shelve"
    RECOUNT = "recount"
    # What was filed is put right: category, place, unit; and what is pushed to the police platform.
    CORRECT = "correct"
    PUSH = "push"
    # Brought in from an older system, and what that system had noted of it; never taken by anybody here.
    IMPORT = "import"


class Clock(StrEnum):
    """Which time limit of the profile runs while a case or assignment is in a state."""

    REVIEW = "review"
    DISPATCH = "dispatch"
    SIGN = "sign"
    ANSWER = "answer"
    CHECK = "check"
    VERIFY = "verify"
    CALLBACK = "callback"
    DECIDE = "decide"


class Standing(StrEnum):
    """Where in the tree of a case an assignment stands."""

    LEAD = "lead"
    ASSIST = "assist"
    BELOW = "below"  # sent down by the unit above, which answers for it


TOP = frozenset({Standing.LEAD, Standing.ASSIST})


@dataclass(frozen=True)
class Step:
    """One row: where the action leads, who may take it, whether it needs a note, the clock that starts, and whose row it is."""

    to: CaseStatus | AssignmentStatus
    by: frozenset[Role]
    needs_note: bool = False
    clock: Clock | None = None
    of: frozenset[Standing] = frozenset(Standing)


def step(
    to: CaseStatus | AssignmentStatus,
    *by: Role,
    note: bool = False,
    clock: Clock | None = None,
    of: frozenset[Standing] = frozenset(Standing),
) -> Step:
    return Step(to, frozenset(by), note, clock, of)


C, U, A, R, K = CaseStatus, AssignmentStatus, Action, Role, Clock
UNIT = (R.LIAISON, R.GRID_WORKER)
LEAD, BELOW = frozenset({Standing.LEAD}), frozenset({Standing.BELOW})
DESK = (R.AGENT, R.SHIFT_LEADER, R.DISPATCHER)
# Who hears from a citizen that a matter is withdrawn: the desks, or the service where it was said with the code or in a thread.
HEARS = (R.AGENT, R.CALLBACK_AGENT, R.DISPATCHER, R.SHIFT_LEADER, R.SERVICE)

CASE: Mapping[tuple[CaseStatus | None, Action], Step] = {
    # 2 案卷建立
    (None, A.FILE): step(C.TO_DISPATCH, *DESK, clock=K.DISPATCH),
    (None, A.FILE_FOR_REVIEW): step(C.UNDER_REVIEW, *DESK, clock=K.REVIEW),
    (None, A.ANSWER_DIRECTLY): step(C.CLOSED, *DESK, note=True),
    (None, A.REDIRECT): step(C.REDIRECTED, *DESK, note=True),
    (C.UNDER_REVIEW, A.APPROVE): step(C.TO_DISPATCH, R.SHIFT_LEADER, clock=K.DISPATCH),
    (C.UNDER_REVIEW, A.REDIRECT): step(C.REDIRECTED, R.SHIFT_LEADER, note=True),
    (C.UNDER_REVIEW, A.DISMISS): step(C.VOID, R.SHIFT_LEADER, note=True),
    (C.UNDER_REVIEW, A.WITHDRAW): step(C.WITHDRAWN, *HEARS, note=True),
    # 3 任务派遣
    (C.TO_DISPATCH, A.DISPATCH): step(C.DISPATCHED, *DESK, clock=K.SIGN),
    (C.TO_DISPATCH, A.ANSWER_DIRECTLY): step(C.CLOSED, R.DISPATCHER, R.SHIFT_LEADER, note=True),
    (C.TO_DISPATCH, A.REDIRECT): step(C.REDIRECTED, R.DISPATCHER, R.SHIFT_LEADER, note=True),
    (C.TO_DISPATCH, A.DISMISS): step(C.VOID, R.DISPATCHER, R.SHIFT_LEADER, note=True),
    (C.TO_DISPATCH, A.WITHDRAW): step(C.WITHDRAWN, *HEARS, note=True),
    # 4 任务处理: follows the lead assignment
    (C.DISPATCHED, A.SIGN): step(C.IN_PROGRESS, R.LIAISON, R.GRID_WORKER, clock=K.ANSWER),
    (C.DISPATCHED, A.RETURN): step(C.TO_DISPATCH, R.DISPATCHER, note=True, clock=K.DISPATCH),
    (C.DISPATCHED, A.WITHDRAW): step(C.WITHDRAWN, *HEARS, note=True),
    (C.IN_PROGRESS, A.RETURN): step(C.TO_DISPATCH, R.DISPATCHER, note=True, clock=K.DISPATCH),
    (C.IN_PROGRESS, A.WITHDRAW): step(C.WITHDRAWN, *HEARS, note=True),
    # 5 处理反馈
    (C.IN_PROGRESS, A.ANSWER): step(C.ANSWERED, R.LIAISON, R.GRID_WORKER, clock=K.CHECK),
    # 6 核查结案
    (C.ANSWERED, A.REWORK): step(C.IN_PROGRESS, R.VERIFIER, note=True, clock=K.ANSWER),
    (C.ANSWERED, A.VERIFY): step(C.VERIFYING, R.VERIFIER, clock=K.VERIFY),
    (C.ANSWERED, A.ASK_CITIZEN): step(C.CALLBACK, R.VERIFIER, clock=K.CALLBACK),
    (C.ANSWERED, A.CLOSE): step(C.CLOSED, R.VERIFIER),
    (C.VERIFYING, A.REWORK): step(C.IN_PROGRESS, R.VERIFIER, note=True, clock=K.ANSWER),
    (C.VERIFYING, A.ASK_CITIZEN): step(C.CALLBACK, R.VERIFIER, clock=K.CALLBACK),
    (C.VERIFYING, A.CLOSE): step(C.CLOSED, R.VERIFIER),
    (C.CALLBACK, A.REWORK): step(C.IN_PROGRESS, R.VERIFIER, R.CALLBACK_AGENT, note=True, clock=K.ANSWER),
    (C.CALLBACK, A.CLOSE): step(C.CLOSED, R.VERIFIER, R.CALLBACK_AGENT, R.SERVICE),
    (C.CLOSED, A.REOPEN): step(
        C.REOPENED,
        R.VERIFIER,
        R.CALLBACK_AGENT,
        R.SHIFT_LEADER,
        note=True,
        clock=K.DECIDE,
    ),
    (C.CLOSED, A.ARCHIVE): step(C.ARCHIVED, R.SERVICE),
    (C.REOPENED, A.DISPATCH): step(C.DISPATCHED, R.DISPATCHER, R.VERIFIER, clock=K.SIGN),
    (C.REOPENED, A.CLOSE): step(C.CLOSED, R.VERIFIER, R.SHIFT_LEADER, note=True),
    (C.REOPENED, A.WITHDRAW): step(C.WITHDRAWN, *HEARS, note=True),
    # A second look at what ended without an answer: the citizen appeals, the one who withdrew is asked, 110 gives it back.
    (C.REDIRECTED, A.REOPEN): step(C.TO_DISPATCH, R.SHIFT_LEADER, R.SERVICE, note=True, clock=K.DISPATCH),
    (C.VOID, A.REOPEN): step(C.TO_DISPATCH, R.SHIFT_LEADER, note=True, clock=K.DISPATCH),
    (C.WITHDRAWN, A.REOPEN): step(C.TO_DISPATCH, R.SHIFT_LEADER, R.CALLBACK_AGENT, note=True, clock=K.DISPATCH),
}

ASSIGNMENT: Mapping[tuple[AssignmentStatus | None, Action], Step] = {
    (None, A.DISPATCH): step(U.DISPATCHED, *DESK, R.VERIFIER, clock=K.SIGN, of=TOP),
    (None, A.SEND_DOWN): step(U.DISPATCHED, R.LIAISON, clock=K.SIGN, of=BELOW),
    (None, A.CALL_IN): step(U.DISPATCHED, R.LIAISON, R.DISPATCHER, note=True, clock=K.SIGN, of=frozenset({Standing.ASSIST})),
    (U.DISPATCHED, A.SIGN): step(U.IN_PROGRESS, *UNIT, clock=K.ANSWER),
    (U.DISPATCHED, A.RETURN): step(U.RETURNED, R.DISPATCHER, note=True, of=TOP),
    (U.DISPATCHED, A.SEND_UP): step(U.RETURNED, *UNIT, note=True, of=BELOW),
    (U.DISPATCHED, A.WITHDRAW): step(U.WITHDRAWN, R.DISPATCHER, R.SHIFT_LEADER, note=True),
    (U.IN_PROGRESS, A.ANSWER): step(U.ANSWERED, *UNIT, clock=K.CHECK),
    (U.IN_PROGRESS, A.RETURN): step(U.RETURNED, R.DISPATCHER, note=True, of=TOP),
    (U.IN_PROGRESS, A.SEND_UP): step(U.RETURNED, *UNIT, note=True, of=BELOW),
    # Whoever sends down or calls others in keeps the assignment, and its clock runs on.
    (U.IN_PROGRESS, A.SEND_DOWN): step(U.IN_PROGRESS, R.LIAISON, clock=K.ANSWER),
    (U.IN_PROGRESS, A.CALL_IN): step(U.IN_PROGRESS, R.LIAISON, R.DISPATCHER, note=True, clock=K.ANSWER, of=LEAD),
    (U.IN_PROGRESS, A.WITHDRAW): step(U.WITHDRAWN, R.DISPATCHER, R.SHIFT_LEADER, note=True),
    (U.ANSWERED, A.REWORK): step(U.IN_PROGRESS, R.VERIFIER, R.CALLBACK_AGENT, note=True, clock=K.ANSWER, of=TOP),
    (U.ANSWERED, A.SEND_BACK): step(U.IN_PROGRESS, R.LIAISON, note=True, clock=K.ANSWER, of=BELOW),
    (U.ANSWERED, A.ACCEPT): step(U.DONE, R.VERIFIER, of=TOP),
    # A case that waits for the citizen's word may still send its accepted assignments back to work.
    (U.DONE, A.REWORK): step(U.IN_PROGRESS, R.VERIFIER, R.CALLBACK_AGENT, note=True, clock=K.ANSWER, of=TOP),
}

# Over, unless somebody looks again; only the archive is for good.
CASE_FINAL = frozenset({C.ARCHIVED, C.REDIRECTED, C.WITHDRAWN, C.VOID})
CASE_OPEN = frozenset(set(C) - CASE_FINAL - {C.CLOSED})
# A unit owes an answer: by the case, which follows its lead, and by each assignment.
CASE_AT_UNIT = frozenset({C.DISPATCHED, C.IN_PROGRESS})
AT_UNIT = frozenset({U.DISPATCHED, U.IN_PROGRESS})
ASSIGNMENT_OPEN = frozenset({U.DISPATCHED, U.IN_PROGRESS, U.ANSWERED})
# The unit does it once more, with the whole time for its answer.
BEGINS_AGAIN = frozenset({A.REWORK, A.SEND_BACK})
# Without a change of state, but part of the history all the same.
NOTED = frozenset(
    {
        A.REMARK,
        A.URGE,
        A.REQUEST,
        A.REFUSE,
        A.MARK,
        A.SURVEY,
        A.MEET,
        A.EXTEND,
        A.PAUSE,
        A.RESUME,
        A.ARBITRATE,
        A.CLEAR,
        A.SHELVE,
        A.RECOUNT,
        A.CORRECT,
        A.PUSH,
    }
)


def table_of(
    status: CaseStatus | AssignmentStatus,
) -> Mapping[tuple[CaseStatus | AssignmentStatus | None, Action], Step]:
    return CASE if isinstance(status, CaseStatus) else ASSIGNMENT  # type: ignore[return-value]


def row_name(table: str, origin: CaseStatus | AssignmentStatus | None, action: Action) -> str:
    """How a profile names a row that it switches off: case:answered:close, assignment:new:dispatch."""
    return f"{table}:{origin or 'new'}:{action}"


def row_names() -> frozenset[str]:
    """Every row that exists; a profile that names another one is refused."""
    tables = (("case", CASE), ("assignment", ASSIGNMENT))
    return frozenset(row_name(name, origin, action) for name, rows in tables for origin, action in rows)


def open_actions(
    status: CaseStatus | AssignmentStatus,
    roles: Iterable[Role],
    switched_off: Iterable[str] = (),
    *,
    standing: Standing = Standing.LEAD,
) -> tuple[Action, ...]:
    """What these roles may do in this state: the desks draw exactly these buttons. `standing` is an assignment's."""
    mine, off = set(roles), set(switched_off)
    table = "case" if isinstance(status, CaseStatus) else "assignment"
    return tuple(
        action
        for (origin, action), row in table_of(status).items()
        if origin == status and row_name(table, origin, action) not in off and row.by & mine and standing in row.of
    )


def diagram() -> str:
    """Both tables as Mermaid state diagrams, for docs/workflow.md."""
    case = [f"  {origin or '[*]'} --> {row.to}: {action}" for (origin, action), row in CASE.items()]
    assignment = [f"  {origin or '[*]'} --> {row.to}: {action}" for (origin, action), row in ASSIGNMENT.items()]
    return "\n".join(_drawn("Case", case) + _drawn("Assignment", assignment))


def _drawn(name: str, arrows: list[str]) -> list[str]:
    return [f"## {name}", "", "```mermaid", "stateDiagram-v2", *arrows, "```", ""]
