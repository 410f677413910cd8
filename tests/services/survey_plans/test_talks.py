"""Who wrote is asked how the agent was, once, when the agent has ended the conversation; a digit or a word is the answer."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.db import Database
from hotline.services import queueing
from hotline.services.conversations import conversations, threads
from hotline.services.messages import pacing
from hotline.services.messages.outgoing import RATE
from hotline.services.scores import boards, sums
from hotline.services.scores.rule import Measure
from hotline.services.scores.spans import Span, Stretch, day_of
from hotline.services.survey_plans import talks
from models import (
    Conclusion,
    Contact,
    ContactRating,
    Dimension,
    Grade,
    OptOut,
    OutgoingMessage,
    Staff,
    now,
)
from tests.factories_cases import fresh_key
from tests.factories_contacts import make_agent, make_contact
from tests.services.survey_plans.test_replies import NUMBER, answers, closed, text, told

GUEST = "oOpenIdOfACitizen_0000000001"


def answered(session: Session, *, channel: str = "sms", sender: str = NUMBER, by: Staff | None = None) -> tuple[Contact, Staff]:
    """An agent has answered, and not yet ended it."""
    contact, agent = make_contact(session, channel=channel, sender=sender), by or make_agent(session)
    queueing.take(session, agent, contact.id)
    threads.reply(session, contact, text="已记录，会有人与您联系。", by=agent, key=fresh_key())
    return contact, agent


def ended(
    session: Session, conclusion: Conclusion = Conclusion.ANSWERED, *, channel: str = "sms", sender: str = NUMBER
) -> Contact:
    contact, agent = answered(session, channel=channel, sender=sender)
    queueing.conclude(session, contact, conclusion, by=agent, note="已答复")
    talks.invite(session, contact)
    return contact


def asked(session: Session) -> int:
    rows = select(func.count()).select_from(OutgoingMessage).where(OutgoingMessage.purpose == RATE)
    return session.scalar(rows) or 0


def rating(session: Session, contact: Contact) -> int | None:
    return session.get_one(ContactRating, contact.id).rating


@pytest.mark.parametrize(("channel", "sender"), [("sms", NUMBER), ("wechat", GUEST)])
def test_an_episode_that_an_agent_ended_is_asked_about_once(
    session: Session, clock: Traveller, channel: str, sender: str
) -> None:
    contact = ended(session, channel=channel, sender=sender)

    assert not talks.invite(session, contact)
    assert asked(session) == 1


def test_it_follows_from_the_end_of_the_contact(sqlite_database: Database, drain: Callable[[], int], clock: Traveller) -> None:
    with sqlite_database.unit_of_work() as session:
        contact, agent = answered(session)
        queueing.conclude(session, contact, Conclusion.ANSWERED, by=agent, note="已答复")

    drain()

    with sqlite_database.reading() as session:
        assert asked(session) == 1


@pytest.mark.parametrize(("said", "stars"), [("５", 5), ("4分", 4), ("不满意", 2), ("非常满意，谢谢小李", 5)])
def test_a_digit_or_a_word_is_the_rating_and_nobody_has_to_read_it(
    session: Session, clock: Traveller, said: str, stars: int
) -> None:
    contact = ended(session)
    clock.shift(timedelta(minutes=1))

    reply = text(session, said)

    assert rating(session, contact) == stars
    assert reply.conclusion == "answered"
    assert len(told(session, "rate_thanks")) == 1
    assert not talks.invite(session, reply)


def test_words_beside_a_bad_grade_go_to_a_person_as_well(session: Session, clock: Traveller) -> None:
    contact = ended(session)
    clock.shift(timedelta(minutes=1))

    reply = text(session, "不满意，一直没人给我回电话")

    assert (rating(session, contact), reply.concluded_at) == (2, None)


@pytest.mark.parametrize("said", ["没解决", "5号楼又停水了"])
def test_what_says_nothing_of_the_agent_stays_an_ordinary_message(session: Session, clock: Traveller, said: str) -> None:
    contact = ended(session)
    clock.shift(timedelta(minutes=1))

    assert text(session, said).concluded_at is None
    assert rating(session, contact) is None


def test_a_rating_is_changed_on_the_same_day_and_too_late_is_none(session: Session, clock: Traveller) -> None:
    contact, other = ended(session), ended(session, sender="+8613900000998")
    clock.shift(timedelta(minutes=1))
    text(session, "5")
    text(session, "3")
    clock.shift(timedelta(hours=73))
    late = text(session, "1", sender="+8613900000998")

    assert (rating(session, contact), rating(session, other), late.concluded_at) == (3, None, None)


def test_of_a_case_and_an_agent_each_reply_answers_what_was_asked_last(session: Session, clock: Traveller) -> None:
    contact = ended(session)
    clock.shift(timedelta(hours=1))
    case = closed(session)
    clock.shift(timedelta(minutes=1))

    text(session, "1")
    assert (answers(session, case), rating(session, contact)) == ([(False, Grade.VERY_DISSATISFIED)], None)
    text(session, "5")

    assert (len(answers(session, case)), rating(session, contact)) == (1, 5)


@pytest.mark.parametrize("conclusion", [Conclusion.VOID, Conclusion.LAPSED])
def test_what_came_to_nothing_or_went_quiet_is_left_alone(session: Session, conclusion: Conclusion) -> None:
    ended(session, conclusion)

    assert asked(session) == 0


def test_who_is_confidential_has_left_wants_no_more_or_wrote_long_ago_is_not_asked(session: Session, clock: Traveller) -> None:
    confidential, refusing, long_ago, by_mail = (
        answered(session, sender=sender, channel=channel)
        for sender, channel in [(NUMBER, "sms"), (GUEST, "wechat"), ("+8613900000997", "sms"), ("a@example.com", "email")]
    )
    confidential[0].confidential = True
    session.add(OptOut(channel="wechat", recipient_hash=conversations.hash_of(GUEST), since=now()))
    ends = [confidential, refusing, by_mail]
    for contact, agent in ends:
        queueing.conclude(session, contact, Conclusion.ANSWERED, by=agent, note="已答复")
    clock.shift(timedelta(hours=25))
    queueing.conclude(session, long_ago[0], Conclusion.ANSWERED, by=long_ago[1], note="已答复")

    assert [talks.invite(session, contact) for contact, _ in [*ends, long_ago]] == [False] * 4


@pytest.mark.parametrize("channel", ["sms", "wechat"])
def test_nobody_is_asked_at_night(session: Session, clock: Traveller, channel: str) -> None:
    clock.move_to("2026-11-23T22:30:00+08:00")
    ended(session, channel=channel, sender=NUMBER if channel == "sms" else GUEST)
    row = session.scalars(select(OutgoingMessage).where(OutgoingMessage.purpose == RATE)).one()

    until = pacing.wait_until(session, row, "")

    assert until is not None
    assert until.isoformat() == "2026-11-24T08:00:00+08:00"


def test_ratings_are_counted_in_the_agents_satisfaction(session: Session, clock: Traveller) -> None:
    agent = make_agent(session)
    for sender, said in (("+8613900000001", "5"), ("+8613900000002", "1")):
        contact, _ = answered(session, sender=sender, by=agent)
        queueing.conclude(session, contact, Conclusion.ANSWERED, by=agent, note="已答复")
        talks.invite(session, contact)
        clock.shift(timedelta(minutes=1))
        text(session, said, sender=sender)
    sums.refresh(session)

    line = boards.board(session, Dimension.AGENT, Stretch.of(Span.DAY, day_of(now()))).line(agent.username)

    assert line is not None
    assert line.figure(Measure.AGENT_SATISFACTION).mean == 0.5
