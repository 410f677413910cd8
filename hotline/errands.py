"""What goes out after an event: each handler opens short transactions of its own, with the network between them."""

from sqlalchemy.orm import Session

from hotline import channels
from hotline.channels import webhooks
from hotline.channels.police import Police
from hotline.db import Database
from hotline.errors import NotFound
from hotline.events import MediaAnnounced, MessageReady, OutcomeUnclear, PolicePushReady, WebhookDue
from hotline.handling import Lane, handles
from hotline.ports import Asking, Fetching, Receipt, ReceiptState
from hotline.services.messages import delivery, media
from hotline.services.sideways import police
from hotline.services.systems import delivering
from hotline.settings import get_settings
from models import Message

CALLS_IN_A_TURN = 50


def _sender(session: Session, event: MessageReady | OutcomeUnclear) -> str:
    kind, gateway = delivery.given_to(session, event.outgoing_id)
    return f"{kind}/{channels.route(kind, gateway)}"


def _keeper(session: Session, event: MediaAnnounced) -> str:
    message = session.get_one(Message, event.message_id)
    return f"{message.channel}/{message.gateway}"


@handles(MessageReady, outside=True, awaits=_sender)
def deliver(database: Database, event: MessageReady) -> None:
    with database.unit_of_work() as session:
        taken = delivery.take(session, event.outgoing_id, route=channels.route)
    if taken is None:
        return
    channel, message = taken
    try:
        receipt = channels.get(channel).send(message)
    except NotFound as missing:
        receipt = Receipt(ReceiptState.REFUSED, reason=str(missing))
    with database.unit_of_work() as session:
        delivery.settle(session, event.outgoing_id, receipt)


@handles(OutcomeUnclear, outside=True, awaits=_sender)
def ask_outcome(database: Database, event: OutcomeUnclear) -> None:
    with database.unit_of_work() as session:
        question = delivery.ask(session, event.outgoing_id)
    if question is None:
        return
    receipt = _looked_up(channels.find(question.channel), question)
    with database.unit_of_work() as session:
        delivery.learn(session, event.outgoing_id, receipt)


def _looked_up(channel: object, question: delivery.Question) -> Receipt | None:
    if not isinstance(channel, Asking):
        return None
    return channel.look_up(question.message, provider_id=question.provider_id, tried_at=question.tried_at)


@handles(PolicePushReady, outside=True, awaits=lambda *_: "police")
def push_to_police(database: Database, event: PolicePushReady) -> None:
    with database.unit_of_work() as session:
        order = police.take(session, event.push_id)
    if order is None:
        return
    receipt = Police(get_settings().police).send(order)
    with database.unit_of_work() as session:
        police.settle(session, event.push_id, receipt)


@handles(MediaAnnounced, outside=True, awaits=_keeper)
def fetch_media(database: Database, event: MediaAnnounced) -> None:
    with database.reading() as session:
        channel = channels.get(session.get_one(Message, event.message_id).channel)
    if isinstance(channel, Fetching):
        media.fetch(database, event.message_id, channel.fetch)
    else:
        with database.unit_of_work() as session:
            media.give_up(session, event.message_id, f"channel {channel.kind} fetches no files")


@handles(WebhookDue, outside=True, lane=Lane.SYSTEMS)
def call_webhook(database: Database, event: WebhookDue) -> None:
    """One thing after the other; what is too much for one turn is taken up by the timetable."""
    for _ in range(CALLS_IN_A_TURN):
        with database.unit_of_work() as session:
            taken = delivering.take(session, event.webhook_id)
        if taken is None:
            return
        posted = webhooks.post(taken.post, get_settings().systems)
        with database.unit_of_work() as session:
            goes_on = delivering.settle(session, taken.delivery_id, posted)
        if not goes_on:
            return
