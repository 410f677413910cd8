"""What decisions teach: citizens' words without persons, each with the category and kind that stood in the end. Reads only."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from classifier import City
from classifier.types import Example
from hotline.services.city import city_today
from hotline.services.learning.deidentifying import masked
from models import Case, Category, Contact, Decision, Direction, Message, RequestType

MOST_CASES = 15_000
SHORTEST = 4
_BATCH = 500


def examples(session: Session) -> list[Example]:
    """The newest decided cases, the oldest of them first; confidential ones and reports teach nothing."""
    city = city_today.load(session)
    if city is None:
        return []
    labels = _labels(session, city)
    found: dict[tuple[str, str], Example] = {}
    rows = session.execute(_decided()).all()[::-1]
    for batch in (rows[at : at + _BATCH] for at in range(0, len(rows), _BATCH)):
        texts = _written(session, [row.contact_id for row in batch])
        for row in batch:
            label = labels.get((row.taxonomy_id, row.category_code))
            text = _text_of(row, texts.get(row.contact_id, ""))
            if label and len(text) >= SHORTEST:
                found[text, label] = Example(text, {"category": label, "request_type": str(row.request_type)})
    return list(found.values())


def _decided() -> Select[UUID, UUID, UUID, str, RequestType, str, str | None, str | None, str | None]:
    """The first matter of a contact: the whole of what was written is about it."""
    return (
        select(
            Case.id,
            Case.contact_id,
            Case.taxonomy_id,
            Case.category_code,
            Case.request_type,
            Case.content,
            Case.requester_name,
            Case.acting_for,
            Contact.sender_name,
        )
        .join(Contact, Contact.id == Case.contact_id)
        .join(Decision, (Decision.case_id == Case.id) & (Decision.field == "category"))
        .where(Case.matter == 1, ~Case.confidential, ~Contact.confidential, Case.request_type != RequestType.REPORT)
        .order_by(Case.id.desc())
        .limit(MOST_CASES)
    )


def _labels(session: Session, city: City) -> dict[tuple[UUID, str], str]:
    """Of each category of each edition the second level, as it is called today; without those that are gone."""
    rows = session.execute(select(Category.taxonomy_id, Category.code, Category.name, Category.level, Category.parent_code)).all()
    names = {(row.taxonomy_id, row.code): row.name for row in rows}
    labels = {}
    for row in rows:
        second = row.parent_code if row.level > city_today.SUGGESTED_LEVEL else row.code
        if row.level >= city_today.SUGGESTED_LEVEL and (now := city.category_now(second, names.get((row.taxonomy_id, second)))):
            labels[row.taxonomy_id, row.code] = now
    return labels


def _written(session: Session, contact_ids: Sequence[UUID]) -> Mapping[UUID, str]:
    """As the classifier reads it: all that the citizen wrote, in order."""
    texts: dict[UUID, list[str]] = {}
    rows = session.execute(
        select(Message.contact_id, Message.text)
        .where(Message.contact_id.in_(contact_ids), Message.direction == Direction.IN, Message.case_id.is_(None))
        .order_by(Message.received_at)
    )
    for contact_id, text in rows:
        if text:
            texts.setdefault(contact_id, []).append(text)
    return {contact_id: "\n".join(some) for contact_id, some in texts.items()}


def _text_of(row: Row[UUID, UUID, UUID, str, RequestType, str, str | None, str | None, str | None], written: str) -> str:
    """Of a call it is what the agent wrote down."""
    return masked(written or row.content, (row.requester_name, row.acting_for, row.sender_name))
