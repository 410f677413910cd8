"""The same matter: who is found, who never is, and what comes of a pick."""

from datetime import timedelta
from typing import Any

import time_machine
from sqlalchemy.orm import Session

from hotline.services import same_matter
from models import Case, Contact
from tests.factories_cases import a_form, make_case
from tests.factories_contacts import make_contact

PLACE = {"community_code": "990181001001", "grid_code": "99018100100101"}
ELSEWHERE = {"community_code": "990181001002", "grid_code": None}
TEXT = {"title": "路灯不亮", "content": "银杏路18号门口的路灯坏了一个星期，晚上看不见路。"}
SAME = {"title": "没有路灯", "content": "银杏路18号门口路灯坏了好几天，晚上一片漆黑看不见路。"}
OTHER = {"title": "噪声", "content": "楼下烧烤店半夜放音响，吵得睡不着觉。"}
NUMBER, ANOTHER = "13800000172", "13900000199"


def arrived(session: Session) -> Contact:
    return make_contact(session, number=NUMBER)


def found(session: Session, contact: Contact, **values: object) -> list[str]:
    form = a_form(**{**TEXT, **PLACE, "number": NUMBER, **values})
    return [each.number for each in same_matter.find(session, contact, form)]


def earlier(session: Session, **values: Any) -> Case:
    return make_case(session, **{**SAME, **PLACE, "number": ANOTHER, **values})


def test_the_citizens_own_case_comes_first_and_others_of_the_place_follow(session: Session) -> None:
    others = earlier(session)
    own = earlier(session, number=NUMBER, **ELSEWHERE)

    assert found(session, arrived(session)) == [own.number, others.number]


def test_other_words_or_another_place_are_another_matter(session: Session) -> None:
    earlier(session, **OTHER)
    earlier(session, **ELSEWHERE)

    assert found(session, arrived(session)) == []


def test_it_says_why(session: Session, clock: time_machine.Traveller) -> None:
    earlier(session)
    clock.shift(timedelta(days=3))
    form = a_form(**{**TEXT, **PLACE, "number": NUMBER})

    (only,) = same_matter.find(session, arrived(session), form)

    assert (only.own, only.same_grid, only.days) == (False, True, 3)
    assert 0.2 <= only.score <= 1
    assert "银杏路18号" in only.words or "18号" in only.words


def test_the_same_words_score_less_when_they_are_old_and_nothing_after_ninety_days(
    session: Session, clock: time_machine.Traveller
) -> None:
    earlier(session)
    form, contact = a_form(**{**TEXT, **PLACE, "number": NUMBER}), arrived(session)

    (fresh,) = same_matter.find(session, contact, form)
    clock.shift(timedelta(days=80))
    (old,) = same_matter.find(session, contact, form)
    clock.shift(timedelta(days=11))

    assert old.score < fresh.score
    assert same_matter.find(session, contact, form) == []


def test_confidential_cases_and_reports_are_never_found(session: Session) -> None:
    earlier(session, confidential=True, unit_summary="路灯")
    earlier(session, request_type="report", unit_summary="路灯")
    earlier(session, number=NUMBER, confidential=True, unit_summary="路灯")

    assert found(session, arrived(session)) == []


def test_a_shielded_case_keeps_no_words(session: Session) -> None:
    assert earlier(session, confidential=True, unit_summary="路灯").tokens == ""
    assert "路灯" in earlier(session).tokens


def test_a_matter_of_the_same_contact_is_no_earlier_case(session: Session) -> None:
    contact = arrived(session)
    earlier(session, contact=contact, number=NUMBER)

    assert found(session, contact) == []


def test_without_number_and_place_nothing_is_looked_for(session: Session) -> None:
    earlier(session)
    contact = make_contact(session)

    assert found(session, contact, number="", **ELSEWHERE) == []
