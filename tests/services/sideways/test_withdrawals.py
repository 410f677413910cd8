"""A matter is withdrawn by the citizen alone: in its own thread, asked first; or by word to a person of the centre."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotAllowed, WrongState
from hotline.services import history, intake
from hotline.services.sideways import withdrawing
from models import Assignment, AssignmentStatus, Case, CaseStatus, Contact, Direction, Message, Role, now
from tests.factories_cases import an_actor, fresh_key, make_case
from tests.factories_contacts import make_inbound

SENDER = "+8613900000111"


def texted(session: Session, text: str, sender: str = SENDER) -> tuple[Contact, Message]:
    received = intake.receive(session, make_inbound(channel="sms", sender=sender, number=sender, text=text))
    assert received.message is not None
    return received.contact, received.message


def by_text(session: Session, status: CaseStatus = CaseStatus.IN_PROGRESS) -> Case:
    contact, _ = texted(session, "小区门口垃圾没人清")
    case = make_case(session, status=status, contact=contact)
    contact.concluded_at = now()
    session.flush()
    return case


def said(session: Session, contact: Contact) -> list[str]:
    rows = select(Message.text).where(Message.contact_id == contact.id, Message.direction == Direction.OUT)
    return list(session.scalars(rows.order_by(Message.received_at)))


def test_a_wish_in_the_thread_is_asked_about_and_done_when_confirmed(session: Session) -> None:
    case = by_text(session)

    contact, wish = texted(session, f"撤诉 {case.number}")
    assert withdrawing.hear(session, contact, wish)
    asked, status = said(session, contact)[-1], case.status
    _, sure = texted(session, f"确认撤回{case.number}")
    assert withdrawing.hear(session, contact, sure)

    assert status == CaseStatus.IN_PROGRESS
    assert f"确认撤回{case.number}" in asked
    session.refresh(case)
    assert case.status == CaseStatus.WITHDRAWN
    rows = session.scalars(select(Assignment).where(Assignment.case_id == case.id)).all()
    assert {row.status for row in rows} == {AssignmentStatus.WITHDRAWN}
    assert history.verify(session, case) is None


def test_nobody_withdraws_another_persons_matter(session: Session) -> None:
    case = by_text(session)
    stranger, wish = texted(session, f"确认撤回{case.number}", sender="+8613900000222")

    assert not withdrawing.hear(session, stranger, wish)

    assert case.status == CaseStatus.IN_PROGRESS


def test_what_is_answered_already_is_not_withdrawn_any_more(session: Session) -> None:
    case = by_text(session, CaseStatus.ANSWERED)
    contact, wish = texted(session, f"撤诉{case.number}")

    assert withdrawing.hear(session, contact, wish)

    assert "不能再撤回" in said(session, contact)[-1]
    assert case.status == CaseStatus.ANSWERED


def test_other_words_are_left_to_people(session: Session) -> None:
    contact, message = texted(session, "我要撤诉，怎么办理？")

    assert not withdrawing.hear(session, contact, message)


def test_by_word_it_needs_a_reason_and_somebody_of_the_centre(session: Session) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED)

    with pytest.raises(Invalid):
        withdrawing.withdraw(session, case, reason=" ", by=an_actor(session, Role.AGENT), key=fresh_key())
    with pytest.raises(NotAllowed):
        withdrawing.withdraw(session, case, reason="市民同意", by=an_actor(session, Role.LIAISON, unit="CGJ"), key=fresh_key())
    withdrawing.withdraw(session, case, reason="市民来电", by=an_actor(session, Role.AGENT), key=fresh_key())

    assert case.status == CaseStatus.WITHDRAWN
    with pytest.raises(WrongState):
        withdrawing.withdraw(session, case, reason="市民来电", by=an_actor(session, Role.AGENT), key=fresh_key())
