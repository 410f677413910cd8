"""What follows from each event (`hotline/timetable.py` has what the clock brings): every handler a few lines, one service each.

A handler runs at least once, in a transaction; `handled_message` makes a repeat harmless. `prepare` is for slow thinking (the
classifier): it runs before the transaction, on a look at the database, and its result is handed to the handler.
"""

from typing import Any

from sqlalchemy.orm import Session

from hotline import errands as errands
from hotline.events import (
    AlertCleared,
    AlertRaised,
    AssignmentAdvanced,
    CalendarChanged,
    CallTold,
    CaseAdvanced,
    CaseFiled,
    CaseNoted,
    CaseSupervised,
    ClockRang,
    ContactConcluded,
    Event,
    FollowerBehind,
    IncidentUpdated,
    MessageReceived,
    ReportSigned,
    RequestDecided,
    SignalNoted,
    SurveyAnswered,
    SurveyLapsed,
    UnitReportDue,
    UnitSucceeded,
)
from hotline.handling import HANDLERS as HANDLERS
from hotline.handling import handles
from hotline.services import same_matter, scoring, surveys, triage
from hotline.services.alerts import telling as alert_telling
from hotline.services.clocks import recounting
from hotline.services.conversations import automatic
from hotline.services.incidents import following
from hotline.services.incidents import telling as incident_telling
from hotline.services.learning import duties
from hotline.services.messages import notices
from hotline.services.monthly import reports
from hotline.services.monthly.months import Month
from hotline.services.reference import succession
from hotline.services.rosters import notices as unit_notices
from hotline.services.searching import indexing
from hotline.services.sideways import second_look
from hotline.services.survey_plans import control, plans, talks
from hotline.services.systems import telling as system_telling
from models import (
    Action,
    Alert,
    AssignmentStatus,
    Case,
    CaseStatus,
    Contact,
    MonthlyReport,
    Request,
    RequestKind,
    Survey,
)

# After these nobody is asked any more about how it was before.
LEAVE_THE_CITIZEN = frozenset({Action.REOPEN, Action.REWORK, Action.WITHDRAW})
# After these a case may be found by other words: put right, shielded; answered, or to be answered anew. So it is once a
# unit more holds it.
MAY_CHANGE_WORDS = frozenset(
    {Action.CORRECT, Action.MARK, Action.ANSWER_DIRECTLY, Action.REDIRECT, Action.ASK_CITIZEN, Action.CLOSE, Action.REOPEN}
)


@handles(MessageReceived, CallTold, prepare=triage.think)
def suggest_category(session: Session, event: MessageReceived | CallTold, thought: triage.Thought | None) -> None:
    if thought is not None:
        triage.suggest(session, session.get_one(Contact, event.contact_id), thought.body, thought.shadow)


@handles(MessageReceived, prepare=automatic.think)
def answer_by_itself(session: Session, event: MessageReceived, body: dict[str, Any] | None) -> None:
    automatic.hear(session, event, body)


@handles(SignalNoted)
def answer_signal(session: Session, event: SignalNoted) -> None:
    automatic.answer_signal(session, event.signal_id)


@handles(CaseFiled)
def tie_same_matter(session: Session, event: CaseFiled) -> None:
    same_matter.tie(session, session.get_one(Case, event.case_id))


@handles(CaseFiled, CaseAdvanced, CaseNoted, AssignmentAdvanced)
def index_words(session: Session, event: CaseFiled | CaseAdvanced | CaseNoted | AssignmentAdvanced) -> None:
    if isinstance(event, AssignmentAdvanced):
        changed = event.to_status == AssignmentStatus.DISPATCHED
    else:
        changed = isinstance(event, CaseFiled) or event.action in MAY_CHANGE_WORDS
    if changed:
        indexing.index(session, session.get_one(Case, event.case_id))


@handles(CaseFiled, CaseAdvanced)
def tell_citizen(session: Session, event: CaseFiled | CaseAdvanced) -> None:
    notices.tell_citizen(session, session.get_one(Case, event.case_id))


@handles(CaseAdvanced)
def draw_withdrawn(session: Session, event: CaseAdvanced) -> None:
    if event.action == Action.WITHDRAW:
        second_look.draw(session, session.get_one(Case, event.case_id))


