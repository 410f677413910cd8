"""Numbers that are not served for a time: by rule, for a term that grows, never silently nor in an emergency, with an appeal."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.errors import NotAllowed, NoteRequired, RuleBroken, WrongState
from hotline.services import intake, queueing
from hotline.services.intake import Received
from hotline.services.sideways import refusals
from models import Conclusion, Contact, Direction, Message, NumberRefusal, QueueEntry, RefusalState, Role
from tests.factories_cases import an_actor
from tests.factories_contacts import make_agent, make_inbound

NUMBER = "+8613900000333"


def text(session: Session, words: str = "哈哈哈", number: str = NUMBER) -> Received:
    return intake.receive(session, make_inbound(channel="sms", sender=number, number=number, text=words))


def heard(session: Session, words: str, number: str = NUMBER) -> tuple[Contact, bool]:
    got = text(session, words, number)
    assert got.message is not None
    return got.contact, refusals.hear(session, got.contact, got.message)


def nuisance(session: Session) -> Contact:
    contact = text(session).contact
    agent = make_agent(session)
    queueing.take(session, agent, contact.id)
    queueing.conclude(session, contact, Conclusion.VOID, by=agent, note="谩骂")
    contact.void_code = refusals.NUISANCE
    session.flush()
    return contact


def proposed(session: Session) -> NumberRefusal:
    contact = [nuisance(session) for _ in range(3)][-1]
    return refusals.propose(session, contact, basis="三次谩骂", by=an_actor(session, Role.AGENT))


def refused(session: Session) -> NumberRefusal:
    leader = an_actor(session, Role.SHIFT_LEADER)
    return refusals.decide(session, proposed(session), grant=True, note="劝告无效", by=leader)


def said(session: Session, contact: Contact) -> list[str]:
    rows = select(Message.text).where(Message.contact_id == contact.id, Message.direction == Direction.OUT)
    return list(session.scalars(rows))


def test_a_refusal_is_not_proposed_before_the_rule_says_so(session: Session) -> None:
    contact = [nuisance(session) for _ in range(2)][-1]

    with pytest.raises(RuleBroken):
        refusals.propose(session, contact, basis="两次", by=an_actor(session, Role.AGENT))


def test_the_shift_leader_decides_with_a_reason_and_once(session: Session) -> None:
    row, leader = proposed(session), an_actor(session, Role.SHIFT_LEADER)

    with pytest.raises(NotAllowed):
        refusals.decide(session, row, grant=True, note="是", by=an_actor(session, Role.AGENT))
    with pytest.raises(NoteRequired):
        refusals.decide(session, row, grant=False, note="", by=leader)
    refusals.decide(session, row, grant=False, note="还可以劝告", by=leader)

    assert (row.state, row.until) == (RefusalState.DECLINED, None)
    with pytest.raises(WrongState):
        refusals.decide(session, row, grant=True, note="是", by=leader)


def test_what_a_refused_number_writes_is_a_contact_and_politely_answered(session: Session) -> None:
    row = refused(session)

    contact, was_refused = heard(session, "哈哈哈")

    assert was_refused
    assert (contact.conclusion, row.turned_away) == (Conclusion.REFUSED, 1)
    assert session.get(QueueEntry, contact.id) is None
    assert "暂不受理" in said(session, contact)[0]
    assert "申诉" in said(session, contact)[0]


def test_an_emergency_always_gets_through(session: Session) -> None:
    row = refused(session)

    contact, was_refused = heard(session, "滨江路12号着火了，有人被困")

    assert not was_refused
    assert (contact.concluded_at, row.turned_away) == (None, 0)


def test_others_and_whoever_an_agent_has_taken_are_not_cut_off(session: Session) -> None:
    refused(session)
    _, other = heard(session, "路灯坏了", number="+8613900000444")
    mine = text(session, "着火了").contact
    queueing.take(session, make_agent(session), mine.id)

    _, again = heard(session, "哈哈哈")

    assert not other
    assert not again


def test_the_term_ends_by_itself_and_grows_the_next_time(session: Session, clock: Traveller) -> None:
    first = refused(session)
    assert first.until is not None
    clock.move_to(first.until + timedelta(seconds=1))

    _, was_refused = heard(session, "路灯坏了")
    session.flush()
    second = refused(session)

    assert not was_refused
    assert second.round == 2
    assert second.until is not None
    assert second.decided_at is not None
    assert second.until - second.decided_at == timedelta(hours=168)


def test_an_appeal_in_the_thread_is_kept_and_decided(session: Session) -> None:
    row, leader = refused(session), an_actor(session, Role.SHIFT_LEADER)

    contact, was_heard = heard(session, "申诉：手机被孩子拿去玩了")
    assert was_heard
    assert "复核" in said(session, contact)[0]
    assert [each.id for each in refusals.listed(session).appeals] == [row.id]
    refusals.lift(session, row, note="情况属实", by=leader)

    assert (row.appeal, row.state) == ("手机被孩子拿去玩了", RefusalState.LIFTED)
    assert refusals.current(session, contact) is None
    assert "恢复受理" in said(session, session.get_one(Contact, row.contact_id))[-1]
    _, again = heard(session, "路灯坏了")
    assert not again


def test_an_appeal_that_changes_nothing_is_answered_and_not_made_again(session: Session) -> None:
    row, leader = refused(session), an_actor(session, Role.SHIFT_LEADER)
    heard(session, "申诉 我没有骚扰")
    refusals.keep(session, row, note="有三次录音为证", by=leader)

    contact, was_heard = heard(session, "申诉 我真的没有")

    assert was_heard
    assert (contact.conclusion, row.turned_away) == (Conclusion.REFUSED, 1)
    with pytest.raises(WrongState):
        refusals.keep(session, row, note="再看", by=leader)
    with pytest.raises(RuleBroken):
        refusals.appeal_of(session, contact, "再申诉")
