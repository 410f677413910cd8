"""Whose a thread is: a number is bound to it by a code that was sent there, or by an agent who has asked.

On the screen it is "this account" until then (a number is not a person).
"""

import hmac
import re
import secrets
from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from hotline.errors import Invalid, RuleBroken
from hotline.services import access, citizens, phones
from hotline.services.access import Me
from hotline.services.conversations import conversation_rule, threads
from hotline.services.holding import hold_contact
from hotline.services.messages import outgoing
from hotline.words import say
from models import Citizen, CitizenKind, Contact, Conversation, Message, NumberBinding, new_id, now, privacy

TRIES = 5
BIND = "bind"
_ASKED = re.compile(r"绑定(?:手机号?|电话)?[:： ]*(\+?[\d -]{7,20})")
_CODE = re.compile(r"\d{6}")


def confirm(session: Session, contact: Contact, *, number: str, name: str, by: Me) -> Citizen:
    """An agent has asked who it is. The thread is that person's from now on."""
    contact = hold_contact(session, contact.id)
    dialled = phones.normalise(number) if number.strip() else contact.number
    if dialled is None:
        raise Invalid("This is not a telephone number.", field="number")
    citizen = citizens.known(session, dialled, name.strip()[:64], kind=contact.sender_kind, confirmed_by_id=by.staff_id)
    _bind(session, contact, citizen, dialled)
    access.note_look(session, by, "contact", contact.id, "confirmed")
    return citizen


def loosen(session: Session, contact: Contact, *, by: Me) -> None:
    """It was somebody else after all."""
    contact = hold_contact(session, contact.id)
    contact.citizen_id = None
    if contact.conversation_id is not None:
        session.get_one(Conversation, contact.conversation_id).citizen_id = None
    access.note_look(session, by, "contact", contact.id, "loosened")


def hear(session: Session, contact: Contact, message: Message) -> bool:
    """Whether the message was about proving a number, and not a matter."""
    said = message.text.strip()
    asked = _ASKED.fullmatch(said)
    if asked:
        _send_code(session, contact, asked[1])
        return True
    binding = session.get(NumberBinding, contact.conversation_id) if _CODE.fullmatch(said) else None
    if binding is None:
        return False
    _try_code(session, contact, binding, said)
    return True


def _send_code(session: Session, contact: Contact, typed: str) -> None:
    """A few a day: nobody has a stranger's telephone rung by texts."""
    number = phones.normalise(typed)
    if number is None or contact.conversation_id is None:
        _say(session, contact, say("This is not a telephone number."))
        return
    rule, at = conversation_rule.current(session), now()
    binding = session.get(NumberBinding, contact.conversation_id, with_for_update=True)
    is_same_day = binding is not None and at - binding.sent_at < timedelta(days=1)
    sent = binding.sent if binding is not None and is_same_day else 0
    if sent >= rule.codes_a_day:
        _say(session, contact, say("Too many codes were asked for. Please try again tomorrow."))
        return
    code = f"{secrets.randbelow(10**6):06}"
    if binding is None:
        binding = NumberBinding(conversation_id=contact.conversation_id)
        session.add(binding)
    binding.number, binding.code_hash, binding.tries = number, _hash(contact.conversation_id, code), 0
    binding.sent, binding.sent_at = sent + 1, at
    binding.expires_at = at + timedelta(minutes=rule.code_minutes)
    session.flush()
    text = say("Your code is {code}, good for {minutes} minutes. Do not pass it on.", code=code, minutes=rule.code_minutes)
    outgoing.by_text(session, number, text=text, purpose=BIND, values={"code": code, "minutes": str(rule.code_minutes)})
    _say(session, contact, say("A code has been sent to this number. Please answer with its six digits."))


def _try_code(session: Session, contact: Contact, binding: NumberBinding, code: str) -> None:
    session.refresh(binding, with_for_update=True)
    if binding.expires_at < now() or binding.tries >= TRIES:
        _say(session, contact, say("This code is no longer good. Please ask for a new one."))
        return
    if not hmac.compare_digest(bytes(binding.code_hash), _hash(binding.conversation_id, code)):
        binding.tries += 1
        _say(session, contact, say("This code is not right. Please check it."))
        return
    citizen = citizens.known(session, binding.number, "", kind=CitizenKind.PERSON, confirmed_by_id=None)
    _bind(session, contact, citizen, binding.number)
    binding.expires_at = now()
    _say(session, contact, say("Your number is confirmed. We know you by it now, whichever way you write."))


def _bind(session: Session, contact: Contact, citizen: Citizen, number: str) -> None:
    contact.citizen_id = citizen.id
    contact.sender_name = contact.sender_name or citizen.name
    if contact.number is None:
        contact.number, contact.number_hash = number, phones.number_hash(number)
    if contact.conversation_id is None:
        return
    conversation = session.get_one(Conversation, contact.conversation_id)
    if conversation.citizen_id not in (None, citizen.id):
        raise RuleBroken("This account is bound to somebody else. Loosen that first.")
    conversation.citizen_id = citizen.id


def _hash(conversation_id: UUID, code: str) -> bytes:
    return privacy.lookup_hash("bind", f"{conversation_id}\0{code}")


def _say(session: Session, contact: Contact, text: str) -> None:
    threads.say(session, contact, text=text, purpose=BIND, key=f"bind:{new_id().hex}")