@handles(CaseAdvanced, CaseNoted)
def move_incident(session: Session, event: CaseAdvanced | CaseNoted) -> None:
    if isinstance(event, CaseAdvanced) or event.action in following.MOVES_CLOCK:
        following.hear(session, event.case_id)


@handles(FollowerBehind)
def follow_lead(session: Session, event: FollowerBehind) -> None:
    following.follow(session, event.case_id)


@handles(IncidentUpdated)
def tell_incident(session: Session, event: IncidentUpdated) -> None:
    incident_telling.tell(session, event.update_id)


@handles(CalendarChanged)
def recount_due_times(session: Session, event: CalendarChanged) -> None:
    recounting.recount(session)


@handles(RequestDecided)
def tell_decision(session: Session, event: RequestDecided) -> None:
    notices.tell_decision(session, session.get_one(Request, event.request_id))


@handles(CaseAdvanced)
def invite_citizen(session: Session, event: CaseAdvanced) -> None:
    case = session.get_one(Case, event.case_id)
    if event.to_status in (CaseStatus.CLOSED, CaseStatus.CALLBACK):
        surveys.invite(session, case)
    elif event.action in LEAVE_THE_CITIZEN:
        plans.end_moved_on(session, case)


@handles(ContactConcluded)
def invite_to_rate(session: Session, event: ContactConcluded) -> None:
    talks.invite(session, session.get_one(Contact, event.contact_id))


@handles(SurveyAnswered, SurveyLapsed)
def follow_survey(session: Session, event: SurveyAnswered | SurveyLapsed) -> None:
    surveys.follow_up(session, session.get_one(Survey, event.survey_id))


@handles(CaseAdvanced, CaseNoted, SurveyAnswered, SurveyLapsed)
def score_case(session: Session, event: CaseAdvanced | CaseNoted | SurveyAnswered | SurveyLapsed) -> None:
    if isinstance(event, CaseAdvanced) and event.to_status != CaseStatus.CLOSED:
        return
    # A closed case may still be tied to another one as its repeat, or parted from it.
    if not isinstance(event, CaseNoted) or event.action == Action.MARK:
        scoring.score_case(session, session.get_one(Case, event.case_id))


@handles(RequestDecided)
def score_ruled_case(session: Session, event: RequestDecided) -> None:
    request = session.get_one(Request, event.request_id)
    if request.kind == RequestKind.REOPENING:
        scoring.score_case(session, session.get_one(Case, request.case_id))


@handles(SurveyAnswered)
def draw_control(session: Session, event: SurveyAnswered) -> None:
    survey = session.get_one(Survey, event.survey_id)
    if (answer := surveys.latest_answer(session, survey)) is not None:
        control.draw(session, survey, answer)


@handles(RequestDecided)
def learn_duty(session: Session, event: RequestDecided) -> None:
    duties.hear(session, session.get_one(Request, event.request_id))


@handles(AlertRaised)
def tell_alert(session: Session, event: AlertRaised) -> None:
    alert_telling.tell_raised(session, session.get_one(Alert, event.alert_id))


@handles(AlertCleared)
def tell_alert_is_over(session: Session, event: AlertCleared) -> None:
    alert_telling.tell_cleared(session, session.get_one(Alert, event.alert_id))


@handles(ReportSigned)
def send_report(session: Session, event: ReportSigned) -> None:
    reports.send(session, session.get_one(MonthlyReport, event.report_id))


@handles(UnitReportDue)
def write_unit_report(session: Session, event: UnitReportDue) -> None:
    reports.write_for_unit(session, Month.parse(event.month), event.unit_code, by_id=event.staff_id)


@handles(AssignmentAdvanced)
def owe_notice_of_step(session: Session, event: AssignmentAdvanced) -> None:
    unit_notices.hear_step(session, event)


@handles(ClockRang)
def owe_notice_of_clock(session: Session, event: ClockRang) -> None:
    unit_notices.hear_clock(session, event)


@handles(CaseSupervised)
def owe_notice_of_measure(session: Session, event: CaseSupervised) -> None:
    unit_notices.hear_measure(session, event)


@handles(AssignmentAdvanced, CaseNoted, ClockRang, CaseSupervised, RequestDecided)
def tell_systems(session: Session, event: Event) -> None:
    system_telling.tell(session, event)


@handles(UnitSucceeded)
def take_over_unit(session: Session, event: UnitSucceeded) -> None:
    succession.take_over(session, event)
