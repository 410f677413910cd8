"""Filing forms as typed so far: filled from suggestion and contact at first, then kept as they are left."""

from typing import Any

from sqlalchemy.orm import Session

from hotline.errors import NotAllowed, RuleBroken, WrongState
from hotline.services import gazetteer, triage
from hotline.services.core import insert_into
from hotline.services.draft_form import DraftForm as DraftForm
from hotline.services.queue_rule import VOICE
from models import AreaKind, Contact, Draft, RequestType, Staff, now

LONGEST_TITLE = 40


def open_draft(session: Session, contact: Contact, matter: int) -> DraftForm:
    """The draft as it was left, or a new one. The suggestion fills the first matter only: it read one text."""
    return _saved(session, contact, matter) or _new(session, contact, matter)


def reopened(session: Session, contact: Contact, matter: int) -> DraftForm:
    """The same for a screen. What is written down of a call is read while it goes on: its suggestion fills what is still open."""
    saved = _saved(session, contact, matter)
    if saved is None:
        return _new(session, contact, matter)
    return suggested(session, contact, saved) if contact.channel == VOICE and matter == 1 else saved


def _saved(session: Session, contact: Contact, matter: int) -> DraftForm | None:
    row = session.get(Draft, (contact.id, matter))
    return DraftForm.model_validate_json(row.body) if row is not None else None


def _new(session: Session, contact: Contact, matter: int) -> DraftForm:
    filled = _from_contact(session, contact)
    return filled.model_copy(update=_first_matter(session, contact)) if matter == 1 else filled


def save(session: Session, contact: Contact, matter: int, form: DraftForm, *, by: Staff) -> None:
    """Keep the form; only the person who has taken the contact writes it, and not after the matter is filed."""
    if contact.concluded_at is not None:
        raise WrongState("This contact is concluded.")
    if contact.taken_by_id != by.id:
        raise NotAllowed("Only the person who has taken this contact, or the shift leader, may do this.")
    values = {"body": form.model_dump_json(), "saved_at": now()}
    saved = session.scalars(
        insert_into(session, Draft)
        .values(contact_id=contact.id, matter=matter, **values)
        .on_conflict_do_update(index_elements=["contact_id", "matter"], set_=values, where=Draft.case_id.is_(None))
        .returning(Draft),
        execution_options={"populate_existing": True},
    ).one_or_none()
    if saved is None:
        raise RuleBroken("This matter has been filed already.")


def suggested(session: Session, contact: Contact, form: DraftForm) -> DraftForm:
    """The form with the newest suggestion in the fields that are still open."""
    open_fields = {name: value for name, value in _first_matter(session, contact).items() if value and not getattr(form, name)}
    area = _from_contact(session, contact) if form.area_code is None else form
    places = {name: getattr(area, name) for name in ("township_code", "community_code", "grid_code")}
    return form.model_copy(update={**open_fields, **places})


def _from_contact(session: Session, contact: Contact) -> DraftForm:
    codes = {f"{area.kind}_code": area.code for area in gazetteer.area_path(session, contact.grid_code or "")}
    return DraftForm(
        urgency=contact.urgency,
        place_text=(contact.place_text or "")[:200],
        township_code=codes.get(f"{AreaKind.TOWNSHIP}_code"),
        community_code=codes.get(f"{AreaKind.COMMUNITY}_code"),
        grid_code=codes.get(f"{AreaKind.GRID}_code"),
        requester_kind=contact.sender_kind,
        name=(contact.sender_name or "")[:64],
        number=(contact.number or "")[:32],
        confidential=contact.confidential,
    )


def _first_matter(session: Session, contact: Contact) -> dict[str, object]:
    suggestion = triage.latest(session, contact.id)
    body = suggestion.body if suggestion else {}
    kind = contact.wished_kind or body.get("request_type", "")
    return {
        "request_type": RequestType(kind) if kind in set(RequestType) else None,
        "category": _top(body, "category"),
        "unit": _top(body, "unit"),
        "title": contact.subject[:LONGEST_TITLE],
        "content": triage.text_of(session, contact)[:20_000],
    }


def _top(body: dict[str, Any], field: str) -> str:
    ranked = body.get(field) or [{"code": ""}]
    return str(ranked[0]["code"])
