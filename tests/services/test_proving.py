"""That no row of any history was changed or removed, and which was the first."""

from datetime import date

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.services import history
from hotline.services.proving import prove
from models import Action, Case, CaseEvent, CaseStatus, EventNote
from tests.factories_cases import make_case
from tests.services.test_history import let_history_be_changed

TODAY = date(2026, 11, 23)


@pytest.fixture
def case(session: Session, clock: Traveller) -> Case:
    """One of several, in the midst of them."""
    make_case(session, status=CaseStatus.CLOSED)
    found = make_case(session, status=CaseStatus.CLOSED, assists=("T001",))
    make_case(session)
    return found


def told(session: Session) -> str:
    session.expire_all()
    return prove(session, {}).breach


def test_a_whole_history_is_proven_and_counted(session: Session, case: Case) -> None:
    heads = {TODAY: history.day_head(session, TODAY)}

    proof = prove(session, heads)

    stored = session.scalar(select(func.count()).select_from(CaseEvent))
    assert (proof.cases, proof.events, proof.days, proof.breach) == (3, stored, 1, "")


def test_the_changed_event_is_named(session: Session, case: Case) -> None:
    let_history_be_changed(session)
    session.execute(update(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.serial == 3).values(by_id=None))

    assert told(session) == f"case {case.number}: event 3 was changed, removed or put in"


def test_an_end_that_was_cut_off_is_seen_by_the_state(session: Session, case: Case) -> None:
    let_history_be_changed(session)
    last = session.scalars(
        select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.action == Action.CLOSE).order_by(CaseEvent.serial)
    ).one()
    cut = select(CaseEvent.id).where(CaseEvent.case_id == case.id, CaseEvent.serial >= last.serial)
    ids = session.scalars(cut).all()
    session.execute(delete(EventNote).where(EventNote.event_id.in_(ids)))
    session.execute(delete(CaseEvent).where(CaseEvent.id.in_(ids)))

    assert told(session) == f"case {case.number}: its state is closed, its history ends in answered"


def test_a_day_of_which_something_is_gone_is_named(session: Session, case: Case) -> None:
    heads = {TODAY: history.DayHead(TODAY, history.day_head(session, TODAY).events + 1, "0" * 64)}

    proof = prove(session, heads)

    assert proof.breach == f"2026-11-23: {heads[TODAY].events - 1} events, not the {heads[TODAY].events} of that day's head"
