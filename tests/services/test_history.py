"""The chain of a case's history: complete, provable, and still able to forget a note."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.services import cases, history
from hotline.services.actors import SERVICE
from models import Action, Case, CaseEvent, CaseStatus, EventNote, new_id
from tests.factories_cases import fresh_key, make_case


@pytest.fixture
def case(session: Session) -> Case:
    case = make_case(session, status=CaseStatus.CLOSED, assists=("T001",))
    cases.note(session, case, Action.REMARK, by=SERVICE, key=fresh_key(), text="市民补充：味道很大")
    return case


def let_history_be_changed(session: Session) -> None:
    """Take away the trigger, as somebody with the database's own rights could; the test's rollback brings it back."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("DROP TRIGGER case_event_is_history ON case_event"))
    else:
        session.execute(text("DROP TRIGGER case_event_no_update"))
        session.execute(text("DROP TRIGGER case_event_no_delete"))


def test_the_chain_of_a_whole_life_holds(session: Session, case: Case) -> None:
    serials = session.scalars(select(CaseEvent.serial).where(CaseEvent.case_id == case.id).order_by(CaseEvent.serial)).all()

    assert history.verify(session, case) is None
    assert serials == list(range(1, len(serials) + 1))
    assert len(serials) > 8


CHANGES: dict[str, Any] = {
    "at": datetime.fromisoformat("2020-01-01T00:00:00+00:00"),
    "action": Action.REOPEN,
    "from_status": "void",
    "to_status": "void",
    "by_id": None,
    "by_role": "administrator",
    "key": "another",
    "serial": 99,
    "assignment_id": None,
    "note_digest": bytes(32),
    "mac": bytes(32),
    "id": new_id(),
}


@pytest.mark.parametrize("field", sorted(CHANGES))
def test_a_change_of_any_field_is_found(session: Session, case: Case, field: str) -> None:
    let_history_be_changed(session)
    answered = session.scalars(
        select(CaseEvent).where(
            CaseEvent.case_id == case.id, CaseEvent.assignment_id.is_not(None), CaseEvent.note_digest.is_(None)
        )
    ).first()
    assert answered is not None
    serial = answered.serial

    session.execute(
        update(CaseEvent).where(CaseEvent.id == answered.id).values({field: CHANGES[field]}),
        execution_options={"synchronize_session": False},
    )
    session.expire_all()

    assert history.verify(session, case) == serial


def test_a_deleted_event_is_found(session: Session, case: Case) -> None:
    let_history_be_changed(session)

    session.execute(delete(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.serial == 4))
    session.expire_all()

    assert history.verify(session, case) == 4


def note_of(session: Session, case: Case) -> EventNote:
    return session.scalars(
        select(EventNote).join(CaseEvent, CaseEvent.id == EventNote.event_id).where(CaseEvent.case_id == case.id)
    ).one()


def test_a_changed_note_is_found(session: Session, case: Case) -> None:
    note_of(session, case).text = "市民补充：没有味道"
    session.flush()

    assert history.verify(session, case) is not None


def test_the_chain_still_holds_after_a_note_is_erased(session: Session, case: Case) -> None:
    session.delete(note_of(session, case))
    session.flush()

    assert history.verify(session, case) is None


def test_equal_notes_leave_no_equal_traces(session: Session, case: Case) -> None:
    event = cases.note(session, case, Action.REMARK, by=SERVICE, key=fresh_key(), text="同样的话")
    again = cases.note(session, case, Action.REMARK, by=SERVICE, key=fresh_key(), text="同样的话")

    assert event.note_digest != again.note_digest


def test_a_note_is_unreadable_in_the_database(session: Session, case: Case) -> None:
    stored = session.execute(text("SELECT text FROM event_note")).scalars().all()

    assert stored != []
    assert not any("味道".encode() in bytes(note) for note in stored)


def test_the_head_of_a_day_stands_for_exactly_its_events(session: Session, clock: Traveller) -> None:
    case = make_case(session)
    today = date(2026, 11, 23)
    before = history.day_head(session, today)

    cases.note(session, case, Action.REMARK, by=SERVICE, key=fresh_key(), text="同一天")
    after = history.day_head(session, today)
    clock.shift(timedelta(days=1))
    cases.note(session, case, Action.REMARK, by=SERVICE, key=fresh_key(), text="第二天")

    assert after.events == before.events + 1
    assert after.digest != before.digest
    assert history.day_head(session, today) == after
    assert history.day_head(session, date(2026, 11, 24)).events == 1


def test_the_day_begins_at_midnight_in_the_city(session: Session, clock: Traveller) -> None:
    clock.move_to(datetime.fromisoformat("2026-11-23T23:30:00+08:00"))
    case = make_case(session)
    clock.move_to(datetime.fromisoformat("2026-11-24T00:30:00+08:00"))
    cases.note(session, case, Action.REMARK, by=SERVICE, key=fresh_key(), text="过了零点")

    assert history.day_head(session, date(2026, 11, 23)).events == 1
    assert history.day_head(session, date(2026, 11, 24)).events == 1
