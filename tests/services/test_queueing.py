"""Who is served next, and that nobody is served twice."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.errors import AlreadyTaken, NotAllowed, NoteRequired, NotFound, RuleBroken, WrongState
from hotline.services import queueing
from models import (
    AccessLog,
    Call,
    Conclusion,
    Contact,
    Offer,
    OutboxMessage,
    PresenceState,
    QueueEntry,
    Role,
    Staff,
    Urgency,
    new_id,
    now,
)
from tests.factories_contacts import make_agent, make_contact
from tests.statements import counted


def events_of(session: Session, name: str) -> list[str]:
    session.flush()
    return [row.body["contact_id"] for row in session.scalars(select(OutboxMessage).where(OutboxMessage.event == name))]


def test_the_contact_that_used_most_of_its_clock_goes_first(session: Session, clock: time_machine.Traveller) -> None:
    letter = make_contact(session, waited=3600)
    message = make_contact(session, channel="sms", waited=170)
    call = make_contact(session, channel="voice", waited=10)
    agent = make_agent(session)

    assert [waiting.contact for waiting in queueing.waiting(session)] == [message, call, letter]
    assert queueing.take_next(session, agent) == message


def test_an_urgent_letter_goes_before_everything_that_is_not(session: Session, clock: time_machine.Traveller) -> None:
    make_contact(session, channel="voice", waited=600)
    letter = make_contact(session, waited=5, urgency=Urgency.URGENT)
    emergency = make_contact(session, waited=1, urgency=Urgency.EMERGENCY)
    agent = make_agent(session)

    taken = [queueing.take_next(session, agent) for _ in range(2)]

    assert taken == [emergency, letter]


def test_taking_marks_the_contact_and_tells(session: Session, clock: time_machine.Traveller) -> None:
    contact = make_contact(session)
    agent = make_agent(session)

    taken = queueing.take_next(session, agent)

    assert taken is contact
    assert (contact.taken_by_id, contact.taken_at, contact.state) == (agent.id, now(), "taken")
    assert events_of(session, "ContactTaken") == [str(contact.id)]
    assert queueing.take_next(session, agent) is None


@pytest.mark.parametrize("state", [PresenceState.PAUSED, PresenceState.WRAP_UP, PresenceState.OFFLINE])
def test_whoever_is_not_available_is_given_nothing(session: Session, state: PresenceState) -> None:
    make_contact(session)

    assert queueing.take_next(session, make_agent(session, state=state)) is None


@pytest.mark.parametrize(
    "agent",
    [{"skills": ["water"]}, {"languages": ["en"]}, {"channels": ["voice"]}, {"capacity": 0}],
    ids=lambda agent: str(*agent),
)
def test_whom_a_contact_does_not_suit_is_not_given_it(session: Session, agent: dict[str, Any]) -> None:
    make_contact(session)

    assert queueing.take_next(session, make_agent(session, **agent)) is None


def test_a_channel_that_is_new_to_the_accounts_is_everybodys(session: Session) -> None:
    contact = make_contact(session, channel="letterbox")

    assert queueing.take_next(session, make_agent(session)) == contact


def test_a_call_is_answered_at_the_telephone_not_taken(session: Session) -> None:
    call = make_contact(session, channel="voice", waited=60)
    letter = make_contact(session)
    agent = make_agent(session)

    assert queueing.take_next(session, agent) == letter
    with pytest.raises(RuleBroken, match="telephone"):
        queueing.take(session, agent, call.id)


def test_a_text_held_out_to_a_colleague_is_not_given_to_anybody_else(session: Session) -> None:
    held_out, other = make_contact(session, waited=60), make_contact(session)
    colleague, agent = make_agent(session), make_agent(session)
    session.add(Offer(contact_id=held_out.id, staff_id=colleague.id, until=now() + timedelta(seconds=20)))
    session.flush()

    assert queueing.take_next(session, agent) == other
    assert queueing.take_next(session, colleague) == held_out


@pytest.mark.parametrize("way", ["put back", "handed over", "left behind"])
def test_a_call_that_is_over_comes_back_as_something_to_do(session: Session, way: str) -> None:
    agent, colleague = make_agent(session), make_agent(session)
    contact = answered_call(session, agent, ended=True)

    if way == "put back":
        queueing.put_back(session, contact, by=agent, reason="cannot say")
    elif way == "handed over":
        queueing.hand_over(session, contact, by=agent, to=colleague)
    else:
        queueing.release(session, [agent.id])

    assert queueing.take_next(session, colleague) == contact


def test_a_caller_who_still_speaks_stays_with_the_agent(session: Session) -> None:
    agent = make_agent(session)
    contact = answered_call(session, agent, ended=False)

    with pytest.raises(RuleBroken, match="still there"):
        queueing.put_back(session, contact, by=agent, reason="wrong button")
    queueing.release(session, [agent.id])

    assert contact.taken_by_id == agent.id
    assert queueing.waiting(session) == []


def answered_call(session: Session, agent: Staff, *, ended: bool) -> Contact:
    contact = make_contact(session, channel="voice")
    queueing.leave(session, contact)
    contact.taken_at, contact.taken_by_id = now(), agent.id
    call = session.scalars(select(Call).where(Call.contact_id == contact.id)).one()
    call.ended_at = now() if ended else None
    session.flush()
    return contact


def test_a_particular_contact_can_be_taken_and_taken_again_by_the_same_person(session: Session) -> None:
    make_contact(session, waited=60)
    wanted = make_contact(session)
    agent = make_agent(session)

    assert queueing.take(session, agent, wanted.id) == wanted
    assert queueing.take(session, agent, wanted.id) == wanted
    assert events_of(session, "ContactTaken") == [str(wanted.id)]


def test_what_a_colleague_has_taken_is_refused(session: Session) -> None:
    contact = make_contact(session)
    colleague, agent = make_agent(session), make_agent(session)
    queueing.take(session, colleague, contact.id)

    with pytest.raises(AlreadyTaken):
        queueing.take(session, agent, contact.id)

    assert contact.taken_by_id == colleague.id


def test_taking_is_refused_without_a_desk_beyond_capacity_and_for_what_is_not_there(session: Session) -> None:
    first, second = make_contact(session), make_contact(session)
    agent, away = make_agent(session, capacity=1), make_agent(session, state=PresenceState.OFFLINE)
    queueing.take(session, agent, first.id)

    with pytest.raises(RuleBroken, match="available"):
        queueing.take(session, away, second.id)
    with pytest.raises(RuleBroken, match="1 contacts open"):
        queueing.take(session, agent, second.id)
    with pytest.raises(NotFound):
        queueing.take(session, make_agent(session), new_id())


def test_put_back_it_has_its_old_clock_and_a_reason_on_record(session: Session, clock: time_machine.Traveller) -> None:
    contact = make_contact(session, channel="sms", waited=170)
    agent = make_agent(session)
    queueing.take_next(session, agent)
    clock.shift(timedelta(seconds=60))

    queueing.put_back(session, contact, by=agent, reason="不熟悉这类业务")

    [waiting] = queueing.waiting(session)
    assert waiting.contact == contact
    assert waiting.share == pytest.approx(230 / 180)
    assert waiting.seconds_left == pytest.approx(-50)
    assert contact.state == "waiting"
    assert session.scalars(select(AccessLog)).one().reason == "不熟悉这类业务"


def test_putting_back_is_refused_to_others_and_without_a_reason(session: Session) -> None:
    contact = make_contact(session)
    agent, colleague, leader = make_agent(session), make_agent(session), make_agent(session, roles=(Role.SHIFT_LEADER,))
    queueing.take_next(session, agent)

    with pytest.raises(NotAllowed):
        queueing.put_back(session, contact, by=colleague, reason="给我")
    with pytest.raises(NoteRequired):
        queueing.put_back(session, contact, by=agent, reason=" ")
    queueing.put_back(session, contact, by=leader, reason="换班")

    assert contact.state == "waiting"


def test_handed_to_a_colleague_it_is_kept_for_that_person(session: Session) -> None:
    contact = make_contact(session)
    agent, colleague, other = make_agent(session), make_agent(session, skills=["water"]), make_agent(session)
    queueing.take_next(session, agent)

    queueing.hand_over(session, contact, by=agent, to=colleague)

    assert queueing.take_next(session, other) is None
    with pytest.raises(RuleBroken, match="kept for a colleague"):
        queueing.take(session, other, contact.id)
    assert queueing.take_next(session, colleague) == contact


def test_handed_to_a_skill_group_it_waits_for_the_first_of_that_group(session: Session) -> None:
    contact = make_contact(session)
    agent, expert = make_agent(session), make_agent(session, skills=["water"])
    queueing.take_next(session, agent)

    queueing.hand_over(session, contact, by=agent, skill="water")

    assert queueing.take_next(session, agent) is None
    assert queueing.take_next(session, expert) == contact


def test_a_shift_leader_moves_what_nobody_has_taken(session: Session) -> None:
    contact = make_contact(session)
    agent, leader = make_agent(session), make_agent(session, roles=(Role.SHIFT_LEADER,))

    with pytest.raises(NotAllowed):
        queueing.hand_over(session, contact, by=agent, skill="water")
    queueing.hand_over(session, contact, by=leader, to=agent)

    assert [waiting.reserved_for_id for waiting in queueing.waiting(session)] == [agent.id]


def test_handing_over_needs_one_receiver_who_is_there(session: Session) -> None:
    contact = make_contact(session)
    agent, away = make_agent(session), make_agent(session, state=PresenceState.OFFLINE)
    queueing.take_next(session, agent)

    with pytest.raises(RuleBroken, match="either"):
        queueing.hand_over(session, contact, by=agent)
    with pytest.raises(RuleBroken, match="not at a desk"):
        queueing.hand_over(session, contact, by=agent, to=away)

    assert contact.taken_by_id == agent.id


def test_urgency_is_raised_and_never_lowered(session: Session, clock: time_machine.Traveller) -> None:
    contact = make_contact(session, waited=60)

    assert queueing.raise_urgency(session, contact, Urgency.EMERGENCY)
    assert not queueing.raise_urgency(session, contact, Urgency.NORMAL)

    [waiting] = queueing.waiting(session)
    assert contact.urgency == Urgency.EMERGENCY
    assert waiting.seconds_left == pytest.approx(120)


def test_concluding_ends_the_contact_once_and_tells(session: Session) -> None:
    contact = make_contact(session)
    agent = make_agent(session)
    queueing.take_next(session, agent)

    queueing.conclude(session, contact, Conclusion.VOID, by=agent, note="测试")

    assert (contact.state, contact.conclusion, contact.conclusion_note) == ("concluded", "void", "测试")
    assert events_of(session, "ContactConcluded") == [str(contact.id)]
    with pytest.raises(WrongState):
        queueing.conclude(session, contact, Conclusion.ANSWERED, by=agent)
    with pytest.raises(WrongState):
        queueing.take(session, agent, contact.id)


def test_concluding_is_refused_without_what_it_needs(session: Session) -> None:
    contact = make_contact(session)
    agent, colleague = make_agent(session), make_agent(session)
    queueing.take_next(session, agent)

    with pytest.raises(NoteRequired):
        queueing.conclude(session, contact, Conclusion.REDIRECTED, by=agent)
    with pytest.raises(RuleBroken, match="filed"):
        queueing.conclude(session, contact, Conclusion.FILED, by=agent)
    with pytest.raises(NotAllowed):
        queueing.conclude(session, contact, Conclusion.ANSWERED, by=colleague)


def test_a_caller_who_hangs_up_leaves_the_queue(session: Session) -> None:
    call = make_contact(session, channel="voice")

    queueing.conclude(session, call, Conclusion.ABANDONED, by=None)

    assert queueing.waiting(session) == []
    assert call.state == "concluded"


def test_counts_say_how_many_wait_how_long_and_how_many_too_long(session: Session, clock: time_machine.Traveller) -> None:
    for waited in (10, 200, 400):
        make_contact(session, channel="sms", waited=waited)
    make_contact(session)

    counts = queueing.counts(session)

    assert (counts["sms"].waiting, counts["sms"].past_clock, counts["mailbox"].past_clock) == (3, 2, 0)
    assert counts["sms"].oldest_seconds == pytest.approx(400)
    assert len(queueing.waiting(session, channel="sms", limit=2)) == 2


def test_taking_next_costs_six_statements_at_most_even_where_text_is_owed_a_seat(session: Session) -> None:
    make_contact(session, channel="sms", waited=500)
    make_contact(session, channel="voice", waited=60)
    agent = make_agent(session)

    with counted(session) as statements:
        taken = queueing.take_next(session, agent)
        session.flush()

    assert taken is not None
    assert taken.channel == "sms"
    assert len(statements) <= 6, statements


def test_sixteen_takers_are_given_each_contact_once(database: Database) -> None:
    with database.unit_of_work() as session:
        agents = [make_agent(session, capacity=300) for _ in range(16)]
        waiting = {make_contact(session, waited=number).id for number in range(200)}
    together = threading.Barrier(16)

    def take_all(agent: Staff) -> list[UUID]:
        together.wait()
        mine: list[UUID] = []
        while True:
            with database.unit_of_work() as session:
                contact = queueing.take_next(session, agent)
            if contact is None:
                return mine
            mine.append(contact.id)

    with ThreadPoolExecutor(16) as pool:
        taken = [contact for mine in pool.map(take_all, agents) for contact in mine]

    assert len(taken) == 200
    assert set(taken) == waiting
    with database.reading() as session:
        assert session.scalars(select(QueueEntry)).all() == []
        assert len(session.scalars(select(Contact.taken_by_id).where(Contact.taken_by_id.is_not(None))).all()) == 200


def test_of_many_who_want_one_contact_one_gets_it_and_the_others_are_told(database: Database) -> None:
    with database.unit_of_work() as session:
        agents = [make_agent(session) for _ in range(8)]
        contact = make_contact(session)
    together = threading.Barrier(8)

    def take(agent: Staff) -> bool:
        together.wait()
        try:
            with database.unit_of_work() as session:
                queueing.take(session, agent, contact.id)
        except AlreadyTaken:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, agents)) == 1


def test_one_person_with_many_pages_is_not_given_more_than_the_desk_holds(database: Database) -> None:
    with database.unit_of_work() as session:
        agent = make_agent(session, capacity=2)
        for _ in range(8):
            make_contact(session)

    def take(_: int) -> bool:
        with database.unit_of_work() as session:
            return queueing.take_next(session, agent) is not None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(8))) == 2
