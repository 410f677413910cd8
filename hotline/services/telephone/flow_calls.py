"""What a call's flow asks of the service: which flow comes first, what to keep of what the caller did, how far a case is."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, TooMany
from hotline.services import opening_hours, phones, surveys, tracking
from hotline.services.sideways import refused_calls
from hotline.services.survey_plans import moment
from hotline.services.survey_plans.traces import Origin
from hotline.services.telephone import call_rows, callbacks, calling, telephone_rule
from models import Callback, CallbackReason, CallbackTry, Case, CaseStatus, Contact, Grade, Survey, now
from models.base import CITY_TIME

log = logging.getLogger(__name__)

SHORT_NUMBER = 14  # day and serial, without the area's six digits
DAY, SERIAL = slice(0, 8), slice(8, None)
# Flows that a city switches on; all others are always there.
OPTIONAL = frozenset(telephone_rule.Flows.model_fields)

# By keys: 5 is the best.
GRADES = dict(zip("54321", Grade, strict=True))

# The exchange itself announces a message and a kept place; who answered a survey's call is told by what follows.
TOLD_OTHERWISE = frozenset({"message", "callback", "reached"})
# What a survey asks. The last one is stored together with those before it.
ASKED = ("solved", "result_grade", "unit_grade")

# Noted of a call whose caller hears the state.
TOLD_STATE = "progress"
# Every other state is the end of a case.
PROGRESS = {
    CaseStatus.UNDER_REVIEW: "received",
    CaseStatus.TO_DISPATCH: "received",
    CaseStatus.DISPATCHED: "in_progress",
    CaseStatus.IN_PROGRESS: "in_progress",
    CaseStatus.REOPENED: "in_progress",
    CaseStatus.ANSWERED: "answered",
    CaseStatus.VERIFYING: "answered",
    CaseStatus.CALLBACK: "answered",
}
ENDED = "closed"
STATES = frozenset({*PROGRESS.values(), ENDED})


@dataclass(frozen=True)
class Entry:
    """How a call begins: its flow, and the queue of the number that was dialled."""

    flow: str
    queue: str
    wait_seconds: int
    given: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """A look-up's answer in the flow's words."""

    name: str
    values: Mapping[str, str] = field(default_factory=dict)


def entry(session: Session, *, called: str, caller: str) -> Entry:
    rule = telephone_rule.current(session)
    until = refused_calls.until(session, caller)
    flow = rule.entry(now()) if until is None else refused_calls.FLOW
    return Entry(flow, rule.queue_of(called), rule.longest_wait, until or {})


def allows(session: Session, flow: str) -> bool:
    """Whether the city has switched this flow on."""
    return bool(telephone_rule.current(session).flows.model_dump()[flow])


def keep(session: Session, linkedid: str, what: str, told: Mapping[str, str]) -> None:
    """A fact that the caller told by a key, with those told before in this call.

    Told twice it is the same; one that means nothing here is noted in the log.
    """
    value = told[what]
    if what == "agent_grade" and value in GRADES:
        # The call may not be known yet: whoever follows the exchange can be away.
        call_rows.hold(session, linkedid, at=now()).rating = int(value)
    elif what == "callback" and value == "wanted":
        call = call_rows.hold(session, linkedid, at=now())
        _call_back(session, session.get_one(Contact, call.contact_id))
    elif what in ASKED:
        _keep_survey(session, linkedid, told)
    elif what == TOLD_STATE:
        calling.self_served(session, linkedid, at=now())
    elif what == "refusal":
        calling.turned_away(session, linkedid, at=now())
    elif what == "do_not_call":
        _never_again(session, linkedid)
    elif what not in TOLD_OTHERWISE:
        log.warning("a flow told what nobody keeps", extra={"linkedid": linkedid, "what": what})


def _call_back(session: Session, contact: Contact) -> None:
    """Asked for outside the hours: owed when they begin again."""
    if contact.number:
        rule = telephone_rule.current(session)
        due_at = callbacks.next_allowed(rule.callbacks, opening_hours.opens_at(rule.hours, now()))
        callbacks.owe(session, reason=CallbackReason.REQUESTED, number=contact.number, due_at=due_at, contact_id=contact.id)


def _keep_survey(session: Session, linkedid: str, told: Mapping[str, str]) -> None:
    """Once all is answered; who hangs up before that has answered nothing."""
    if not all(name in told for name in ASKED):
        return
    callback = _placed_for(session, linkedid)
    if callback is None or callback.survey_id is None:
        log.warning("a survey was answered in a call that was not placed for one", extra={"linkedid": linkedid})
        return
    surveys.record_answers(
        session,
        session.get_one(Survey, callback.survey_id),
        way="keypad",
        solved=told["solved"] == "yes",
        result=GRADES[told["result_grade"]],
        unit=GRADES[told["unit_grade"]],
        origin=Origin(number_hash=callback.number_hash),
    )


def _never_again(session: Session, linkedid: str) -> None:
    """The citizen wants no more calls of this kind."""
    case = _case_of(session, _placed_for(session, linkedid))
    if case is None:
        log.warning("nothing is known that this call was placed for", extra={"linkedid": linkedid})
    else:
        moment.heed_refusal(session, case)


def _placed_for(session: Session, linkedid: str) -> Callback | None:
    """Why we placed this call, whose channel has the id of its command; known before the call itself is."""
    try:
        command_id = UUID(linkedid)
    except ValueError:
        return None
    tried = select(Callback).join(CallbackTry, CallbackTry.callback_id == Callback.id)
    return session.scalar(tried.where(CallbackTry.command_id == command_id))


def _case_of(session: Session, callback: Callback | None) -> Case | None:
    if callback is None:
        return None
    survey = session.get(Survey, callback.survey_id) if callback.survey_id else None
    case_id = survey.case_id if survey else callback.case_id
    return session.get(Case, case_id) if case_id else None


def reported_on(session: Session, linkedid: str) -> Mapping[str, str]:
    """Month and day on which the citizen reported what we ask about; empty for a call that was placed for nothing of the kind."""
    case = _case_of(session, _placed_for(session, linkedid))
    if case is None:
        return {}
    day = case.created_at.astimezone(CITY_TIME)
    return {"month": str(day.month), "day": str(day.day)}


def case_progress(session: Session, values: Mapping[str, str], *, caller: str) -> Outcome:
    """The state only, to whoever has number and code and rings from the number that the matter came from."""
    number = _whole_number(session, values.get("case_number", ""))
    try:
        contact = tracking.unlock(session, number, values.get("query_code", ""), address=f"telephone {caller}")
    except Invalid:
        return Outcome("not_found")
    except TooMany:
        return Outcome("too_many")
    case = session.scalar(select(Case).where(Case.number == number))
    if phones.normalise(caller) != contact.number or not contact.number:
        return Outcome("not_found")
    if contact.confidential or (case is not None and case.confidential):
        return Outcome("not_told")
    if case is None:
        return Outcome(ENDED if contact.concluded_at else "received")
    return Outcome(PROGRESS.get(case.status, ENDED))


def _whole_number(session: Session, typed: str) -> str:
    """990181-20261121-000123 of the digits alone, the area's own left out or not."""
    digits = "".join(filter(str.isdigit, typed))
    area, rest = digits[:-SHORT_NUMBER], digits[-SHORT_NUMBER:]
    tail = f"{rest[DAY]}-{rest[SERIAL]}"
    if area:
        return f"{area}-{tail}"
    found = session.scalar(select(Contact.reference).where(Contact.reference.endswith(tail, autoescape=True)).limit(1))
    return found or tail
