"""Whether and when a case's citizen is asked: the profile's moment, and who is left alone."""

from sqlalchemy.orm import Session

from hotline.services.profiles.profiles import AskCitizen, Profile
from hotline.services.survey_plans.rule import SurveyRule
from models import Case, CaseStatus, Citizen, ClosureKind, PlanReason


def is_moment(case: Case, profile: Profile) -> bool:
    """The case is where its profile asks."""
    return case.status == status_of(profile) and case.closure not in (None, ClosureKind.DIRECT)


def status_of(profile: Profile) -> CaseStatus:
    return CaseStatus.CALLBACK if profile.ask_citizen == AskCitizen.BEFORE_CLOSE else CaseStatus.CLOSED


def reason_to_leave(session: Session, case: Case, rule: SurveyRule) -> PlanReason | None:
    """Why this citizen is not to be asked; None if there is no reason."""
    if not case.wants_callback:
        return PlanReason.DECLINED
    citizen = session.get(Citizen, case.citizen_id) if case.citizen_id else None
    if citizen is not None and citizen.refuses_callback:
        return PlanReason.REFUSES
    if case.category_code.startswith(rule.never_categories or ("-",)):
        return PlanReason.NUISANCE
    return None


def heed_refusal(session: Session, case: Case) -> None:
    """The citizen wants no more calls of this kind: about this case, and where the citizen is known about no other."""
    case.wants_callback = False
    citizen = session.get(Citizen, case.citizen_id) if case.citizen_id else None
    if citizen is not None:
        citizen.refuses_callback = True
