"""What limits the messages that go out: who wants none, the hour, the day's cap. Replies of agents go at once."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.errors import RuleBroken
from hotline.events import MessageReady
from hotline.ports import Receipt, ReceiptState, Signal, SignalKind
from hotline.services.conversations import conversations
from hotline.services.messages import delivery, outgoing, receipts
from models import Case, CaseStatus, Delivery, OptOut, OutgoingMessage, now
from tests.factories_cases import make_case
from tests.factories_contacts import make_contact
from tests.services.messages.test_delivery import FOLLOWER, PHONE, as_given, attempt, due, following, reply, texting


@pytest.fixture(autouse=True)
def day(clock: Traveller) -> Traveller:
    return clock


def opt(session: Session, kind: SignalKind, external_id: str, *, at: datetime, channel: str = "sms", sender: str = PHONE) -> None:
    conversations.note(session, Signal(kind, channel, external_id, sender, at))


def test_the_latest_wish_counts_in_whatever_order_they_come(session: Session) -> None:
    at = now()
    opt(session, SignalKind.OPTED_OUT, "s1", at=at)
    assert session.scalars(select(OptOut.channel)).all() == ["sms"]
    opt(session, SignalKind.OPTED_IN, "s3", at=at + timedelta(minutes=2))
    assert session.scalars(select(OptOut.channel)).all() == []

    opt(session, SignalKind.OPTED_OUT, "s2", at=at + timedelta(minutes=1))

    assert session.scalars(select(OptOut.channel)).all() == []


def test_who_wants_no_texts_gets_none_and_the_agent_is_told(session: Session) -> None:
    contact = texting(session)
    waiting = reply(session, contact)
    opt(session, SignalKind.OPTED_OUT, "s1", at=now())

    with pytest.raises(RuleBroken, match="phone instead"):
        reply(session, contact)
    assert outgoing.about_contact(session, contact, text="已收到", purpose="received", values={}) is None
    assert delivery.take(session, waiting.id, route=as_given) is None
    assert waiting.delivery == Delivery.GIVEN_UP


def test_elsewhere_what_was_asked_is_still_answered(session: Session) -> None:
    contact = following(session)
    opt(session, SignalKind.OPTED_OUT, "s1", at=now(), channel="wechat", sender=FOLLOWER)

    assert reply(session, contact).channel == "wechat"


def texts(session: Session, *gateways: str) -> list[OutgoingMessage]:
    """Each to somebody else, who wrote to this gateway."""
    numbers = (f"+861391111{2000 + n}" for n in range(len(gateways)))
    return [
        reply(session, make_contact(session, channel="sms", sender=to, gateway=by))
        for to, by in zip(numbers, gateways, strict=True)
    ]


def waits(session: Session, row: OutgoingMessage) -> bool:
    return delivery.take(session, row.id, route=as_given) is None


@pytest.mark.parametrize("state", [ReceiptState.TRY_LATER, ReceiptState.UNKNOWN])
def test_a_gateway_that_is_busy_or_hangs_slows_itself_and_no_other(session: Session, state: ReceiptState) -> None:
    first, second, elsewhere = texts(session, "aliyun", "aliyun", "tencent")

    attempt(session, first, state)

    assert waits(session, second)
    attempt(session, elsewhere, ReceiptState.ACCEPTED)


def test_one_message_finds_out_whether_the_provider_is_back(session: Session, day: Traveller) -> None:
    first, *rest, last = texts(session, *["aliyun"] * 5)
    attempt(session, first, ReceiptState.TRY_LATER)
    day.shift(timedelta(seconds=20))

    probe, second, third = rest
    assert not waits(session, probe)
    assert waits(session, second)
    delivery.settle(session, probe.id, Receipt(ReceiptState.UNKNOWN))  # it is not: now they wait for longer
    day.shift(timedelta(seconds=15))
    assert waits(session, second)

    day.shift(timedelta(seconds=15))
    assert not waits(session, second)
    assert waits(session, third)
    delivery.settle(session, second.id, Receipt(ReceiptState.REFUSED))  # that says nothing of the provider
    attempt(session, third, ReceiptState.ACCEPTED)
    attempt(session, last, ReceiptState.ACCEPTED)


def test_a_delivery_state_that_is_faster_than_the_answer_keeps_nobody_waiting(session: Session, day: Traveller) -> None:
    first, probe, second = texts(session, *["aliyun"] * 3)
    attempt(session, first, ReceiptState.TRY_LATER)
    day.shift(timedelta(seconds=20))
    assert not waits(session, probe)

    receipts.note(session, "sms", Receipt(ReceiptState.DELIVERED, "p1", key=str(probe.id)))
    delivery.settle(session, probe.id, Receipt(ReceiptState.ACCEPTED, "p1"))

    attempt(session, second, ReceiptState.ACCEPTED)


def test_what_became_of_a_message_is_asked_where_it_was_tried(session: Session, day: Traveller) -> None:
    [row] = texts(session, "")
    assert delivery.take(session, row.id, route=lambda *_: "aliyun") is not None

    delivery.settle(session, row.id, Receipt(ReceiptState.UNKNOWN))

    question = delivery.ask(session, row.id)
    assert question is not None
    assert question.message.gateway == "aliyun"


NIGHT = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)  # 22:30 in the city
MORNING = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)


def invited(session: Session, case: Case, round_: int) -> OutgoingMessage:
    """Something that goes out by itself."""
    row = outgoing.about_case(session, case, purpose="survey", values={"link": "https://x/survey/1"}, round_=str(round_))
    assert row is not None
    return row


@pytest.fixture
def closed(session: Session) -> Case:
    return make_case(session, status=CaseStatus.CLOSED, contact=texting(session), number=PHONE)


def test_texts_that_go_by_themselves_wait_for_the_morning_and_replies_do_not(
    session: Session, closed: Case, day: Traveller
) -> None:
    day.move_to(NIGHT)
    row = invited(session, closed, 1)

    assert delivery.take(session, row.id, route=as_given) is None
    assert (row.delivery, row.next_try_at) == (Delivery.WAITING, MORNING)
    attempt(session, reply(session, texting(session)), ReceiptState.ACCEPTED)

    day.move_to(MORNING + timedelta(seconds=30))
    assert MessageReady(row.id, row.contact_id) in due(session)
    attempt(session, row, ReceiptState.ACCEPTED)


def test_beyond_the_days_cap_texts_wait_for_the_next_day(session: Session, closed: Case) -> None:
    for round_ in range(8):
        attempt(session, invited(session, closed, round_), ReceiptState.ACCEPTED)
    ninth = invited(session, closed, 9)

    assert delivery.take(session, ninth.id, route=as_given) is None

    assert ninth.next_try_at == MORNING
    attempt(session, reply(session, texting(session)), ReceiptState.ACCEPTED)
