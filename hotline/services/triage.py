"""What the classifier says of a contact, and what a person made of it. Without a classifier everything else still works."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

import classifier
from classifier import City, Gazetteer, ModelUnusable
from hotline import db
from hotline.errors import Unavailable
from hotline.events import CallTold, ContactSuggested, MessageReceived
from hotline.services import outbox, queueing
from hotline.services.actors import Actor
from hotline.services.city import city_today, gazetteer
from hotline.services.draft_form import DraftForm
from hotline.services.learning import model_versions
from hotline.services.learning.model_versions import InUse
from hotline.services.plain_text import without_label
from hotline.services.queue_rule import VOICE
from hotline.settings import Settings, get_settings
from models import Case, Contact, Decision, Direction, Draft, Message, ShadowSuggestion, Suggestion, Urgency

if TYPE_CHECKING:
    from classifier.model import Classifier

log = logging.getLogger(__name__)

FEW_WORDS = 6

# How long a process goes on with its model, and with the categories and units it knows, after they were changed.
LOOKS_EVERY = 30.0

_held: "Classifier | None" = None
_shadow: "Classifier | None" = None
_in_use: InUse | None = None  # what was last taken up; None while the process holds what it was handed
_city: City | None = None
_looked_at = 0.0


def use(held: "Classifier | None", *, shadow: "Classifier | None" = None) -> None:
    """Hand the classifier to this process."""
    global _held, _shadow, _in_use
    _held, _shadow, _in_use = held, shadow, None


def current() -> "Classifier | None":
    return _held


def start(settings: Settings) -> "Classifier | None":
    """Load the model in use with the names of the database's places; if it is absent or broken the log says so."""
    global _in_use, _looked_at
    use(None)
    try:
        with db.reading() as session:
            _in_use, _looked_at = InUse(), time.monotonic()
            _take_up(session, settings, model_versions.in_use(session))
    except Unavailable as error:
        log.warning("the model in use is not known", extra={"reason": str(error)})
    if _held is None:
        log.warning("no classifier: contacts get no suggestion")
    return current()


def keep_up(session: Session, settings: Settings) -> None:
    """Take up what was promoted or edited since, without a restart. A process that was handed its model by `use` keeps that."""
    global _looked_at
    if _in_use is None or time.monotonic() - _looked_at < LOOKS_EVERY:
        return
    _looked_at = time.monotonic()
    chosen = model_versions.in_use(session)
    if chosen != _in_use:
        _take_up(session, settings, chosen)
    elif (city := city_today.load(session)) != _city:
        _know(city)


def _take_up(session: Session, settings: Settings, chosen: InUse) -> None:
    """A model that cannot be loaded leaves the former one in use, and is not tried again until another is chosen."""
    global _held, _shadow, _in_use
    places = gazetteer.load(session)
    _held = _loaded(chosen.current, settings, places) or _held or _instead(chosen, settings, places)
    _shadow = _loaded(chosen.shadow, settings, places) if chosen.shadow is not None else None
    _in_use = chosen
    _know(city_today.load(session))


def _instead(chosen: InUse, settings: Settings, places: Gazetteer) -> "Classifier | None":
    """A process that starts while the chosen model is broken takes the one before it, or the shipped one."""
    names = [each for each in dict.fromkeys([chosen.former, model_versions.SHIPPED]) if each not in {None, chosen.current}]
    return next((found for each in names if each is not None and (found := _loaded(each, settings, places))), None)


def _know(city: City | None) -> None:
    global _city
    _city = city
    for each in (_held, _shadow):
        if each is not None:
            each.know(city)


def _loaded(name: str, settings: Settings, places: Gazetteer) -> "Classifier | None":
    try:
        return classifier.load(model_versions.folder(name, settings), places)
    except (ModelUnusable, OSError) as error:
        log.warning("a model cannot be used", extra={"model": name, "reason": str(error)})
        return None


def suggest_text(text: str, *, area: str | None = None) -> dict[str, Any] | None:
    """The suggestion for a text, as `hotline suggest` prints it; None without a classifier or without words."""
    if _held is None or not text.strip():
        return None
    return _held.predict(text, area=area).as_dict()


