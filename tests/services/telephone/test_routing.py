"""Text beside calls: who is offered what, and what becomes of it."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.errors import AlreadyTaken, RuleBroken
from hotline.services import presence, queueing
from hotline.services.telephone import lines, routing, telephone_rule
from models import Call, Contact, Offer, PhoneLine, Presence, PresenceState, Rule, Staff, SwitchboardCommand, Urgency, now
from tests.factories import make_staff, signed_in
from tests.factories_calls import make_call, tell
from tests.factories_contacts import make_agent, make_contact


def at_line(session: Session, **values: Any) -> Staff:
    staff = make_agent(session, **values)
    lines.sign_in(session, signed_in(session, staff))
    session.flush()
    return staff


def rule_with(session: Session, **changes: Any) -> None:
    """Another edition of how the city answers its telephone."""
    body = telephone_rule.shipped().model_dump(mode="json", by_alias=True)
    for rule in session.scalars(select(Rule).where(Rule.kind == "telephone", Rule.current)):
        rule.current = False
    session.flush()
    session.add(Rule(kind="telephone", code="default", edition=99, digest="", body={**body, **changes}, current=True))
    session.flush()


def test_a_free_agent_is_offered_the_text_when_no_call_waits(session: Session) -> None:
    text = make_contact(session, channel="sms", waited=10)

    assert routing.choose(session, make_agent(session).id) == text.id


def test_a_call_that_ranks_first_leaves_the_telephone_working(session: Session, clock: time_machine.Traveller) -> None:
    make_contact(session, channel="sms", waited=10)
    make_contact(session, channel="voice", waited=10)

    assert routing.choose(session, make_agent(session).id) is None


def test_a_text_that_used_more_of_its_clock_than_the_call_comes_first(session: Session, clock: time_machine.Traveller) -> None:
    text = make_contact(session, channel="sms", waited=170)
    make_contact(session, channel="voice", waited=5)

    assert routing.choose(session, make_agent(session).id) == text.id


def test_late_text_comes_before_calls_while_it_is_owed_a_share(session: Session, clock: time_machine.Traveller) -> None:
    late = make_contact(session, channel="sms", waited=200)
    make_contact(session, channel="voice", waited=600)
    first, second = make_agent(session), make_agent(session)

    assert routing.choose(session, first.id) == late.id
    queueing.take(session, first, late.id)
    make_contact(session, channel="sms", waited=200)
    assert routing.choose(session, second.id) is None


def test_the_weight_of_the_exchanges_queues_is_reckoned_with(session: Session, clock: time_machine.Traveller) -> None:
    """The exchange would give the call of the heavier queue, however long another one has waited."""
    rule_with(session, queues={"main": {"skill": "general"}, "english": {"skill": "general", "language": "en", "weight": 10}})
    text = make_contact(session, channel="sms", waited=90)
    make_contact(session, channel="voice", waited=14)
    bilingual = make_agent(session, languages=["zh", "en"])
    assert routing.choose(session, bilingual.id) is None

    make_contact(session, channel="voice", waited=1, language="en")

    assert routing.choose(session, bilingual.id) == text.id
    assert routing.choose(session, make_agent(session).id) is None


@pytest.mark.parametrize("who", [{"channels": ["voice"]}, {"capacity": 0}, {"skills": ["water"]}, {"languages": ["en"]}])
def test_whom_a_text_does_not_suit_is_not_offered_it(session: Session, who: dict[str, Any]) -> None:
    make_contact(session, channel="sms")

    assert routing.choose(session, make_agent(session, **who).id) is None


def test_a_text_is_held_out_to_one_person_only(session: Session) -> None:
    text = make_contact(session, channel="sms")
    first, second = make_agent(session), make_agent(session)

    offered = routing.offer(session, text.id, first.id)

    assert offered is not None
    assert routing.choose(session, second.id) is None
    assert routing.offer(session, text.id, second.id) is None
    assert routing.offer(session, make_contact(session, channel="sms").id, first.id) is None
    assert offered.staff_id == first.id


@pytest.mark.parametrize("state", [PresenceState.PAUSED, PresenceState.OFFLINE, PresenceState.WRAP_UP])
def test_whoever_has_gone_meanwhile_is_offered_nothing(session: Session, state: PresenceState) -> None:
    text = make_contact(session, channel="sms")
    staff = make_agent(session, state=state)

    assert routing.offer(session, text.id, staff.id) is None
    assert routing.offer(session, text.id, make_staff(session).id) is None


def test_taken_the_text_is_the_persons(session: Session) -> None:
    text = make_contact(session, channel="sms")
    staff = make_agent(session)
    routing.offer(session, text.id, staff.id)

    contact = routing.accept_offer(session, staff)

    assert (contact.id, contact.taken_by_id) == (text.id, staff.id)
    assert session.scalars(select(Offer)).all() == []
    with pytest.raises(RuleBroken):
        routing.accept_offer(session, staff)


def test_declined_it_waits_for_everybody(session: Session) -> None:
    text = make_contact(session, channel="sms")
    staff, other = make_agent(session), make_agent(session)
    routing.offer(session, text.id, staff.id)

    routing.decline_offer(session, staff)
    routing.decline_offer(session, staff)

    assert routing.choose(session, other.id) == text.id


def test_not_taken_in_time_it_is_over(session: Session, clock: time_machine.Traveller) -> None:
    text = make_contact(session, channel="sms")
    staff = make_agent(session)
    routing.offer(session, text.id, staff.id)
    assert not routing.look(session).offers_in_doubt
    assert routing.lapse(session) == []

    clock.shift(timedelta(seconds=telephone_rule.current(session).offer))

    assert routing.look(session).offers_in_doubt
    with pytest.raises(RuleBroken):
        routing.accept_offer(session, staff)
    assert routing.lapse(session) == [staff.id]
    assert routing.choose(session, staff.id) == text.id


def offered(session: Session, **values: Any) -> Staff:
    """Somebody who is held out a text that has used half of its clock, or what is said of it."""
    staff = at_line(session)
    routing.offer(session, make_contact(session, **{"channel": "sms", "waited": 90, **values}).id, staff.id)
    return staff


def waiting_call(session: Session, *, waited: float, **values: Any) -> Call:
    return make_call(session, at=now() - timedelta(seconds=waited + 1), seconds=1, **values)


def test_an_offer_nobody_has_answered_gives_way_to_a_caller_who_comes_first(
    session: Session, clock: time_machine.Traveller
) -> None:
    staff = offered(session)
    waiting_call(session, waited=5)
    assert routing.look(session).offers_in_doubt
    assert routing.lapse(session) == []

    clock.shift(timedelta(seconds=5))

    assert routing.lapse(session) == [staff.id]
    assert not routing.look(session).offers
    with pytest.raises(RuleBroken):
        routing.accept_offer(session, staff)


@pytest.mark.parametrize("first", [{"urgency": Urgency.URGENT}, {"waited": 200}])
def test_it_stays_while_the_text_comes_first(session: Session, clock: time_machine.Traveller, first: dict[str, Any]) -> None:
    """More urgent, or late while less than its share of the seats works on text."""
    offered(session, **first)
    waiting_call(session, waited=60)

    assert routing.lapse(session) == []


def test_it_stays_while_the_caller_has_a_telephone_to_ring(session: Session, clock: time_machine.Traveller) -> None:
    staff, colleague = offered(session), at_line(session, state=PresenceState.PAUSED)
    line = session.scalars(select(PhoneLine).where(PhoneLine.staff_id == colleague.id)).one()
    call = waiting_call(session, waited=14)
    assert routing.lapse(session, free={"main"}) == []

    tell(session, call.linkedid, "rang", at=now(), line=line)
    assert routing.lapse(session) == []

    tell(session, call.linkedid, "not_answered", at=now(), line=line)
    assert routing.lapse(session, free={"english"}) == [staff.id]


def test_one_offer_gives_way_for_each_caller(session: Session, clock: time_machine.Traveller) -> None:
    people = [offered(session).id for _ in range(3)]
    waiting_call(session, waited=14)
    waiting_call(session, waited=12)

    gone = routing.lapse(session)

    assert len(gone) == 2
    assert set(gone) < set(people)


def test_an_offer_ends_with_the_person_or_with_the_text(session: Session) -> None:
    first, second = make_contact(session, channel="sms"), make_contact(session, channel="sms")
    gone, late = make_agent(session), make_agent(session)
    routing.offer(session, first.id, gone.id)
    routing.offer(session, second.id, late.id)
    presence.set_presence(session, gone, PresenceState.PAUSED, "吃饭")
    queueing.take(session, make_agent(session), second.id)
    with pytest.raises(AlreadyTaken):
        routing.accept_offer(session, late)
    session.flush()

    assert set(routing.lapse(session)) == {gone.id, late.id}


def test_two_people_who_are_offered_the_same_text_at_once_do_not_both_get_it(database: Database) -> None:
    with database.unit_of_work() as session:
        text, first, second = make_contact(session, channel="sms"), make_agent(session), make_agent(session)
    with database.unit_of_work() as session:
        routing.offer(session, text.id, first.id)
    with database.unit_of_work() as session:
        assert routing.offer(session, text.id, second.id) is None


def test_the_time_for_notes_ends_by_itself(session: Session, clock: time_machine.Traveller) -> None:
    staff = at_line(session, state=PresenceState.WRAP_UP)
    floor = routing.look(session)
    assert not floor.is_wrapped_up(floor.seats[0])

    clock.shift(timedelta(seconds=floor.rule.wrap_up))

    assert floor.is_wrapped_up(floor.seats[0])
    assert routing.end_wrap_up(session, staff.id)
    assert session.get_one(Presence, staff.id).state == PresenceState.AVAILABLE
    assert not routing.end_wrap_up(session, staff.id)


def test_whoever_paused_during_the_notes_stays_paused(session: Session, clock: time_machine.Traveller) -> None:
    staff = at_line(session, state=PresenceState.WRAP_UP)
    presence.set_presence(session, staff, PresenceState.PAUSED, "吃饭")

    assert not routing.end_wrap_up(session, staff.id)

    assert session.get_one(Presence, staff.id).reason == "吃饭"


def test_whoever_lets_three_calls_ring_is_paused_and_may_come_back(session: Session) -> None:
    staff = at_line(session)
    for serial in range(3):
        floor = routing.look(session)
        assert not floor.is_deaf(floor.seats[0])
        make_call(
            session, linkedid=f"h-{serial}", facts=("queued", "rang", "not_answered"), line=lines.line_of(session, staff.id)
        )
    session.expire_all()
    floor = routing.look(session)
    assert floor.is_deaf(floor.seats[0])

    routing.pause_deaf(session, staff.id)

    seat = routing.look(session).seats[0]
    assert (seat.state, seat.reason, seat.missed_rings) == (PresenceState.PAUSED, "三次未接", 0)
    presence.set_presence(session, staff, PresenceState.AVAILABLE)
    assert lines.desired(session)[0].reason == ""


def test_the_service_moves_a_seat_without_asking_the_exchange(session: Session, clock: time_machine.Traveller) -> None:
    staff = at_line(session, state=PresenceState.WRAP_UP)
    before = len(session.scalars(select(SwitchboardCommand)).all())

    routing.end_wrap_up(session, staff.id)
    routing.pause_deaf(session, staff.id)

    assert len(session.scalars(select(SwitchboardCommand)).all()) == before
    assert session.scalars(select(PhoneLine.missed_rings).where(PhoneLine.staff_id == staff.id)).one() == 0


def test_urgent_texts_past_their_clock_are_known(session: Session, clock: time_machine.Traveller) -> None:
    make_contact(session, channel="sms", waited=600)
    make_contact(session, channel="sms", urgency=Urgency.URGENT)
    late = make_contact(session, channel="sms", waited=600, urgency=Urgency.EMERGENCY)

    assert list(routing.late_urgent_texts(session)) == [late.id]


def test_a_waiting_caller_who_became_urgent_goes_ahead(session: Session) -> None:
    call = make_call(session, linkedid="h-7")
    assert routing.urgent_callers(session) == []
    queueing.raise_urgency(session, make_contact(session, channel="sms"), Urgency.EMERGENCY)
    queueing.raise_urgency(session, session.get_one(Contact, call.contact_id), Urgency.EMERGENCY)

    [found] = routing.urgent_callers(session)
    routing.put_ahead(session, found)

    assert (found.call.linkedid, found.weight) == ("h-7", 2)
    command = session.scalars(select(SwitchboardCommand)).one()
    assert command.action.value == "urge"
