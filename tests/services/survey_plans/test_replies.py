"""Citizens answer in a word, where they were asked: their text messages come in by the one door."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.events import MessageReceived
from hotline.services import intake, surveys
from hotline.services.conversations import automatic
from models import Case, CaseStatus, Contact, Grade, OutgoingMessage, Survey, SurveyAnswer, now
from tests.factories import make_staff
from tests.factories_cases import make_case
from tests.factories_contacts import make_contact, make_inbound

NUMBER, ANOTHER = "+8613800000172", "+8613900000999"


def closed(session: Session, *, sender: str = NUMBER) -> Case:
    """Somebody wrote a text message; the case that came of it is closed, and the citizen was asked."""
    contact = make_contact(session, channel="sms", sender=sender)
    case = make_case(session, status=CaseStatus.CLOSED, contact=contact, number=sender.removeprefix("+86"))
    contact.concluded_at = now()
    assert surveys.invite(session, case) is not None
    return case


def text(session: Session, words: str, *, sender: str = NUMBER) -> Contact:
    """A text message comes in, and what follows is run."""
    received = intake.receive(session, make_inbound(channel="sms", sender=sender, text=words))
    assert received.message is not None
    automatic.hear(session, MessageReceived(received.message.id, received.contact.id), None)
    return received.contact


def answers(session: Session, case: Case) -> list[tuple[bool, Grade]]:
    rows = select(SurveyAnswer).join(Survey, Survey.id == SurveyAnswer.survey_id).where(Survey.case_id == case.id)
    return [(row.solved, row.result) for row in session.scalars(rows.order_by(SurveyAnswer.created_at))]


def told(session: Session, purpose: str = "survey_thanks") -> list[str]:
    return list(session.scalars(select(OutgoingMessage.text).where(OutgoingMessage.purpose == purpose)))


def test_a_digit_is_an_answer_and_nobody_has_to_read_it(session: Session, clock: Traveller) -> None:
    case = closed(session)

    contact = text(session, "５")

    assert answers(session, case) == [(True, Grade.VERY_SATISFIED)]
    assert contact.conclusion == "answered"
    (thanks,) = told(session)
    assert case.number in thanks


def test_a_second_reply_corrects_the_first_and_the_same_twice_is_one(session: Session, clock: Traveller) -> None:
    case = closed(session)
    text(session, "5")
    clock.shift(timedelta(minutes=5))
    text(session, "5")
    clock.shift(timedelta(minutes=5))
    text(session, "没解决")

    assert answers(session, case) == [(True, Grade.VERY_SATISFIED), (False, Grade.DISSATISFIED)]


def test_too_late_a_grade_is_told_so_and_a_complaint_goes_to_a_person(session: Session, clock: Traveller) -> None:
    case = closed(session)
    text(session, "5")
    clock.shift(timedelta(hours=25))

    late = text(session, "1")
    clock.shift(timedelta(hours=1))
    complaint = text(session, "没解决，昨天又漏了")

    assert answers(session, case) == [(True, Grade.VERY_SATISFIED)]
    assert late.conclusion == "answered"
    assert complaint.concluded_at is None


def test_another_number_does_not_answer_for_the_one_that_was_asked(session: Session, clock: Traveller) -> None:
    case = closed(session)

    contact = text(session, f"{case.number} 满意", sender=ANOTHER)
    bare = text(session, "5", sender="+8613900000998")

    assert answers(session, case) == []
    assert (contact.concluded_at, bare.concluded_at) == (None, None)


def test_of_two_that_wait_each_reply_answers_one(session: Session, clock: Traveller) -> None:
    first = closed(session)
    clock.shift(timedelta(hours=1))
    second = closed(session)

    clock.shift(timedelta(minutes=1))
    text(session, "5")
    assert "另有1件" in told(session)[0]
    clock.shift(timedelta(minutes=1))
    text(session, "2")

    assert answers(session, second) == [(True, Grade.VERY_SATISFIED)]
    assert answers(session, first) == [(False, Grade.DISSATISFIED)]


def test_a_digit_to_an_agent_who_has_just_asked_something_is_no_opinion(session: Session, clock: Traveller) -> None:
    case = closed(session)
    contact = text(session, "楼道灯不亮")
    contact.taken_at, contact.taken_by_id = now(), make_staff(session).id

    text(session, "3")

    assert answers(session, case) == []


@pytest.mark.parametrize("words", ["5号楼又停水了", "12345", "你好"])
def test_an_ordinary_message_stays_one(session: Session, clock: Traveller, words: str) -> None:
    case = closed(session)

    contact = text(session, words)

    assert answers(session, case) == []
    assert contact.concluded_at is None


def test_a_digit_that_was_sent_before_anybody_asked_is_no_opinion(session: Session, clock: Traveller) -> None:
    message = intake.receive(session, make_inbound(channel="sms", sender=NUMBER, text="5")).message
    clock.shift(timedelta(hours=1))
    case = closed(session)
    assert message is not None

    automatic.hear(session, MessageReceived(message.id, message.contact_id), None)

    assert answers(session, case) == []
