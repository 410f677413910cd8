"""One matter of a contact at the agent's desk: what a change in the form brings with it, and the way from draft to case."""

from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NoteRequired, RuleBroken, WrongState
from hotline.services import cases, dispatching, drafts, outbox, queueing
from hotline.services.actors import Actor
from hotline.services.cases import How
from hotline.services.city import gazetteer, places
from hotline.services.draft_form import DraftForm
from hotline.services.holding import hold_contact
from hotline.services.profiles import profiles
from hotline.services.sideways import doors
from models import Action, AreaKind, Case, Conclusion, Contact, Draft, Staff

MOST = 9
CONCLUSIONS: dict[How, Conclusion] = {
    "dispatch": Conclusion.FILED,
    "review": Conclusion.FILED,
    "answer": Conclusion.ANSWERED,
    "redirect": Conclusion.REDIRECTED,
}


def follow(session: Session, before: DraftForm, after: DraftForm, *, area: str = "") -> DraftForm:
    """The form with what its changes bring: a picked or recognised area, and the units that category and area lead to.

    A unit that the agent chose in the same step stays.
    """
    if area or after.place_text != before.place_text:
        after = _placed(session, after, area)
    moved = (after.category, after.area_code) != (before.category, before.area_code)
    if moved and after.category and after.unit == before.unit:
        after = dispatching.routed(session, after)
    return after


def _placed(session: Session, form: DraftForm, area: str) -> DraftForm:
    code = area or places.area_of(session, form.place_text)
    codes = {path.kind: path.code for path in gazetteer.area_path(session, code)} if code else {}
    if area and not codes:
        raise Invalid("This area does not exist.", field="area")
    return form.model_copy(
        update={
            "township_code": codes.get(AreaKind.TOWNSHIP),
            "community_code": codes.get(AreaKind.COMMUNITY),
            "grid_code": codes.get(AreaKind.GRID),
        }
    )


def open_next(session: Session, contact: Contact, *, by: Staff) -> int:
    """A further matter of the same contact (一事一单); returns its serial."""
    last = session.scalar(select(func.max(Draft.matter)).where(Draft.contact_id == contact.id)) or 0
    filed = session.scalar(select(func.max(Case.matter)).where(Case.contact_id == contact.id)) or 0
    serial = max(last, filed, 1) + 1
    if serial > MOST:
        raise RuleBroken("A contact has at most {most} matters.", most=MOST)
    if not last and not filed:
        # The first one has been on the screen so far; from now on it waits beside the new one.
        drafts.save(session, contact, 1, drafts.open_draft(session, contact, 1), by=by)
    drafts.save(session, contact, serial, drafts.open_draft(session, contact, serial), by=by)
    return serial


def way_of_filing(session: Session, *, for_review: bool) -> How:
    """Dispatched at once, or read by the shift leader first: where the city's profile leaves the choice, as the agent asks."""
    profile = profiles.in_force(session)
    may_review = profile.case_step(None, Action.FILE_FOR_REVIEW) is not None
    may_file = profile.case_step(None, Action.FILE) is not None
    return "review" if may_review and (for_review or not may_file) else "dispatch"


def file(
    session: Session,
    contact: Contact,
    form: DraftForm,
    *,
    matter: int,
    known: Mapping[int, Draft],
    by: Actor,
    key: str,
    how: How,
    answer: str = "",
    door: str = "",
    reason: str = "",
) -> tuple[Case, int | None, doors.Kept]:
    """Make the matter a case; conclude the contact unless one of the `known` drafts is still open, whose serial is returned.

    One that is not ours is told its right `door`, and perhaps pushed there.
    """
    if how == "redirect":
        reason = doors.right_door(session, door, reason)
    _refuse_incomplete(form, how, answer, reason)
    left = min((serial for serial, row in known.items() if row.case_id is None and serial != matter), default=None)
    ends = _conclusion(session, contact, how) if left is None else None
    case = cases.file_case(
        session, contact, form, matter=matter, by=by, key=key, how=how, answer=answer, reason=reason, conclude=ends
    )
    kept = doors.keep(session, case, door, by=by, key=key) if how == "redirect" else None
    return case, left, kept


def kept(session: Session, contact: Contact) -> dict[int, Draft]:
    """The drafts of a contact by their serial, filed ones among them."""
    rows = session.scalars(select(Draft).where(Draft.contact_id == contact.id).order_by(Draft.matter))
    return {row.matter: row for row in rows}


def ground(session: Session, contact: Contact, matter: int, *, known: Mapping[int, Draft], whole: bool) -> DraftForm:
    """What a sent form is laid over. A whole form brings all but the number, which pages never hold."""
    if matter not in known and whole:
        return DraftForm(number=contact.number or "")
    return drafts.open_draft(session, contact, matter)


def _refuse_incomplete(form: DraftForm, how: How, answer: str, reason: str) -> None:
    if form.request_type is None:
        raise Invalid("Please choose what the citizen wants.", field="request_type")
    if how == "dispatch" and not form.unit:
        raise Invalid("Please choose the responsible unit.", field="unit")
    if how == "review" and form.shielded and not form.unit_summary:
        # Whoever reviews it cannot write it any more.
        raise Invalid("The unit sees only a summary of this case: please write it.", field="unit_summary")
    if how == "answer" and not answer.strip():
        raise NoteRequired("Please write the answer.", field="answer")


def _conclusion(session: Session, contact: Contact, how: How) -> Conclusion:
    """Of several matters the one that was dispatched names the end."""
    if how in ("dispatch", "review"):
        return CONCLUSIONS[how]
    dispatched = select(Case.id).where(Case.contact_id == contact.id, Case.dispatch_count > 0)
    return Conclusion.FILED if session.scalar(dispatched.limit(1)) else CONCLUSIONS[how]


def drop(session: Session, contact: Contact, matter: int, *, by: Actor) -> None:
    """Throw away a further matter that turned out to be none; the contact ends if all others are filed."""
    contact = hold_contact(session, contact.id)
    known = kept(session, contact)
    draft = known.pop(matter, None)
    if draft is None or draft.case_id is not None or matter == 1:
        raise WrongState()
    session.delete(draft)
    session.flush()
    if all(row.case_id for row in known.values()):
        outbox.emit(session, queueing.end_filed(contact, _conclusion(session, contact, "dispatch"), by_id=by.staff_id))
