"""The order of the queue, whatever waits in it."""

from dataclasses import dataclass

import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hotline.services import queue_rule, queueing
from hotline.services.telephone import routing
from models import Contact, Rule, Urgency
from tests.factories_contacts import make_agent, make_contact

LIMITS = {"voice": 15, "sms": 180, "mailbox": 86400}
WITHIN = {Urgency.EMERGENCY: 180, Urgency.URGENT: 3600, Urgency.NORMAL: 86400}


@dataclass(frozen=True)
class Place:
    channel: str
    urgency: Urgency
    waited: int

    @property
    def share(self) -> float:
        return self.waited / min(LIMITS[self.channel], WITHIN[self.urgency])

    @property
    def is_text(self) -> bool:
        return self.channel != "voice"


places = st.builds(Place, st.sampled_from(sorted(LIMITS)), st.sampled_from(list(Urgency)), st.integers(0, 200_000))
queues = st.lists(places, min_size=1, max_size=6, unique_by=lambda place: (place.urgency, place.share))
few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def fill(session: Session, queue: list[Place]) -> dict[Contact, Place]:
    return {make_contact(session, channel=place.channel, urgency=place.urgency, waited=place.waited): place for place in queue}


@few
@given(queues)
def test_urgent_first_then_the_larger_share_of_the_clock(
    session: Session, clock: time_machine.Traveller, queue: list[Place]
) -> None:
    with session.begin_nested() as example:
        place_of = fill(session, queue)

        order = [place_of[waiting.contact] for waiting in queueing.waiting(session)]

        assert order == sorted(queue, key=lambda place: (-place.urgency.weight, -place.share))
        example.rollback()


@few
@given(queues)
def test_whoever_asks_is_given_the_first_text(session: Session, clock: time_machine.Traveller, queue: list[Place]) -> None:
    with session.begin_nested() as example:
        place_of = fill(session, queue)

        taken = queueing.take_next(session, make_agent(session))

        texts = [place for place in queue if place.is_text]
        first = max(texts, key=lambda place: (place.urgency.weight, place.share), default=None)
        assert (place_of[taken] if taken else None) == first
        example.rollback()


@few
@given(queues)
def test_every_text_that_waits_is_served_in_the_end(session: Session, clock: time_machine.Traveller, queue: list[Place]) -> None:
    with session.begin_nested() as example:
        waiting = {contact for contact, place in fill(session, queue).items() if place.is_text}
        agents = [make_agent(session, capacity=2) for _ in queue]

        taken = {queueing.take_next(session, agent) for agent in agents}

        assert taken - {None} == waiting
        example.rollback()


@few
@given(st.floats(0.01, 1), st.integers(1, 8))
def test_the_share_of_seats_on_text_is_held_while_text_is_late(
    session: Session, clock: time_machine.Traveller, share: float, seats: int
) -> None:
    """However many calls wait longer than any text."""
    with session.begin_nested() as example:
        edit_rule(session, text_share=share)
        agents = [make_agent(session) for _ in range(seats)]
        fill(session, [Place("voice", Urgency.NORMAL, 5000)] * seats + [Place("sms", Urgency.NORMAL, 181)] * seats)

        for agent in agents:
            if text := routing.choose(session, agent.id):
                queueing.take(session, agent, text)

        on_text = len(session.scalars(select(Contact.id).where(Contact.taken_by_id.is_not(None))).all())
        assert share * seats <= on_text < share * seats + 1
        example.rollback()


def test_before_the_rule_is_loaded_the_one_that_ships_holds(session: Session) -> None:
    session.execute(delete(Rule).where(Rule.kind == "queue"))

    rule = queue_rule.current(session)

    assert (rule.limit("voice", Urgency.NORMAL), rule.limit("mailbox", Urgency.EMERGENCY)) == (15, 180)
    assert rule.limit("a channel of next year", Urgency.NORMAL) == 86400


def edit_rule(session: Session, **values: object) -> None:
    """As an administrator does: a new edition beside the old one."""
    old = session.scalars(select(Rule).where(Rule.kind == "queue", Rule.current)).one()
    old.current = False
    edition = old.edition + 1
    session.add(Rule(kind="queue", code="default", edition=edition, digest=str(values), body={**old.body, **values}))
    session.flush()
