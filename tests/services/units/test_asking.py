"""The citizen's word before the closing, heard on the telephone: it counts like any other, and nobody waits for ever."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import NotAllowed, NoteRequired, WrongState
from hotline.services import surveys
from hotline.services.units import asking
from models import Case, CaseEvent, CaseStatus, EventNote, Grade, Request, Role, Survey
from tests.factories_cases import an_actor, asks_before_closing, fresh_key, make_case


@pytest.fixture
def waiting(session: Session) -> Case:
    return make_case(session, status=CaseStatus.CALLBACK, profile=asks_before_closing())


def hear(session: Session, case: Case, *, solved: bool = True, grade: Grade = Grade.SATISFIED) -> None:
    by = an_actor(session, Role.CALLBACK_AGENT)
    said = asking.note_answer(session, case, solved=solved, result=grade, unit=grade, remark="都修好了", by=by)
    surveys.follow_up(session, session.get_one(Survey, said.survey_id))


def test_a_content_citizen_closes_the_case(session: Session, waiting: Case) -> None:
    hear(session, waiting)

    assert waiting.status == CaseStatus.CLOSED
    survey = session.scalars(select(Survey)).one()
    answer = surveys.latest_answer(session, survey)
    assert answer is not None
    assert (answer.way, answer.solved, answer.remark) == ("person", True, "都修好了")


def test_who_heard_it_stands_in_the_history(session: Session, waiting: Case) -> None:
    hear(session, waiting)

    event = session.scalars(select(CaseEvent).where(CaseEvent.case_id == waiting.id, CaseEvent.action == "survey")).one()
    assert (event.by_role, event.by_id is not None) == (Role.CALLBACK_AGENT, True)


def test_a_citizen_who_is_not_content_asks_for_a_decision(session: Session, waiting: Case) -> None:
    hear(session, waiting, solved=False, grade=Grade.DISSATISFIED)

    assert waiting.status == CaseStatus.CALLBACK
    assert session.scalars(select(Request.kind)).one() == "reopening"


def test_what_the_citizen_has_said_on_the_web_can_be_corrected_on_the_telephone(session: Session, waiting: Case) -> None:
    survey = surveys.invite(session, waiting)
    assert survey is not None
    surveys.record_answers(
        session, survey, way="web", solved=False, result=Grade.DISSATISFIED, unit=Grade.SATISFIED, remark="没亮"
    )
    surveys.follow_up(session, survey)

    hear(session, waiting)

    assert waiting.status == CaseStatus.CLOSED
    assert session.scalars(select(Request.state)).one() == "refused"


@pytest.mark.parametrize("role", [Role.AGENT, Role.DISPATCHER, Role.LIAISON])
def test_only_those_who_ask_write_down_what_they_heard(session: Session, waiting: Case, role: Role) -> None:
    by = an_actor(session, role)

    with pytest.raises(NotAllowed):
        asking.note_answer(session, waiting, solved=True, result=Grade.SATISFIED, unit=Grade.SATISFIED, by=by)
    with pytest.raises(NotAllowed):
        asking.note_unreached(session, waiting, text="无人接听", by=by, key=fresh_key())


@pytest.mark.parametrize("status", [CaseStatus.ANSWERED, CaseStatus.CLOSED])
def test_nothing_is_asked_outside_its_moment(session: Session, status: CaseStatus) -> None:
    case, by = make_case(session, status=status), an_actor(session, Role.VERIFIER)

    with pytest.raises(WrongState):
        asking.note_answer(session, case, solved=True, result=Grade.SATISFIED, unit=Grade.SATISFIED, by=by)
    with pytest.raises(WrongState):
        asking.note_unreached(session, case, text="无人接听", by=by, key=fresh_key())
    with pytest.raises(WrongState):
        asking.close_unasked(session, case, reason="无人接听", by=by, key=fresh_key())


def test_a_try_that_reached_nobody_is_kept_and_the_case_waits_on(session: Session, waiting: Case) -> None:
    by, key = an_actor(session, Role.CALLBACK_AGENT), fresh_key()

    for _ in range(2):
        asking.note_unreached(session, waiting, text="下午三点无人接听", by=by, key=key)

    assert waiting.status == CaseStatus.CALLBACK
    assert session.scalars(select(EventNote.text)).all().count("下午三点无人接听") == 1


def test_a_citizen_who_cannot_be_reached_is_given_up_with_the_reason(session: Session, waiting: Case) -> None:
    by, key = an_actor(session, Role.CALLBACK_AGENT), fresh_key()
    with pytest.raises(NoteRequired):
        asking.close_unasked(session, waiting, reason=" ", by=by, key=key)
    with pytest.raises(NoteRequired):
        asking.note_unreached(session, waiting, text="", by=by, key=key)

    first, again = (asking.close_unasked(session, waiting, reason="三天五次无人接听", by=by, key=key) for _ in range(2))

    assert waiting.status == CaseStatus.CLOSED
    assert first.id == again.id


def test_a_citizen_who_does_not_want_to_be_asked_holds_nothing_up(session: Session) -> None:
    case = make_case(session, status=CaseStatus.CALLBACK, profile=asks_before_closing(), wants_callback=False)

    assert surveys.invite(session, case) is None

    assert case.status == CaseStatus.CLOSED
    assert session.scalars(select(Survey)).all() == []
