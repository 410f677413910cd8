"""Filing forms as typed so far: filled from suggestion and contact at first, then kept as they are left."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from hotline.errors import NotAllowed, RuleBroken, WrongState
from hotline.services import triage
from hotline.services.city import gazetteer
from hotline.services.core import insert_into
from hotline.services.draft_form import DraftForm as DraftForm
from hotline.services.plain_text import without_label
from hotline.services.profiles import profiles
from hotline.services.profiles.profiles import FirstUnit, Profile
from hotline.services.queue_rule import VOICE
from models import Area, AreaKind, Contact, Draft, RequestType, Staff, now

LONGEST_TITLE = 40
LONGEST_WHO = 32  # a name and a number; longer is a sentence of its own
BARE_CHOICE = re.compile(r"[0-9]")
AREAS = ("township_code", "community_code", "grid_code")
# What guided questions ask for.
TOLD = ("place_text", *AREAS, "occurred", "name", "number")

Said = Mapping[str, Any] | None


def open_draft(session: Session, contact: Contact, matter: int) -> DraftForm:
    """The draft as it was left, or a new one. The suggestion fills the first matter only: it read one text."""
    saved = _saved(session, contact, matter)
    return saved or _new(session, contact, matter, triage.suggested_of(session, contact), profiles.in_force(session))


def reopened(session: Session, contact: Contact, matter: int, row: Draft | None, suggestion: Said, profile: Profile) -> DraftForm:
    """The same for a screen. What is written down of a call is read while it goes on: its suggestion fills what is still open."""
    saved = DraftForm.model_validate_json(row.body) if row is not None else None
    if saved is None:
        return _new(session, contact, matter, suggestion, profile)
    return suggested(session, contact, saved, suggestion, profile) if contact.channel == VOICE and matter == 1 else saved


def _saved(session: Session, contact: Contact, matter: int) -> DraftForm | None:
    row = session.get(Draft, (contact.id, matter))
    return DraftForm.model_validate_json(row.body) if row is not None else None


def _new(session: Session, contact: Contact, matter: int, suggestion: Said, profile: Profile) -> DraftForm:
    path = gazetteer.area_path(session, contact.grid_code or "")
    filled = _from_contact(contact, path)
    if matter != 1:
        return filled
    return _for_area(filled.model_copy(update=_first_matter(session, contact, suggestion)), path, profile)


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


def suggested(session: Session, contact: Contact, form: DraftForm, suggestion: Said, profile: Profile) -> DraftForm:
    """The form with the newest suggestion in the fields that are still open."""
    filled = _first_matter(session, contact, suggestion)
    open_fields = {name: value for name, value in filled.items() if value and not getattr(form, name)}
    needs_path = form.area_code is None or profile.first_unit == FirstUnit.AREA
    path = gazetteer.area_path(session, form.area_code or contact.grid_code or "") if needs_path else []
    area = _from_contact(contact, path) if form.area_code is None else form
    places = {name: getattr(area, name) for name in AREAS}
    filled_in = form.model_copy(update={**open_fields, **places})
    return filled_in if form.unit else _for_area(filled_in, path, profile)


def _for_area(form: DraftForm, path: Sequence[Area], profile: Profile) -> DraftForm:
    """Where the city gives every matter to its street first, the unit that was suggested assists it."""
    street = next((area.unit_code for area in path if area.kind == AreaKind.TOWNSHIP), None)
    if street is None or profile.first_unit != FirstUnit.AREA:
        return form
    return form.model_copy(update={"unit": street, "assist_units": [form.unit] if form.unit not in ("", street) else []})


def told(session: Session, contact: Contact, known: DraftForm | None = None) -> dict[str, str]:
    """What the citizen has told so far, by the fields of the first matter: for those that are still empty on a screen.

    A `known` form of the same grid spares looking for what the grid lies in.
    """
    same_place = known is not None and known.grid_code == contact.grid_code
    form = _from_contact(contact, [] if same_place else gazetteer.area_path(session, contact.grid_code or ""))
    if known is not None and same_place:
        form = form.model_copy(update={name: getattr(known, name) for name in AREAS})
    return {name: value for name in TOLD if (value := getattr(form, name))}


def _from_contact(contact: Contact, path: Sequence[Area]) -> DraftForm:
    codes = {f"{area.kind}_code": area.code for area in path}
    return DraftForm(
        urgency=contact.urgency,
        place_text=(contact.place_text or "")[:200],
        occurred=contact.occurred_text,
        **{name: codes.get(name) for name in AREAS},
        requester_kind=contact.sender_kind,
        name=(contact.sender_name or "")[:64],
        number=(contact.number or "")[:32],
        confidential=contact.confidential,
    )


def _first_matter(session: Session, contact: Contact, suggestion: Said) -> dict[str, object]:
    body = suggestion or {}
    kind = contact.wished_kind or body.get("request_type", "")
    content = _without_answers(contact, triage.text_of(session, contact))[:20_000]
    # Of a contact that began with a picture the first words are the title.
    title = contact.subject if without_label(contact.subject) else content.partition("\n")[0]
    return {
        "request_type": RequestType(kind) if kind in set(RequestType) else None,
        "category": _top(body, "category"),
        "unit": _top(body, "unit"),
        "title": title[:LONGEST_TITLE],
        "content": content,
    }


def _without_answers(contact: Contact, content: str) -> str:
    """What was asked for stands in fields of its own: where, when, and above all who, which units need not read."""
    if contact.conversation_id is None:
        return content
    asked = {contact.place_text, contact.occurred_text}
    lines = content.splitlines()
    return "\n".join(
        line
        for line in lines
        if line == lines[0] or not (line.strip() in asked or BARE_CHOICE.fullmatch(line.strip()) or _is_who(contact, line))
    )


def _is_who(contact: Contact, line: str) -> bool:
    digits = "".join(filter(str.isdigit, line))
    national = (contact.number or "").removeprefix("+86")
    return bool(national) and digits.endswith(national) and len(line) <= LONGEST_WHO


def _top(body: Mapping[str, Any], field: str) -> str:
    ranked = body.get(field) or [{"code": ""}]
    return str(ranked[0]["code"])
