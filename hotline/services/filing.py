"""From a contact and the filing form to the row of a case: what a category requires, whose number it is, which units."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hotline.errors import AlreadyTaken, Invalid, NotAllowed, RuleBroken, WrongState
from hotline.services import citizens, history, numbering, phones, search_words
from hotline.services.actors import Actor
from hotline.services.core import insert_into
from hotline.services.draft_form import DraftForm
from models import (
    Case,
    Category,
    CitizenKind,
    Contact,
    Draft,
    Rule,
    TaxonomyVersion,
    Unit,
    new_id,
    now,
)

# Filing fields as categories name them, and what of the form answers them.
ALWAYS_REQUIRED = ("request_type", "title", "content")
REQUIRED = {"place": "place_text", "occurred": "occurred", "object": "object_name"}
# A place is known as well when its area is, picked or recognised in the citizen's words.
INSTEAD = {"place_text": "area_code"}


def build(
    session: Session,
    contact: Contact,
    form: DraftForm,
    *,
    matter: int,
    first: bool,
    rule: Rule,
    filed_by_id: UUID | None,
) -> Case:
    """The case as the form says, not yet in any state. Refused if the category is unknown or lacks a field it requires."""
    if filed_by_id is None:
        raise NotAllowed()
    category = _category(session, form)
    case = Case(
        id=new_id(),
        number=contact.reference if first else numbering.next_reference(session),
        contact_id=contact.id,
        matter=matter,
        version=1,
        dispatch_count=0,
        rework_count=0,
        profile_id=rule.id,
        taxonomy_id=category.taxonomy_id,
        request_type=form.request_type,
        category_code=category.code,
        filed_by_id=filed_by_id,
        public_answer="",
    )
    _write_matter(case, form)
    _write_requester(session, case, contact, form)
    return case


def _write_matter(case: Case, form: DraftForm) -> None:
    case.urgency = form.urgency
    case.title = form.title
    case.content = form.content
    case.object_name = form.object_name
    case.occurred = form.occurred
    case.place_text = form.place_text or None
    case.township_code = form.township_code or None
    case.community_code = form.community_code or None
    case.grid_code = form.grid_code or None
    case.confidential = form.confidential
    case.unit_summary = form.unit_summary
    case.tokens = _tokens(form)


def _write_requester(session: Session, case: Case, contact: Contact, form: DraftForm) -> None:
    number = _number(form)
    case.citizen_id = contact.citizen_id or _citizen(session, form, number, confirmed_by_id=case.filed_by_id)
    case.requester_kind = form.requester_kind
    case.requester_name = form.name or None
    case.number_of_requester = number
    case.number_hash = phones.number_hash(number) if number else None
    case.acting_for = form.acting_for or None
    case.wants_callback = form.wants_callback


def filed_already(session: Session, others: Sequence[Case], matter: int, key: str) -> Case | None:
    """The case of this matter, if this key has made it; refused if another has."""
    filed = next((case for case in others if case.matter == matter), None)
    if filed is not None and history.with_key(session, filed, key) is None:
        raise RuleBroken("This matter has been filed already.")
    return filed


def refuse_stranger(contact: Contact, by: Actor) -> None:
    """A contact is filed by whoever has taken it, while it is open."""
    if contact.concluded_at is not None:
        raise WrongState()
    if contact.taken_by_id not in (None, by.staff_id):
        raise AlreadyTaken()


def _tokens(form: DraftForm) -> str:
    """Nobody else's desk ever finds a case that is shielded."""
    return "" if form.shielded else search_words.stored(search_words.words_of(form.title, form.content))


def bind_draft(session: Session, case: Case, form: DraftForm, *, keep: bool) -> None:
    """The draft is the case's from now on. Where a review comes first the form is kept as it was filed: it names the units."""
    which = {"contact_id": case.contact_id, "matter": case.matter}
    if not keep:
        session.execute(update(Draft).filter_by(**which).values(case_id=case.id))
        return
    values = {"body": form.model_dump_json(), "saved_at": now(), "case_id": case.id}
    kept = insert_into(session, Draft).values(**which, **values)
    session.execute(kept.on_conflict_do_update(index_elements=list(which), set_=values))


def units_of(session: Session, codes: Sequence[str]) -> list[Unit]:
    """The units with these codes in their order; one that is unknown or closed is refused."""
    found = {unit.code: unit for unit in session.scalars(select(Unit).where(Unit.code.in_(codes), Unit.active))}
    if missing := [code for code in codes if code not in found]:
        raise Invalid("There is no unit {code}.", field="unit", code=missing[0])
    return [found[code] for code in codes]


def _category(session: Session, form: DraftForm) -> Category:
    category = session.scalars(
        select(Category)
        .join(TaxonomyVersion, TaxonomyVersion.id == Category.taxonomy_id)
        .where(TaxonomyVersion.current, Category.code == form.category)
    ).one_or_none()
    if category is None:
        raise Invalid("Please choose a category.", field="category")
    for field in [*ALWAYS_REQUIRED, *(REQUIRED.get(needed, needed) for needed in category.required)]:
        if not getattr(form, field) and not getattr(form, INSTEAD.get(field, field)):
            raise Invalid("This field is needed to file the matter.", field=field)
    return category


def _number(form: DraftForm) -> str | None:
    if not form.number:
        return None
    number = phones.normalise(form.number)
    if number is None:
        raise Invalid("This is not a telephone number.", field="number")
    return number


def _citizen(session: Session, form: DraftForm, number: str | None, *, confirmed_by_id: UUID) -> UUID | None:
    """The citizen of this name and number, who becomes known with the first filing.

    The agent who files confirms the name. A number without a name is not a person, and a name alone is not found again.
    """
    if number is None or not form.name or form.requester_kind == CitizenKind.ANONYMOUS:
        return None
    return citizens.known(session, number, form.name, kind=form.requester_kind, confirmed_by_id=confirmed_by_id).id
