"""Whatever happens to cases, before and after a month is closed: recounting gives the live figures to the last digit."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.errors import HotlineError
from hotline.services import notes, surveys
from hotline.services.scores import appeals, entries, periods, sums
from models import Case, CaseStatus, Grade, LinkKind, Role, Survey, now
from tests.factories_cases import (
    an_actor,
    answer,
    check,
    dispatch,
    fresh_key,
    lead_of,
    liaison_of,
    make_case,
    reopen,
    send_back,
    sign,
)
from tests.services.scores.counted import differences
from tests.services.scores.rules import change_rule

# Seconds before and after midnight in the city: of a leap day, of a month, of a year.
EVES = [datetime(2028, 2, 28, 15, 59, 58, tzinfo=UTC), datetime(2028, 2, 29, 15, 59, 58, tzinfo=UTC)]
EVES += [datetime(2027, 12, 31, 15, 59, 58, tzinfo=UTC), datetime(2028, 4, 30, 15, 59, 58, tzinfo=UTC)]
LIVES = st.lists(
    st.tuples(
        st.sampled_from(["CGJ", "ZJJ"]),
        st.booleans(),
        st.lists(st.sampled_from(["say", "lapse", "reopen", "mark", "tie", "appeal", "wait", "month"]), max_size=4),
    ),
    min_size=1,
    max_size=3,
)


def live(session: Session, unit: str, is_reworked: bool) -> Case:
    case = make_case(session, status=CaseStatus.IN_PROGRESS, unit=unit)
    answer(session, case)
    if is_reworked:
        send_back(session, case)
        answer(session, case)
    check(session, case)
    return case


def go_on(session: Session, case: Case, act: str) -> None:
    acts: dict[str, Callable[[Session, Case], Any]] = {
        "say": say,
        "lapse": lapse,
        "reopen": again,
        "mark": lambda *_: entries.mark_answer(
            session, case, 77, remark="", by=an_actor(session, Role.QUALITY_JUDGE), key=fresh_key()
        ),
        "tie": tie,
        "appeal": contest,
        "month": close_month,
    }
    if act in acts:
        with suppress(HotlineError), session.begin_nested():
            acts[act](session, case)


def say(session: Session, case: Case) -> None:
    survey = session.scalars(select(Survey).where(Survey.case_id == case.id).order_by(Survey.round.desc()).limit(1)).one_or_none()
    if survey is not None:
        surveys.record_answers(session, survey, way="web", solved=False, result=Grade.DISSATISFIED, unit=Grade.SATISFIED)


def lapse(session: Session, case: Case) -> None:
    session.execute(update(Survey).where(Survey.case_id == case.id).values(lapses_at=now() - timedelta(seconds=1)))
    surveys.lapse(session)


def again(session: Session, case: Case) -> None:
    reopen(session, case)
    dispatch(session, case, "ZJJ")
    for step in (sign, answer, check):
        step(session, case)


def tie(session: Session, case: Case) -> None:
    other = session.scalars(select(Case).where(Case.id != case.id).limit(1)).one()
    notes.link(session, case, other, LinkKind.REPEAT, by=an_actor(session, Role.AGENT), key=fresh_key())


def contest(session: Session, case: Case) -> None:
    liaison = liaison_of(session, lead_of(session, case))
    request = appeals.contest(session, case, "all", basis="不服", by=liaison, key=fresh_key())
    appeals.rule_on(session, request, grant=True, note="成立", by=an_actor(session, Role.SUPERVISOR), key=fresh_key())


def close_month(session: Session, _: Case) -> None:
    closing = periods.next_closing(session)
    if closing is not None:
        periods.close(session, closing.month, by=an_actor(session, Role.SUPERVISOR))


@pytest.mark.usefixtures("keys")
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True)
@given(begin=st.sampled_from(EVES), lives=LIVES)
def test_recounting_gives_the_live_figures(
    sqlite_database: Database, drain: Callable[[], int], begin: datetime, lives: list[tuple[str, bool, list[str]]]
) -> None:
    with time_machine.travel(begin, tick=False) as clock:
        with sqlite_database.unit_of_work() as session:
            change_rule(session, rest_days=0)
        for unit, is_reworked, acts in lives:
            with sqlite_database.unit_of_work() as session:
                case = live(session, unit, is_reworked)
            clock.shift(1)
            drain()
            for act in acts:
                clock.shift(
                    timedelta(days=1) if act == "month" else timedelta(hours=5) if act == "wait" else timedelta(seconds=1)
                )
                with sqlite_database.unit_of_work() as session:
                    sums.refresh(session)
                    go_on(session, session.get_one(Case, case.id), act)
                drain()
            with sqlite_database.unit_of_work() as session:
                sums.refresh(session)
        with sqlite_database.reading() as session:
            assert differences(session) == []
