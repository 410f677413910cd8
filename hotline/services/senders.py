"""Whom a screen names where there may be no number: a caller who hides it, a citizen who writes by WeChat or mail."""

from hotline.services.queue_rule import VOICE
from hotline.words import word
from models import Contact
from models.privacy import mask_number


def masked_caller(number: str | None) -> str:
    return mask_number(number) if number else "未显号码"


def masked_sender(contact: Contact) -> str:
    """The number, masked; else what is true of one who came this way without any."""
    if contact.channel == VOICE:
        return masked_caller(contact.number)
    if contact.number is None and contact.conversation_id is not None:
        return f"{word('channel', contact.channel)}用户"
    return mask_number(contact.number)
