"""The centre's check of an answer, at the desk or on the spot: it passes, or goes back to the unit with the reason."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import NoteRequired, WrongState
from hotline.services import cases, checked_answer
from hotline.services.actors import Actor
from hotline.services.files.files import CheckedFile, store
from hotline.services.holding import hold
from hotline.services.profiles import profiles
from hotline.services.profiles.profiles import AskCitizen, Profile
from models import Action, Case, CaseStatus, Check, Verdict


def way_on(profile: Profile) -> Action:
    """Where a passed answer goes: to the citizen's word if that comes before the closing, else to the closing."""
    return Action.ASK_CITIZEN if profile.ask_citizen == AskCitizen.BEFORE_CLOSE else Action.CLOSE


def record_verdict(
    session: Session,
    case: Case,
    verdict: Verdict,
    *,
    remark: str = "",
    files: Sequence[CheckedFile] = (),
    by: Actor,
    key: str,
    seen: int | None = None,
) -> Check:
    """Passed: the answer becomes the case's, which is closed, or waits for the citizen's word if the profile asks first.

    What was seen on the spot is written down, whatever the verdict.
    """
    case, done = hold(session, case, key=key, seen=seen)
    if done is not None:
        return _latest(session, case)
    found = checked_answer.of_lead(session, case)
    if case.status not in checked_answer.UNDER_CHECK or found is None:
        raise WrongState()
    lead, answer = found
    on_site = case.status == CaseStatus.VERIFYING
    if (on_site or verdict == Verdict.SENT_BACK) and not remark.strip():
        raise NoteRequired(field="remark")
    if verdict == Verdict.SENT_BACK:
        cases.move(session, case, lead, Action.REWORK, by=by, key=key, note=remark)
    else:
        cases.move(session, case, case, way_on(profiles.of(session, case)), by=by, key=key, note=remark)
    check = Check(
        case_id=case.id, answer_id=answer.id, verdict=verdict, on_site=on_site, remark=remark.strip(), by_id=by.staff_id
    )
    session.add(check)
    session.flush()
    for file in files:
        store(session, file, check=check)
    return check


def _latest(session: Session, case: Case) -> Check:
    return session.scalars(select(Check).where(Check.case_id == case.id).order_by(Check.created_at.desc()).limit(1)).one()
