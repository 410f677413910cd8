"""Makers of cases: they go the way that people go, by the services, so that every row and event is there."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from hotline.services import answers, cases, checks, dispatching
from hotline.services.actors import Actor
from hotline.services.drafts import DraftForm
from hotline.services.profiles import profiles
from models import (
    Action,
    Assignment,
    Case,
    CaseEvent,
    CaseStatus,
    ClosureKind,
    Contact,
    OutgoingMessage,
    RequestType,
    Role,
    Unit,
    Verdict,
    new_id,
)
from tests.factories import make_staff, unit_of
from tests.factories_contacts import make_contact

_serial = count(1)
CATEGORY = "0102"  # 垃圾清运, led by CGJ with the township assisting
LEAD, ASSIST = "CGJ", "T001"


def fresh_key() -> str:
    return new_id().hex


def an_actor(session: Session, *roles: Role, unit: str = "") -> Actor:
    """A new member of staff in these roles, in the unit if one is named."""
    staff = make_staff(session, roles=roles, unit=unit)
    return Actor(staff.id, frozenset(roles), unit_of(session, unit).path if unit else "")


def liaison_of(session: Session, assignment: Assignment) -> Actor:
    return an_actor(session, Role.LIAISON, unit=session.get_one(Unit, assignment.unit_id).code)


def a_form(**values: Any) -> DraftForm:
    return DraftForm.model_validate(
        {
            "request_type": RequestType.COMPLAINT,
            "category": CATEGORY,
            "title": "垃圾没人清",
            "content": "小区门口的垃圾三天没人清运。",
            "place_text": "滨江路12号",
            "township_code": "990181001",
            "name": "王某",
            "number": "13800000172",
            **values,
        }
    )


def make_case(
    session: Session,
    *,
    status: CaseStatus = CaseStatus.TO_DISPATCH,
    unit: str = LEAD,
    assists: tuple[str, ...] = (),
    contact: Contact | None = None,
    profile: dict[str, Any] | None = None,
    **form: Any,
) -> Case:
    """A case brought to a state along the main line: to dispatch, dispatched, in progress, answered, callback or closed."""
    if profile is not None:
        profiles.install(session, f"test{next(_serial)}", profile)
    agent = an_actor(session, Role.AGENT, Role.DISPATCHER)
    case = cases.file_case(
        session, contact or make_contact(session), a_form(**form), matter=1, by=agent, key=fresh_key(), how="dispatch"
    )
    for step in _way_to(status):
        step(session, case, unit, assists)
    assert case.status == status
    return case


def file_for_review(session: Session, **form: Any) -> str:
    """The number of a case that the shift leader has to read first, in a city whose profile in force has that step."""
    by = an_actor(session, Role.AGENT)
    filled = a_form(unit=LEAD, assist_units=[ASSIST], dispatch_note="请优先处理", **form)
    contact = make_contact(session)
    return cases.file_case(session, contact, filled, matter=1, by=by, key=fresh_key(), how="review").number


def _way_to(status: CaseStatus) -> list[Any]:
    line: dict[CaseStatus, list[Any]] = {
        CaseStatus.TO_DISPATCH: [],
        CaseStatus.DISPATCHED: [dispatch],
        CaseStatus.IN_PROGRESS: [dispatch, sign],
        CaseStatus.ANSWERED: [dispatch, sign, answer],
        CaseStatus.CALLBACK: [dispatch, sign, answer, check],
        CaseStatus.CLOSED: [dispatch, sign, answer, check],
    }
    return line[status]


def dispatch(session: Session, case: Case, unit: str = LEAD, assists: tuple[str, ...] = ()) -> Assignment:
    helpers = [unit_of(session, code) for code in assists]
    by = an_actor(session, Role.DISPATCHER)
    return dispatching.dispatch(session, case, unit_of(session, unit), assists=helpers, by=by, key=fresh_key())


def sign(session: Session, case: Case, *_: object) -> None:
    lead = lead_of(session, case)
    dispatching.sign(session, lead, by=liaison_of(session, lead), key=fresh_key())


def answer(session: Session, case: Case, *_: object) -> None:
    lead = lead_of(session, case)
    answers.submit_answer(
        session,
        lead,
        public_text="垃圾已清运，今后每天清运两次。",
        closure=ClosureKind.SOLVED,
        by=liaison_of(session, lead),
        key=fresh_key(),
    )


def check(session: Session, case: Case, *_: object) -> None:
    checks.record_verdict(session, case, Verdict.PASSED, by=an_actor(session, Role.VERIFIER), key=fresh_key())


def lead_of(session: Session, case: Case) -> Assignment:
    """The lead's latest assignment."""
    return session.scalars(
        select(Assignment)
        .where(Assignment.case_id == case.id, Assignment.lead)
        .order_by(Assignment.dispatched_at.desc(), Assignment.id.desc())
        .limit(1)
    ).one()


def assists_of(session: Session, case: Case) -> list[Assignment]:
    return list(session.scalars(select(Assignment).where(Assignment.case_id == case.id, ~Assignment.lead)))


def events_of(session: Session, case: Case) -> list[CaseEvent]:
    return list(session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.serial)))


def told(session: Session, case: Case, purpose: str) -> list[OutgoingMessage]:
    """What the citizen was written of the case for this purpose."""
    rows = select(OutgoingMessage).where(OutgoingMessage.case_id == case.id, OutgoingMessage.purpose == purpose)
    return list(session.scalars(rows))


def send_back(session: Session, case: Case, remark: str = "没有说明处理结果") -> None:
    by = an_actor(session, Role.VERIFIER)
    checks.record_verdict(session, case, Verdict.SENT_BACK, remark=remark, by=by, key=fresh_key())


def reopen(session: Session, case: Case) -> None:
    by = an_actor(session, Role.VERIFIER)
    cases.advance(session, case, Action.REOPEN, by=by, key=fresh_key(), note="市民反映没有清运")


def asks_before_closing() -> dict[str, Any]:
    """A profile in which the citizen is asked before the case is closed."""
    body = profiles.shipped()
    body["ask_citizen"] = "before_close"
    body["off"] = [
        row
        for row in body["off"]
        if row not in {"case:answered:ask_citizen", "case:callback:rework", "case:callback:close", "assignment:done:rework"}
    ]
    return body


def with_reviews() -> dict[str, Any]:
    """A profile with every row of the tables on."""
    body = profiles.shipped() | {"off": [], "ask_citizen": "before_close"}
    body["limits"] = body["limits"] | {"review": "2h", "verify": "1wd"}
    return body


@contextmanager
def counting(engine: Engine) -> Iterator[list[str]]:
    """The statements that the block sends; savepoints are not counted."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)
