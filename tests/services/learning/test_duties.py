"""Returns teach whose a matter is: counted, beyond chance, shown and switched by a person."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from classifier import Move
from hotline import tasks
from hotline.errors import NotFound
from hotline.events import RequestDecided
from hotline.services import dispatching
from hotline.services.access import Me
from hotline.services.city import city_today
from hotline.services.learning import duties
from hotline.services.learning.duties import ReturnReason
from models import AccessLog, Case, CaseStatus, Duty, Role, new_id
from tests.factories import unit_of
from tests.factories_cases import an_actor, fresh_key, lead_of, liaison_of, make_case

CATEGORY = "0102"  # CGJ leads
EAST, WEST = "990181001", "990181003"


def give_back(
    session: Session,
    *,
    area: str = EAST,
    unit: str = "CGJ",
    to: str = "ZJJ",
    grant: bool = True,
    why: ReturnReason = ReturnReason.NOT_MY_DUTY,
) -> Case:
    """A case of that unit, asked back and decided; then what follows from the decision, twice as an outbox may."""
    case = make_case(session, status=CaseStatus.DISPATCHED, unit=unit, township_code=area)
    lead, proposed = lead_of(session, case), unit_of(session, to)
    asking, deciding = liaison_of(session, lead), an_actor(session, Role.DISPATCHER)
    request = dispatching.ask_return(
        session, lead, reason_code=why, basis="三定方案", proposed_unit=proposed, by=asking, key=fresh_key()
    )
    given = proposed if grant else None
    dispatching.decide_return(session, request, grant=grant, unit=given, note="裁定", by=deciding, key=fresh_key())
    for _ in range(2):
        tasks.learn_duty(session, RequestDecided(request.id))
    return case


def keep(session: Session, *, times: int, area: str = EAST, unit: str = "CGJ") -> None:
    for _ in range(times):
        make_case(session, status=CaseStatus.IN_PROGRESS, unit=unit, township_code=area)


def moves(session: Session) -> set[tuple[str, str, str, str]]:
    return {(each.category, each.unit, each.to, each.area) for each in duties.moves(session)}


def test_a_unit_whose_returns_were_granted_three_times_is_suggested_no_more_in_that_township(session: Session) -> None:
    for _ in range(2):
        give_back(session)
    assert moves(session) == set()

    give_back(session)

    assert moves(session) == {(CATEGORY, "CGJ", "ZJJ", EAST)}
    (move,) = duties.moves(session)
    assert move.reason == "近期同类件 3 次被裁定改派，不再建议城管"
    assert dispatching.choose_unit(session, CATEGORY, EAST)[0].code == "ZJJ"
    assert dispatching.choose_unit(session, CATEGORY, WEST)[0].code == "CGJ"


def test_returns_from_two_townships_tell_of_the_whole_city(session: Session) -> None:
    for area in (EAST, EAST, WEST):
        give_back(session, area=area)

    assert moves(session) == {(CATEGORY, "CGJ", "ZJJ", "")}
    assert dispatching.choose_unit(session, CATEGORY)[0].code == "ZJJ"


def test_a_few_returns_among_many_cases_are_noise(session: Session) -> None:
    keep(session, times=3)
    for _ in range(3):
        give_back(session)

    (duty,) = session.scalars(select(Duty).where(Duty.area_code == EAST)).all()
    assert (duty.given, duty.granted, duty.learnt) == (6, 3, False)
    assert moves(session) == set()


def test_refused_returns_speak_for_the_unit_that_the_rules_name(session: Session) -> None:
    for grant in (True, True, True, False, False):
        give_back(session, grant=grant)

    (duty,) = session.scalars(select(Duty).where(Duty.area_code == EAST)).all()
    assert (duty.granted, duty.refused, duty.given) == (3, 2, 5)
    assert moves(session) == set()


def test_returns_to_different_units_name_nobody(session: Session) -> None:
    for to in ("ZJJ", "STJ", "GAJ"):
        give_back(session, to=to)

    assert moves(session) == set()


def test_a_return_for_want_of_a_place_says_nothing_of_duties(session: Session) -> None:
    for _ in range(3):
        give_back(session, why=ReturnReason.UNCLEAR_PLACE)

    assert session.scalars(select(Duty)).all() == []


def test_two_units_that_send_the_same_matters_to_and_fro_are_left_to_people(session: Session) -> None:
    for unit, to in (("CGJ", "ZJJ"), ("ZJJ", "CGJ")):
        for _ in range(3):
            give_back(session, unit=unit, to=to)

    assert moves(session) == set()
    assert [line.works for line in duties.table(session) if line.duty.learnt] == [False, False]


def test_where_the_case_stayed_counts_not_where_it_went_first(session: Session) -> None:
    cases = [give_back(session, to="STJ") for _ in range(3)]
    for case in cases:
        case.lead_unit_id = unit_of(session, "ZJJ").id

    duties.review(session)

    assert moves(session) == {(CATEGORY, "CGJ", "ZJJ", EAST)}


def test_what_lies_far_back_counts_no_more(session: Session, clock: Traveller) -> None:
    for _ in range(3):
        give_back(session)
    assert moves(session) != set()

    clock.shift(duties.WINDOW + timedelta(days=1))
    duties.review(session)

    assert moves(session) == set()
    assert duties.table(session) == []


def test_an_administrator_switches_it_off_and_on_again(session: Session, admin: Me) -> None:
    for _ in range(3):
        give_back(session)
    (line,) = [line for line in duties.table(session) if line.works]
    assert (line.category, line.area, line.unit, line.to) == ("垃圾清运", "东津街道", "城管", "住建")

    duties.switch(session, line.duty.id, off=True, by=admin)
    assert moves(session) == set()
    assert dispatching.choose_unit(session, CATEGORY, EAST)[0].code == "CGJ"
    duties.switch(session, line.duty.id, off=False, by=admin)

    assert moves(session) == {(CATEGORY, "CGJ", "ZJJ", EAST)}
    assert session.scalars(select(AccessLog.reason).where(AccessLog.subject_kind == "duty").order_by(AccessLog.id)).all() == [
        "off",
        "on",
    ]
    with pytest.raises(NotFound):
        duties.switch(session, new_id(), off=True, by=admin)


def test_the_classifier_is_told_of_it(session: Session) -> None:
    for _ in range(3):
        give_back(session)

    city = city_today.load(session)

    assert city is not None
    assert [Move(each.category, each.unit, each.to, each.area) for each in city.moves] == [Move(CATEGORY, "CGJ", "ZJJ", EAST)]


@pytest.mark.parametrize(
    ("granted", "given", "proved"),
    [(2, 2, False), (3, 3, True), (3, 4, False), (5, 6, False), (6, 7, True), (8, 10, True), (6, 10, False)],
)
def test_more_often_than_not_must_be_more_than_chance(granted: int, given: int, proved: bool) -> None:
    assert duties.proves(granted, given) is proved
