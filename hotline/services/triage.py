"""What the classifier says of a contact, and what a person made of it. Without a classifier everything else still works."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

import classifier
from classifier import ModelUnusable
from hotline import db
from hotline.errors import Unavailable
from hotline.events import CallTold, ContactSuggested, MessageReceived
from hotline.services import gazetteer, outbox, queueing
from hotline.services.actors import Actor
from hotline.services.draft_form import DraftForm
from hotline.services.queue_rule import VOICE
from hotline.settings import Settings
from models import Case, Contact, Decision, Direction, Draft, Message, Suggestion, Urgency

if TYPE_CHECKING:
    from classifier.model import Classifier

log = logging.getLogger(__name__)

# Beyond this a text repeats itself; the classifier reads no more.
LONGEST_TEXT = 4000
FEW_WORDS = 6

_held: "Classifier | None" = None


def use(held: "Classifier | None") -> None:
    """Hand the classifier to this process."""
    global _held
    _held = held


def current() -> "Classifier | None":
    return _held


def start(settings: Settings) -> "Classifier | None":
    """Load the model with the names of the database's places; if it is absent or broken the log says so."""
    try:
        with db.reading() as session:
            places = gazetteer.load(session)
        use(classifier.load(settings.model_dir, places))
    except (ModelUnusable, OSError, Unavailable) as error:
        log.warning("no classifier: contacts get no suggestion", extra={"reason": str(error)})
        use(None)
    return current()


def suggest_text(text: str, *, area: str | None = None) -> dict[str, Any] | None:
    """The suggestion for a text, as `hotline suggest` prints it; None without a classifier or without words."""
    if _held is None or not text.strip():
        return None
    return _held.predict(text[:LONGEST_TEXT], area=area).as_dict()


def predict(session: Session, event: MessageReceived | CallTold) -> dict[str, Any] | None:
    """The thinking that comes before the transaction of `suggest`; None when there is nothing left to suggest."""
    contact = session.get(Contact, event.contact_id)
    if contact is None or contact.concluded_at is not None:
        return None
    return suggest_text(text_of(session, contact) or told_of(session, contact), area=contact.grid_code)


def text_of(session: Session, contact: Contact) -> str:
    """What the citizen has written in this contact, in order, with the place named beside it."""
    texts = session.scalars(
        select(Message.text)
        .where(Message.contact_id == contact.id, Message.direction == Direction.IN, Message.case_id.is_(None))
        .order_by(Message.received_at)
    )
    return "\n".join(text for text in texts if text)


def told_of(session: Session, contact: Contact) -> str:
    """What the agent has written down of a call: the content of its first matter."""
    draft = session.get(Draft, (contact.id, 1))
    return DraftForm.model_validate_json(draft.body).content if draft is not None else ""


def hear(session: Session, contact: Contact, before: DraftForm, after: DraftForm) -> None:
    """A caller writes nothing: what the agent writes down is read instead, as soon as there are a few words of it."""
    if contact.channel == VOICE and after.content != before.content and len(after.content) >= FEW_WORDS:
        outbox.emit(session, CallTold(contact.id))


def suggest(session: Session, contact: Contact, body: dict[str, Any]) -> Suggestion:
    """Keep the suggestion; what it says of urgency only ever raises it, and a place that the citizen picked stays."""
    suggestion = Suggestion(contact_id=contact.id, model_version=body["model_version"], body=body)
    session.add(suggestion)
    queueing.raise_urgency(session, contact, Urgency(body["urgency"]["level"]))
    contact.grid_code = contact.grid_code or _area_of(body["place"])
    outbox.emit(session, ContactSuggested(contact.id))
    return suggestion


def _area_of(place: Mapping[str, Any]) -> str | None:
    smallest: str | None = place["grid"] or place["community"] or place["township"]
    return smallest


def latest(session: Session, contact_id: UUID) -> Suggestion | None:
    return session.scalars(
        select(Suggestion)
        .where(Suggestion.contact_id == contact_id)
        .order_by(Suggestion.created_at.desc(), Suggestion.id.desc())
        .limit(1)
    ).one_or_none()


def suggested_of(session: Session, contact: Contact) -> Mapping[str, Any] | None:
    found = latest(session, contact.id)
    return found.body if found else None


def record_decisions(session: Session, case: Case, draft: DraftForm, *, by: Actor) -> None:
    """Beside each field that was suggested for the first matter, what the person decided: the next training set."""
    suggestion = latest(session, case.contact_id) if case.matter == 1 else None
    suggested = _suggested(suggestion.body) if suggestion else {}
    decided = {
        "request_type": draft.request_type,
        "category": draft.category,
        "unit": draft.unit,
        "urgency": draft.urgency,
        "place": draft.area_code,
    }
    session.add_all(
        Decision(
            case_id=case.id,
            suggestion_id=suggestion.id if suggestion else None,
            field=field,
            suggested=suggested.get(field, ""),
            decided=value,
            by_id=by.staff_id,
        )
        for field, value in decided.items()
        if value
    )


def _suggested(body: Mapping[str, Any]) -> dict[str, str]:
    return {
        "request_type": body["request_type"],
        "category": body["category"][0]["code"],
        "unit": body["unit"][0]["code"],
        "urgency": body["urgency"]["level"],
        "place": _area_of(body["place"]) or "",
    }
