"""What limits the messages that go out: who wants none, the hour, the day's cap. Replies of agents go at once."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.errors import RuleBroken
from hotline.events import MessageReady
from hotline.ports import ReceiptState, Signal, SignalKind
from hotline.services.conversations import conversations
from hotline.services.messages import delivery, outgoing
from models import Case, CaseStatus, Delivery, OptOut, OutgoingMessage, now
from tests.factories_cases import make_case
from tests.services.messages.test_delivery import FOLLOWER, PHONE, attempt, due, following, reply, texting


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
    assert delivery.take(session, waiting.id) is None
    assert waiting.delivery == Delivery.GIVEN_UP


def test_elsewhere_what_was_asked_is_still_answered(session: Session) -> None:
    contact = following(session)
    opt(session, SignalKind.OPTED_OUT, "s1", at=now(), channel="wechat", sender=FOLLOWER)

    assert reply(session, contact).channel == "wechat"


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

    assert delivery.take(session, row.id) is None
    assert (row.delivery, row.next_try_at) == (Delivery.WAITING, MORNING)
    attempt(session, reply(session, texting(session)), ReceiptState.ACCEPTED)

    day.move_to(MORNING + timedelta(seconds=30))
    assert MessageReady(row.id, row.contact_id) in due(session)
    attempt(session, row, ReceiptState.ACCEPTED)


def test_beyond_the_days_cap_texts_wait_for_the_next_day(session: Session, closed: Case) -> None:
    for round_ in range(8):
        attempt(session, invited(session, closed, round_), ReceiptState.ACCEPTED)
    ninth = invited(session, closed, 9)

    assert delivery.take(session, ninth.id) is None

    assert ninth.next_try_at == MORNING
    attempt(session, reply(session, texting(session)), ReceiptState.ACCEPTED)
