"""Outgoing messages on their way: tried, refused, unclear, sent another way, in order, at the provider's pace."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline import channels, events
from hotline.db import Database
from hotline.errors import RuleBroken
from hotline.events import MessageReady
from hotline.ports import Outbound, Receipt, ReceiptState, Signal, SignalKind
from hotline.services import administration, intake
from hotline.services.conversations import conversations
from hotline.services.messages import delivery, outgoing, receipts
from hotline.timetable import TIMETABLE
from models import (
    Contact,
    Delivery,
    Direction,
    Message,
    OutboxMessage,
    OutgoingMessage,
    Role,
    new_id,
    now,
)
from tests.conftest import Drain
from tests.factories_cases import an_actor
from tests.factories_contacts import make_contact, make_inbound
from tests.fakes import RecordingChannel

PHONE = "+8613911112222"
FOLLOWER = "openid-1"


@dataclass
class AskableChannel(RecordingChannel):
    """A provider that can be asked what became of a message."""

    known: Receipt = field(default_factory=lambda: Receipt(ReceiptState.UNKNOWN))
    asked: list[Outbound] = field(default_factory=list)
    # The process dies when the provider has the message and nobody has noted so.
    deadly: bool = False

    def send(self, message: Outbound) -> Receipt:
        receipt = super().send(message)
        if self.deadly:
            raise SystemExit
        return receipt

    def look_up(self, message: Outbound, *, provider_id: str, tried_at: datetime) -> Receipt:
        self.asked.append(message)
        return self.known


@pytest.fixture(autouse=True)
def day(clock: Traveller) -> Traveller:
    return clock


@pytest.fixture
def sms(monkeypatch: pytest.MonkeyPatch) -> AskableChannel:
    return _registered(monkeypatch, AskableChannel(kind="sms"))


@pytest.fixture
def wechat(monkeypatch: pytest.MonkeyPatch) -> AskableChannel:
    return _registered(monkeypatch, AskableChannel(kind="wechat"))


def _registered(monkeypatch: pytest.MonkeyPatch, channel: AskableChannel) -> AskableChannel:
    monkeypatch.setitem(channels.register(), channel.kind, channel)
    return channel


def texting(session: Session) -> Contact:
    return make_contact(session, channel="sms", sender=PHONE)


def following(session: Session, number: str = PHONE) -> Contact:
    contact = make_contact(session, channel="wechat", sender=FOLLOWER)
    contact.number = number or None
    return contact


def reply(session: Session, contact: Contact, text: str = "请问是哪一栋？", message_id: UUID | None = None) -> OutgoingMessage:
    row = outgoing.about_contact(session, contact, text=text, purpose="reply", values={"text": text}, message_id=message_id)
    assert row is not None
    return row


def as_given(_: str, gateway: str) -> str:
    """Every gateway can send."""
    return gateway


def attempt(session: Session, row: OutgoingMessage, state: ReceiptState, **values: Any) -> None:
    """One try that ends in this."""
    assert delivery.take(session, row.id, route=as_given) is not None
    delivery.settle(session, row.id, Receipt(state, **values))


def due(session: Session) -> list[object]:
    """What the timetable asks for now."""
    before = set(session.scalars(select(OutboxMessage.id)))
    delivery.find_due(session)
    rows = session.scalars(select(OutboxMessage).where(OutboxMessage.id.not_in(before)).order_by(OutboxMessage.created_at))
    return [events.ALL[row.event].from_body(row.body) for row in rows]


def test_a_busy_provider_is_tried_again_later_and_in_the_end_a_person_decides(session: Session, day: Traveller) -> None:
    row = reply(session, texting(session))

    attempt(session, row, ReceiptState.TRY_LATER, reason="429")

    assert (row.delivery, row.attempts, row.last_error) == (Delivery.WAITING, 1, "429")
    assert row.next_try_at is not None
    assert row.next_try_at > now()
    for _ in range(9):
        day.shift(timedelta(minutes=76))
        assert MessageReady(row.id, row.contact_id) in due(session)
        attempt(session, row, ReceiptState.TRY_LATER, reason="429")
    assert row.delivery == Delivery.REFUSED
    assert "10" in row.last_error
    day.shift(timedelta(days=1))
    assert due(session) == []


def test_patience_ends_with_the_hours_as_well(session: Session, day: Traveller) -> None:
    row = reply(session, texting(session))
    day.shift(timedelta(hours=13))

    attempt(session, row, ReceiptState.TRY_LATER)

    assert row.delivery == Delivery.REFUSED


def test_a_provider_says_itself_how_long_to_wait(session: Session, day: Traveller) -> None:
    row = reply(session, texting(session))
    attempt(session, row, ReceiptState.TRY_LATER, retry_after=timedelta(minutes=20))

    day.shift(timedelta(minutes=19))
    assert due(session) == []
    day.shift(timedelta(minutes=2))

    assert due(session) == [MessageReady(row.id, row.contact_id)]


def test_a_busy_channel_slows_itself_and_no_other(session: Session, day: Traveller) -> None:
    first, second = (
        reply(session, texting(session)),
        reply(session, make_contact(session, channel="sms", sender="+8613911113333")),
    )
    elsewhere = reply(session, following(session))
    attempt(session, first, ReceiptState.TRY_LATER, retry_after=timedelta(minutes=5))

    assert delivery.take(session, second.id, route=as_given) is None
    assert (second.delivery, second.attempts) == (Delivery.WAITING, 0)
    attempt(session, elsewhere, ReceiptState.ACCEPTED)

    day.shift(timedelta(minutes=6))
    assert set(due(session)) == {MessageReady(first.id, first.contact_id), MessageReady(second.id, second.contact_id)}
    attempt(session, second, ReceiptState.ACCEPTED)


def test_a_provider_that_hangs_makes_one_message_unclear_and_not_all(session: Session, day: Traveller) -> None:
    first, second = (
        reply(session, texting(session)),
        reply(session, make_contact(session, channel="sms", sender="+8613911113333")),
    )

    attempt(session, first, ReceiptState.UNKNOWN, reason="timeout")

    assert delivery.take(session, second.id, route=as_given) is None
    day.shift(timedelta(minutes=1))
    attempt(session, second, ReceiptState.ACCEPTED)


def test_messages_to_a_person_go_in_their_order(session: Session, day: Traveller) -> None:
    contact = texting(session)
    first = reply(session, contact, "一")
    day.shift(timedelta(seconds=1))
    second = reply(session, contact, "二")

    assert delivery.take(session, second.id, route=as_given) is None
    attempt(session, first, ReceiptState.ACCEPTED)

    woken = session.scalars(select(OutboxMessage).order_by(OutboxMessage.created_at.desc(), OutboxMessage.id.desc())).first()
    assert woken is not None
    assert MessageReady.from_body(woken.body) == MessageReady(second.id, second.contact_id)
    attempt(session, second, ReceiptState.ACCEPTED)


@pytest.mark.parametrize("state", [ReceiptState.UNREACHABLE, ReceiptState.REFUSED])
def test_what_cannot_arrive_by_wechat_goes_as_a_text_once(session: Session, state: ReceiptState) -> None:
    row = reply(session, following(session))

    attempt(session, row, state, reason="45015")
    delivery.settle(session, row.id, Receipt(state))
    receipts.note(session, "wechat", Receipt(state, key=str(row.id)))

    (other,) = session.scalars(select(OutgoingMessage).where(OutgoingMessage.instead_of_id == row.id)).all()
    assert (other.channel, other.recipient, other.text) == ("sms", PHONE, row.text)
    assert row.delivery == Delivery.REFUSED


def test_an_answer_goes_out_where_the_citizen_wrote_last(session: Session, day: Traveller) -> None:
    contact = make_contact(session, channel="sms", sender=PHONE, gateway="aliyun")
    first = reply(session, contact)
    day.shift(60)
    intake.receive(session, make_inbound(channel="sms", sender=PHONE, gateway="tencent"))
    second = reply(session, contact)

    for row, gateway in ((first, "aliyun"), (second, "tencent")):
        taken = delivery.take(session, row.id, route=as_given)
        assert taken is not None
        assert taken[1].gateway == gateway
        delivery.settle(session, row.id, Receipt(ReceiptState.ACCEPTED))


@pytest.mark.parametrize("number", ["", "021-62345678", "+862162345678", "+12025550123"])
def test_without_a_number_that_takes_texts_it_is_left_to_people(session: Session, number: str) -> None:
    row = reply(session, following(session, number))

    attempt(session, row, ReceiptState.UNREACHABLE)

    assert session.scalars(select(OutgoingMessage)).all() == [row]
    assert row.delivery == Delivery.REFUSED


def test_a_confidential_conversation_is_not_continued_by_text(session: Session) -> None:
    contact = following(session)
    contact.confidential = True
    row = reply(session, contact, "您举报的某某公司已立案")

    attempt(session, row, ReceiptState.UNREACHABLE)

    (other,) = session.scalars(select(OutgoingMessage).where(OutgoingMessage.instead_of_id == row.id)).all()
    assert "某某" not in other.text + (other.values or "")
    assert "/track" in other.text


def test_who_no_longer_follows_is_written_to_by_text_at_once(session: Session) -> None:
    contact = following(session)
    conversations.note(session, Signal(SignalKind.UNSUBSCRIBED, "wechat", "s1", FOLLOWER, now()))

    assert reply(session, contact).channel == "sms"


def test_an_unclear_outcome_is_asked_for_and_never_sent_again_blindly(
    database: Database, sms: AskableChannel, drain: Drain, day: Traveller
) -> None:
    sms.receipt = Receipt(ReceiptState.UNKNOWN, reason="timeout")
    with database.unit_of_work() as session:
        row_id = reply(session, texting(session)).id
    drain()
    assert sms.asked == []

    for minutes in (2, 5, 30):
        day.shift(timedelta(minutes=minutes))
        _timetable(database)
        drain()

    assert keys(sms.sent).count(str(row_id)) == 1
    assert keys(sms.asked).count(str(row_id)) >= 2
    sms.known = Receipt(ReceiptState.DELIVERED, "p9")
    day.shift(timedelta(hours=2))
    _timetable(database)
    drain()
    with database.reading() as session:
        row = session.get_one(OutgoingMessage, row_id)
        assert (row.delivery, row.provider_id, row.next_try_at) == (Delivery.DELIVERED, "p9", None)


def test_what_a_provider_never_got_goes_out_again(session: Session, day: Traveller) -> None:
    row = reply(session, texting(session))
    attempt(session, row, ReceiptState.UNKNOWN)
    assert delivery.ask(session, row.id) is not None

    delivery.learn(session, row.id, Receipt(ReceiptState.ABSENT))

    day.shift(timedelta(minutes=2))
    assert due(session) == [MessageReady(row.id, row.contact_id)]
    attempt(session, row, ReceiptState.ACCEPTED)
    assert row.attempts == 2


@pytest.mark.parametrize("can_be_asked", [True, False])
def test_what_nobody_can_find_out_is_left_to_people(session: Session, day: Traveller, can_be_asked: bool) -> None:
    row = reply(session, texting(session))
    attempt(session, row, ReceiptState.UNKNOWN)
    if can_be_asked:
        day.shift(timedelta(hours=25))
    assert delivery.ask(session, row.id) is not None

    delivery.learn(session, row.id, Receipt(ReceiptState.UNKNOWN) if can_be_asked else None)

    assert (row.delivery, row.next_try_at) == (Delivery.UNKNOWN, None)
    day.shift(timedelta(days=2))
    assert due(session) == []


def test_a_process_that_dies_while_it_sends_leaves_a_question_and_no_repeat(
    database: Database, sms: AskableChannel, drain: Drain, day: Traveller
) -> None:
    with database.unit_of_work() as session:
        row_id = reply(session, texting(session)).id

    sms.deadly = True
    with pytest.raises(SystemExit):
        drain()
    sms.deadly = False

    sms.known = Receipt(ReceiptState.ACCEPTED, "p1")
    for _ in range(4):
        day.shift(timedelta(minutes=2))
        _timetable(database)
        drain()

    assert keys(sms.sent).count(str(row_id)) == 1
    with database.reading() as session:
        assert session.get_one(OutgoingMessage, row_id).delivery == Delivery.ACCEPTED


def keys(messages: list[Outbound]) -> list[str]:
    """The first automatic answer is among them."""
    return [message.key for message in messages]


def _timetable(database: Database) -> None:
    with database.unit_of_work() as session:
        TIMETABLE["send_due"].run(session)


def test_a_callback_that_is_faster_than_the_answer_counts(session: Session) -> None:
    row = reply(session, texting(session))
    assert delivery.take(session, row.id, route=as_given) is not None

    receipts.note(session, "sms", Receipt(ReceiptState.DELIVERED, "p1", key=str(row.id)))
    delivery.settle(session, row.id, Receipt(ReceiptState.ACCEPTED, "p1"))

    assert (row.delivery, row.provider_id) == (Delivery.DELIVERED, "p1")
    for strange in (Receipt(ReceiptState.REFUSED, key="no id"), Receipt(ReceiptState.TRY_LATER, "p1")):
        receipts.note(session, "sms", strange)
    assert row.delivery == Delivery.DELIVERED


def test_the_thread_learns_how_its_messages_fared(session: Session) -> None:
    contact = texting(session)
    said = Message(
        channel="sms", external_id=new_id().hex, direction=Direction.OUT, contact_id=contact.id, text="好的", received_at=now()
    )
    session.add(said)
    session.flush()
    row = reply(session, contact, "好的", said.id)

    attempt(session, row, ReceiptState.ACCEPTED, provider_id="p1")
    receipts.note(session, "sms", Receipt(ReceiptState.DELIVERED, "p1"))

    changes = session.scalars(select(OutboxMessage).where(OutboxMessage.event == "DeliveryChanged")).all()
    assert [change.body for change in changes] == [{"outgoing_id": str(row.id), "contact_id": str(contact.id)}] * 2


def test_what_was_sent_another_way_cannot_be_sent_again(session: Session) -> None:
    row = reply(session, following(session))
    attempt(session, row, ReceiptState.UNREACHABLE)
    staff = an_actor(session, Role.ADMINISTRATOR)

    with pytest.raises(RuleBroken, match="another way"):
        administration.retry_message(session, row.id, by=staff)  # type: ignore[arg-type]
