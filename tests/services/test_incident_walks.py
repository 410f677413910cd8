"""Whatever people do with an incident and its cases, in any order: every case has an owner, a clock and its answer."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Barrier

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.errors import HotlineError
from hotline.services import cases
from hotline.services.incidents import linking
from hotline.services.profiles import profiles
from models import Action, Case, CaseStatus, Incident, IncidentCase, Role
from models.workflow import CASE_OPEN
from tests.factories_cases import (
    an_actor,
    answer,
    check,
    dispatch,
    fresh_key,
    lead_of,
    make_case,
    reopen,
    send_back,
    sign,
)
from tests.services.test_incidents import PLACE, settle
from tests.services.test_walks import assert_sound

BY = (Role.DISPATCHER, Role.SHIFT_LEADER)
FORWARD: dict[str, Callable[[Session, Case], object]] = {
    "to_dispatch": dispatch,
    "dispatched": sign,
    "in_progress": answer,
    "answered": check,
    "closed": reopen,
}
ACTS = ("forward", "forward", "forward", "send_back", "open", "join", "join", "part", "withdraw", "give_back", "settle", "settle")
START = (CaseStatus.TO_DISPATCH, CaseStatus.TO_DISPATCH, CaseStatus.DISPATCHED, CaseStatus.IN_PROGRESS)
STEPS = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 3)), min_size=6, max_size=14)


@dataclass
class Walk:
    session: Session
    cases: list[Case]
    incidents: list[Incident] = field(default_factory=list)

    def forward(self, case: Case) -> None:
        FORWARD.get(case.status, dispatch)(self.session, case)

    def send_back(self, case: Case) -> None:
        send_back(self.session, case)

    def open(self, case: Case) -> None:
        found = [case, self.cases[(self.cases.index(case) + 1) % 4]]
        by = an_actor(self.session, *BY)
        self.incidents.append(linking.open_incident(self.session, found, title="停水", by=by, key=fresh_key()))

    def join(self, case: Case) -> None:
        for incident in self.incidents[-1:]:
            linking.join(self.session, incident, [case], by=an_actor(self.session, *BY), key=fresh_key())

    def part(self, case: Case) -> None:
        for incident in self.incidents:
            with suppress(HotlineError):
                linking.part(self.session, incident, case, reason="另一处", by=an_actor(self.session, *BY), key=fresh_key())

    def withdraw(self, case: Case) -> None:
        cases.advance(self.session, case, Action.WITHDRAW, by=an_actor(self.session, *BY), key=fresh_key(), note="撤诉")

    def settle(self, _: Case) -> None:
        settle(self.session)

    def give_back(self, case: Case) -> None:
        lead = lead_of(self.session, case)
        cases.advance(self.session, lead, Action.RETURN, by=an_actor(self.session, *BY), key=fresh_key(), note="不是")


def assert_all_sound(walk: Walk) -> None:
    for case in walk.cases:
        walk.session.refresh(case)
        assert_sound(walk.session, case, profiles.of(walk.session, case))
        membership = linking.membership_of(walk.session, case)
        if case.follows_id is not None:
            assert membership is not None
            assert membership[0].lead_case_id == case.follows_id
        if membership is not None and case.status in CASE_OPEN:
            assert case.follows_id is not None or membership[0].lead_case_id == case.id


def assert_followed(walk: Walk) -> None:
    """Once all has been handled, no follower is behind its lead."""
    for case in walk.cases:
        if case.follows_id is not None:
            lead = walk.session.get_one(Case, case.follows_id)
            assert linking.FAR.index(CaseStatus(case.status)) >= linking.FAR.index(CaseStatus(lead.status)) - 1


@settings(max_examples=6, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(steps=STEPS)
def test_in_any_order_no_case_is_left_alone(session: Session, steps: list[tuple[str, int]]) -> None:
    with session.begin_nested() as whole:
        walk = Walk(
            session, [make_case(session, status=state, number=f"1380000{n:04}", **PLACE) for n, state in enumerate(START)]
        )
        for name, which in steps:
            with suppress(HotlineError, NoResultFound), session.begin_nested():
                getattr(walk, name)(walk.cases[which])
            assert_all_sound(walk)
        settle(session)
        assert_all_sound(walk)
        assert_followed(walk)
        whole.rollback()
    session.expunge_all()


def test_two_people_who_link_the_same_cases_at_once_make_one_incident(database: Database) -> None:
    with database.unit_of_work() as session:
        found = [make_case(session, number=f"1380000{serial:04}", **PLACE).id for serial in range(3)]
        people = [an_actor(session, *BY) for _ in range(2)]
    together = Barrier(2)

    def link(place: int) -> str:
        together.wait(10)
        chosen = [found[0], found[1]] if place else [found[2], found[1]]
        try:
            with database.unit_of_work() as session:
                rows = [session.get_one(Case, case_id) for case_id in chosen]
                linking.open_incident(session, rows, title="停水", by=people[place], key=fresh_key())
        except HotlineError as refused:
            return refused.code
        return "made"

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(link, (0, 1)))

    assert said == ["made", "rule_broken"]
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(IncidentCase)) == 2


def test_one_joins_while_the_other_parts_and_both_find_an_order(database: Database) -> None:
    with database.unit_of_work() as session:
        rows = [make_case(session, number=f"1380000{serial:04}", **PLACE) for serial in range(4)]
        by = an_actor(session, *BY)
        incident_id = linking.open_incident(session, rows[:3], title="停水", by=by, key=fresh_key()).id
        ids = [row.id for row in rows]
    together = Barrier(2)

    def act(place: int) -> None:
        together.wait(10)
        with database.unit_of_work() as session:
            incident = session.get_one(Incident, incident_id)
            if place:
                linking.part(session, incident, session.get_one(Case, ids[0]), reason="误并", by=by, key=fresh_key())
            else:
                linking.join(session, incident, [session.get_one(Case, ids[3])], by=by, key=fresh_key())

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(act, (0, 1)))

    with database.reading() as session:
        lead_id = session.get_one(Incident, incident_id).lead_case_id
        follows = [session.get_one(Case, case_id).follows_id for case_id in ids[1:]]
    assert lead_id != ids[0]
    assert sorted(map(str, follows)) == sorted(map(str, [None, lead_id, lead_id]))
