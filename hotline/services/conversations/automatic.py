"""What the service answers by itself: that a message has come, what is missing from it, where to turn in an emergency."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.events import MessageReceived
from hotline.ports import SignalKind
from hotline.services import opening_hours, queue_rule, queueing, triage
from hotline.services.city import places
from hotline.services.conversations import conversation_rule, exchanges, identities, threads
from hotline.services.conversations.conversation_rule import ConversationRule
from hotline.services.messages import outgoing, texts
from hotline.services.sideways import refusals, withdrawing
from hotline.services.survey_plans import replies
from hotline.settings import get_settings
from hotline.words import say
from models import Conclusion, Contact, Conversation, ConversationSignal, Direction, Message, Urgency, now
from models.base import CITY_TIME

GREETING = "received"


def think(session: Session, event: MessageReceived) -> dict[str, Any] | None:
    """What is said of a thread's message before it is answered; None where nothing is answered by itself."""
    contact = session.get(Contact, event.contact_id)
    if contact is None or not threads.is_talked(contact) or contact.first_answer_at is not None:
        return None
    return triage.predict(session, event)


def hear(session: Session, event: MessageReceived, body: dict[str, Any] | None) -> None:
    """Answer a citizen's message where no person has to: once, and never after the episode has ended."""
    contact = session.get_one(Contact, event.contact_id, with_for_update=True)
    message = session.get_one(Message, event.message_id)
    if refusals.hear(session, contact, message) or not threads.is_talked(contact) or contact.concluded_at is not None:
        return
    if any(each.hear(session, contact, message) for each in (identities, withdrawing, replies)):
        if contact.taken_at is None and _is_first(session, contact, message):
            queueing.conclude(session, contact, Conclusion.ANSWERED, by=None)
        return
    exchange = exchanges.running(session, contact)
    if exchange is not None and message.received_at >= exchange.asked_at:
        exchanges.hear(session, contact, exchange, message)
    elif _is_first(session, contact, message):
        _greet(session, contact, body, wants_person=message.text.strip() in exchanges.ENOUGH)


def _is_first(session: Session, contact: Contact, message: Message) -> bool:
    earliest = session.scalar(
        select(Message.id)
        .where(Message.contact_id == contact.id, Message.direction == Direction.IN)
        .order_by(Message.received_at, Message.id)
        .limit(1)
    )
    return earliest == message.id and contact.first_answer_at is None


def _greet(session: Session, contact: Contact, body: dict[str, Any] | None, *, wants_person: bool) -> None:
    rule = conversation_rule.current(session)
    is_emergency = body is not None and body["urgency"]["level"] == Urgency.EMERGENCY
    occasion, values = _first_answer(session, contact, rule, is_emergency=is_emergency)
    parts = [texts.render(session, occasion, contact.channel, {**values, **_common(session)})]
    missing = [] if is_emergency or wants_person else _missing(contact, rule, body)
    if missing and contact.taken_at is None:
        exchange = exchanges.open_one(session, contact, missing, by=None)
        parts.append(_first_question(session, contact, exchange.open_questions[0]))
    threads.say(session, contact, text="".join(parts), purpose=GREETING, key=f"greeting:{contact.id.hex}")


def _first_answer(
    session: Session, contact: Contact, rule: ConversationRule, *, is_emergency: bool
) -> tuple[str, Mapping[str, str]]:
    """Which text it is, and what only this one has."""
    number = {"number": contact.reference}
    if is_emergency:
        return "emergency", number
    if not opening_hours.is_open(rule.hours, now()):
        opens = opening_hours.opens_at(rule.hours, now()).astimezone(CITY_TIME)
        return "out_of_hours", {**number, "opens": f"{opens:%m月%d日 %H:%M}"}
    seconds = queue_rule.current(session).limit(contact.channel, contact.urgency)
    return "received", {**number, "within": _in_words(seconds)}


def _in_words(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return say("{minutes} min", minutes=minutes) if minutes < 60 else say("{hours} h", hours=round(minutes / 60))


def _missing(contact: Contact, rule: ConversationRule, body: dict[str, Any] | None) -> list[str]:
    """Without a suggestion nobody knows what a message says, so nothing is asked by itself."""
    if body is None:
        return []
    known = {
        "place": contact.grid_code is not None or contact.place_text is not None or body["place"]["kind"] not in ("none", "ask"),
        "time": bool(contact.occurred_text),
        "who": contact.number is not None,
    }
    return [each for each in exchanges.QUESTIONS if each in rule.asks and not known[each]]


def _first_question(session: Session, contact: Contact, asked: str) -> str:
    """A place that was named but stands for several is asked for by its choices."""
    if asked == "place":
        several = places.of_one_name(session, triage.text_of(session, contact))
        if several.choices:
            return exchanges.offer(session, contact, several)
    return exchanges.question(session, contact, asked)


def answer_signal(session: Session, signal_id: UUID) -> None:
    """To whoever begins to follow an account, or presses a key of its menu that opens nothing."""
    signal = session.get_one(ConversationSignal, signal_id)
    if signal.kind not in (SignalKind.SUBSCRIBED, SignalKind.MENU):
        return
    occasion = texts.of_key(signal.value) if signal.kind == SignalKind.MENU else texts.WELCOME
    conversation = session.get_one(Conversation, signal.conversation_id)
    if texts.is_told(session, occasion, conversation.channel):
        values = {**_common(session), "hours": opening_hours.in_words(conversation_rule.current(session).hours)}
        text = texts.render(session, occasion, conversation.channel, values)
        outgoing.to_thread(session, conversation, text=text, purpose=occasion)


def _common(session: Session) -> dict[str, str]:
    return {"hotline": places.hotline_name(session), "link": f"{get_settings().public_url}/track"}
