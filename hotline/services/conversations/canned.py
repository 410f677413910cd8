"""Sentences at hand for agents who write: found by any part of them, filled in for the contact."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from hotline.services.city import places
from hotline.services.conversations import conversation_rule
from hotline.services.messages import texts
from hotline.settings import get_settings
from models import Contact

MOST = 12
VARIABLES = texts.Occasion(frozenset({"number", "name", "agent", "hotline", "link"}))


@dataclass(frozen=True)
class Sentence:
    title: str
    text: str


def search(session: Session, contact: Contact, wanted: str, *, agent: str) -> Sequence[Sentence]:
    """Those whose title, code or text holds every word that was typed."""
    words = wanted.casefold().split()
    values = {
        "number": contact.reference,
        "name": contact.sender_name or "",
        "agent": agent,
        "hotline": places.hotline_name(session),
        "link": f"{get_settings().public_url}/track",
    }
    kept = conversation_rule.current(session).canned
    found = [each for each in kept if all(word in f"{each.title} {each.code} {each.text}".casefold() for word in words)]
    return [Sentence(each.title, texts.fill(each.text, values)) for each in found[:MOST]]
