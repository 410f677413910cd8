"""City rules as data: what a profile may say, editions, and that a case keeps the one it was filed under."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from pydantic import ValidationError
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hotline.errors import RuleBroken
from hotline.services.clocks.deadlines import Limit
from hotline.services.profiles import profiles
from hotline.services.profiles.profiles import Profile
from models import Action, Case, CaseStatus, Rule, Urgency, now
from models.workflow import CASE_FINAL, CASE_OPEN, Clock
from tests.factories_cases import asks_before_closing, dispatch, lead_of, make_case, reopen, send_back, with_reviews

BODIES = [*map(profiles.shipped, profiles.SHIPPED), asks_before_closing(), with_reviews()]


@pytest.mark.parametrize("body", BODIES)
def test_every_state_of_a_profile_can_be_left_by_somebody_before_a_clock_runs_out(body: dict[str, Any]) -> None:
    profile = Profile.model_validate(body)

    for status in profile.reachable() & CASE_OPEN:
        assert [row for row in profile.ways_out(status).values() if row.by] != []
    into = [row for status in {None, *profile.reachable()} for row in profile.ways_out(status).values() if row.to in CASE_OPEN]
    assert [row for row in into if row.clock is None or set(profile.limits[row.clock]) != set(Urgency)] == []


def test_quick_response_uses_neither_review_nor_site_verification_nor_the_state_of_asking() -> None:
    profile = Profile.model_validate(profiles.shipped())

    unused = {CaseStatus.UNDER_REVIEW, CaseStatus.VERIFYING, CaseStatus.CALLBACK}
    assert profile.reachable() == set(CaseStatus) - unused
    assert profile.reachable() > CASE_FINAL


@pytest.mark.parametrize(
    ("stage", "emergency", "urgent", "normal"),
    [
        (Clock.DISPATCH, "15m", "1h", "2h"),
        (Clock.SIGN, "15m", "30m", "2h"),
        ("contact", "30m", "2h", "2h"),
        (Clock.ANSWER, "2h", "24h", "72h"),
        (Clock.CHECK, "24h", "24h", "24h"),
    ],
)
def test_quick_response_has_its_published_limits(stage: str, emergency: str, urgent: str, normal: str) -> None:
    profile = Profile.model_validate(profiles.shipped())

    limits = [profile.limit(stage, urgency) for urgency in Urgency]

    assert limits == [Limit.parse(text) for text in (emergency, urgent, normal)]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"off": ["case:answered:fly"]}, "no such rows"),
        ({"off": [*profiles.shipped()["off"], "case:answered:close"]}, "no way to an end"),
        ({"off": [*profiles.shipped()["off"], "case:in_progress:answer"], "limits": {}}, "limits"),
        ({"ask_citizen": "before_close"}, "before_close"),
        ({"off": [*profiles.shipped()["off"], "case:closed:reopen"]}, "cannot be switched off"),
        ({"off": [row for row in profiles.shipped()["off"] if "callback" not in row and "ask" not in row]}, "before_close alone"),
        ({"first_unit": "mayor"}, "first_unit"),
        ({"ask_citizen": "never"}, "ask_citizen"),
        ({"weights": {"contact": 0}}, "weights"),
        ({"weights": {"beauty": 1}}, "weights"),
        ({"return_window": "two days"}, "time limit"),
        ({"surprise": True}, "surprise"),
    ],
)
def test_a_profile_that_does_not_hold_together_is_refused(session: Session, change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        profiles.install(session, "broken", profiles.shipped() | change)

    assert session.scalars(select(Rule).where(Rule.code == "broken")).all() == []


def test_a_stage_that_a_profile_uses_needs_its_limits(session: Session) -> None:
    body = profiles.shipped()
    body["limits"] = {stage: limit for stage, limit in body["limits"].items() if stage != "check"}

    with pytest.raises(ValidationError, match=r"limits\.check"):
        profiles.install(session, "broken", body)


def test_a_new_edition_is_for_cases_to_come(session: Session) -> None:
    before = make_case(session)
    body = profiles.shipped()
    body["limits"] = body["limits"] | {"check": "48h"}

    rule = profiles.install(session, profiles.DEFAULT, body)
    after = make_case(session)

    assert profiles.of(session, before).limit(Clock.CHECK, Urgency.NORMAL) == Limit(24, "h")
    assert profiles.of(session, after).limit(Clock.CHECK, Urgency.NORMAL) == Limit(48, "h")
    assert (rule.edition, after.profile_id) == (2, rule.id)


def test_installing_the_same_again_adds_no_edition(session: Session) -> None:
    first = profiles.current(session)

    assert profiles.install(session, profiles.DEFAULT, profiles.shipped()).id == first.id


def test_one_profile_is_in_force_at_a_time(session: Session) -> None:
    profiles.install(session, "ask_first", asks_before_closing())

    current = session.scalars(select(Rule.code).where(Rule.kind == profiles.KIND, Rule.current)).all()

    assert current == ["ask_first"]
    assert profiles.in_force(session).case_step(CaseStatus.ANSWERED, Action.ASK_CITIZEN) is not None


def test_without_a_profile_nothing_can_be_filed(session: Session) -> None:
    session.execute(delete(Rule).where(Rule.kind == profiles.KIND))

    with pytest.raises(RuleBroken, match="profile"):
        make_case(session)

    assert session.scalars(select(Case)).all() == []


def test_a_profile_of_before_the_clocks_could_be_moved_has_usual_rules() -> None:
    older = {
        key: value
        for key, value in profiles.shipped().items()
        if key not in {"extension", "pause", "arbitration", "alarm", "supervision", "ledger"}
    }

    found = Profile.model_validate(older)

    assert (found.pause.times, found.alarm.warn, dict(found.supervision.ladder)) == (2, 0.75, {})


@pytest.mark.parametrize(
    "wrong",
    [
        {"extension": {"longest": "soon"}},
        {"extension": {"decided_by": ["mayor"]}},
        {"pause": {"times": -1}},
        {"alarm": {"warn": 1.5}},
        {"supervision": {"ladder": {"scolding": "1d"}}},
        {"ledger": {"unknown": 1}},
    ],
    ids=str,
)
def test_rules_of_requests_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Profile.model_validate(profiles.shipped() | wrong)


def test_what_is_handled_again_has_a_limit_of_its_own_where_the_city_sets_one(
    session: Session, clock: time_machine.Traveller
) -> None:
    body = profiles.shipped()
    one_day = {**body, "limits": {**body["limits"], "rework": "24h"}}
    answered = make_case(session, status=CaseStatus.ANSWERED, profile=one_day)
    closed = make_case(session, status=CaseStatus.CLOSED, profile=one_day)
    ordinary = make_case(session, status=CaseStatus.ANSWERED, profile=body)

    clock.shift(timedelta(hours=1))
    for case in (answered, ordinary):
        send_back(session, case)
    reopen(session, closed)
    dispatch(session, closed)

    given = [lead_of(session, case).answer_due_at - now() for case in (answered, closed, ordinary)]
    assert given == [timedelta(hours=24), timedelta(hours=24), timedelta(hours=72)]


def test_a_limit_for_what_is_handled_again_is_given_for_every_urgency() -> None:
    body = profiles.shipped()

    with pytest.raises(ValidationError, match="rework"):
        Profile.model_validate({**body, "limits": {**body["limits"], "rework": {"normal": "24h"}}})