@dataclass(frozen=True)
class Thought:
    """What the model in use says of a contact, and what the one that only listens does."""

    body: dict[str, Any]
    shadow: dict[str, Any] | None = None


def think(session: Session, event: MessageReceived | CallTold) -> Thought | None:
    """The thinking that comes before the transaction of `suggest`; None when there is nothing left to suggest."""
    keep_up(session, get_settings())
    asked = _asked(session, event)
    body = suggest_text(asked.text, area=asked.area) if asked else None
    return Thought(body, _beside(asked)) if asked and body is not None else None


def predict(session: Session, event: MessageReceived | CallTold) -> dict[str, Any] | None:
    """What the model in use says of a contact; None when there is nothing left to suggest."""
    asked = _asked(session, event)
    return suggest_text(asked.text, area=asked.area) if asked else None


@dataclass(frozen=True)
class _Asked:
    text: str
    area: str | None


def _asked(session: Session, event: MessageReceived | CallTold) -> _Asked | None:
    contact = session.get(Contact, event.contact_id)
    if contact is None or contact.concluded_at is not None:
        return None
    return _Asked(text_of(session, contact) or told_of(session, contact), contact.grid_code)


def _beside(asked: _Asked) -> dict[str, Any] | None:
    """A model in shadow never costs the one in use its suggestion."""
    if _shadow is None:
        return None
    try:
        return _shadow.predict(asked.text, area=asked.area).as_dict()
    except Exception:
        log.exception("the model in shadow failed")
        return None


def text_of(session: Session, contact: Contact) -> str:
    """What the citizen has written in this contact, in order, with the place named beside it; files without words say nothing."""
    texts = session.scalars(
        select(Message.text)
        .where(Message.contact_id == contact.id, Message.direction == Direction.IN, Message.case_id.is_(None))
        .order_by(Message.received_at)
    )
    return "\n".join(text for text in texts if without_label(text))


def told_of(session: Session, contact: Contact) -> str:
    """What the agent has written down of a call: the content of its first matter."""
    draft = session.get(Draft, (contact.id, 1))
    return DraftForm.model_validate_json(draft.body).content if draft is not None else ""


def hear(session: Session, contact: Contact, before: DraftForm, after: DraftForm) -> None:
    """A caller writes nothing: what the agent writes down is read instead, as soon as there are a few words of it."""
    if contact.channel == VOICE and after.content != before.content and len(after.content) >= FEW_WORDS:
        outbox.emit(session, CallTold(contact.id))


def suggest(session: Session, contact: Contact, body: dict[str, Any], shadow: dict[str, Any] | None = None) -> Suggestion:
    """Keep the suggestion; what it says of urgency only ever raises it, and a place that the citizen picked stays."""
    suggestion = Suggestion(contact_id=contact.id, model_version=body["model_version"], body=body)
    session.add(suggestion)
    if shadow is not None and shadow["model_version"] != body["model_version"]:
        session.add(ShadowSuggestion(suggestion=suggestion, model_version=shadow["model_version"], body=shadow))
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


def correct_decision(session: Session, case: Case, field: str, value: str, *, by: Actor) -> None:
    """What was decided first turned out wrong: what stands in the end teaches, the case's history keeps the former."""
    latest = select(Decision).where(Decision.case_id == case.id, Decision.field == field).order_by(Decision.id.desc()).limit(1)
    row = session.scalars(latest).one_or_none()
    if row is None:
        session.add(Decision(case_id=case.id, field=field, decided=value, by_id=by.staff_id))
    elif by.staff_id is not None:
        row.decided, row.by_id = value, by.staff_id


def _suggested(body: Mapping[str, Any]) -> dict[str, str]:
    return {
        "request_type": body["request_type"],
        "category": body["category"][0]["code"],
        "unit": body["unit"][0]["code"],
        "urgency": body["urgency"]["level"],
        "place": _area_of(body["place"]) or "",
    }
