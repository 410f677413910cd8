"""The telephone's rule: which edition counts, when people answer, where a call waits."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.services.telephone import telephone_rule
from hotline.services.telephone.telephone_rule import TelephoneRule
from models import Rule
from models.base import CITY_TIME

OFFICE = [{"days": [1, 2, 3, 4, 5], "from": "09:00", "to": "12:00"}, {"days": [1, 2, 3, 4, 5], "from": "14:00", "to": "18:00"}]


def body(**changes: Any) -> dict[str, Any]:
    return {**telephone_rule.shipped().model_dump(mode="json", by_alias=True), **changes}


def change_rule(session: Session, **changes: Any) -> Rule:
    """A new edition in force."""
    for former in session.scalars(select(Rule).where(Rule.kind == telephone_rule.KIND, Rule.current)):
        former.current = False
    last = session.scalar(select(func.max(Rule.edition)).where(Rule.kind == telephone_rule.KIND)) or 0
    rule = Rule(kind=telephone_rule.KIND, code="default", edition=last + 1, digest="", body=body(**changes), current=True)
    session.add(rule)
    session.flush()
    return rule


def a_rule(**changes: Any) -> TelephoneRule:
    return TelephoneRule.model_validate(body(**changes))


def in_the_city(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of the week of Monday, 23 November 2026, as the service keeps it."""
    return datetime(2026, 11, day, hour, minute, tzinfo=CITY_TIME).astimezone(UTC)


def test_the_edition_in_force_counts_from_the_next_look_on(session: Session) -> None:
    assert telephone_rule.current(session).longest_wait == 120

    change_rule(session, longest_wait=60)
    assert telephone_rule.current(session).longest_wait == 60

    change_rule(session, longest_wait=90)
    assert telephone_rule.current(session).longest_wait == 90


def test_a_database_without_a_rule_is_served_by_the_one_that_ships(session: Session) -> None:
    for rule in session.scalars(select(Rule).where(Rule.kind == telephone_rule.KIND)):
        rule.current = False
    session.flush()

    assert telephone_rule.current(session) == telephone_rule.shipped()


def test_outside_the_hours_the_flow_for_it_comes_first() -> None:
    assert a_rule(hours=OFFICE).entry(in_the_city(23, 9)) == "main"
    assert a_rule(hours=OFFICE).entry(in_the_city(23, 13)) == "after_hours"


def test_the_menu_comes_first_only_where_it_is_switched_on_and_people_answer() -> None:
    rule = a_rule(hours=OFFICE, flows={"menu": True})

    assert rule.entry(in_the_city(23, 10)) == "menu"
    assert rule.entry(in_the_city(23, 20)) == "after_hours"


def test_a_called_number_has_its_own_queue_or_the_first() -> None:
    rule = a_rule(numbers={"12345": "main", "12329": "english"})

    assert [rule.queue_of(number) for number in ("12329", "12345", "12300")] == ["english", "main", "main"]


@pytest.mark.parametrize(
    "changes",
    [
        {"queues": {}},
        {"queues": {"general": {"skill": "general"}}},
        {"queues": {"Main Queue": {"skill": "general"}}},
        {"numbers": {"12345\nExten: 1": "main"}},
        {"longest_wait": 0},
        {"hours": [{"days": [8], "from": "09:00", "to": "10:00"}]},
    ],
)
def test_what_the_exchange_could_not_be_set_up_with_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        a_rule(**changes)


def test_tries_lie_further_apart_each_time_and_then_as_far_as_the_last() -> None:
    rule = a_rule().callbacks

    assert [rule.pause_after(tries) for tries in (1, 2, 3)] == [10, 60, 60]
