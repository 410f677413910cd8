"""Words of citizens that the model in use has never read; nothing that tells of a person or a place. Reads only."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from hotline.services import triage
from hotline.services.learning.deidentifying import masked
from models import Area, Case, Contact, Direction, Message, PlaceName, RequestType

MOST_TEXTS, SHOWN = 400, 30
# A word that so many people use tells of none of them.
FEWEST_CONTACTS = 3
# What stands for a name or an address that was taken out.
TAKEN_OUT = "某"
# Three days, a dozen: an amount is no new matter.
AMOUNTS = "一二两三四五六七八九十百千万几半"


@dataclass(frozen=True)
class Unseen:
    texts: int
    words: int
    unknown: int
    # By how many contacts each was used.
    most: Sequence[tuple[str, int]]

    @property
    def share(self) -> float:
        return self.unknown / self.words if self.words else 0.0


def unseen(session: Session) -> Unseen | None:
    """Over the latest messages of concluded contacts; None where this process has no model."""
    model = triage.current()
    if model is None:
        return None
    rows = session.execute(_latest()).all()
    found = list(model.unknown_words([masked(row.text, (row.sender_name,)) for row in rows]))
    by_word: Counter[str] = Counter()
    for word, _ in {(word, row.contact_id) for row, (_, words) in zip(rows, found, strict=True) for word in words}:
        by_word[word] += 1
    often = [
        (word, count)
        for word, count in by_word.items()
        if count >= FEWEST_CONTACTS and TAKEN_OUT not in word and word[0] not in AMOUNTS
    ]
    places = _places(session) if often else ""
    most = sorted((each for each in often if each[0] not in places), key=lambda each: (-each[1], each[0]))[:SHOWN]
    return Unseen(len(rows), sum(count for count, _ in found), sum(len(words) for _, words in found), most)


def _latest() -> Select[UUID, str, str | None]:
    shielded = select(Case.id).where(
        Case.contact_id == Contact.id, or_(Case.confidential, Case.request_type == RequestType.REPORT)
    )
    return (
        select(Message.contact_id, Message.text, Contact.sender_name)
        .join(Contact, Contact.id == Message.contact_id)
        .where(Message.direction == Direction.IN, Contact.concluded_at.is_not(None), ~Contact.confidential, ~shielded.exists())
        .order_by(Message.id.desc())
        .limit(MOST_TEXTS)
    )


def _places(session: Session) -> str:
    """Every name of a place, one a line, to look a word up in."""
    names = session.scalars(select(PlaceName.name).union(select(PlaceName.canonical), select(Area.name)))
    return "\n".join(name.lower() for name in names)
