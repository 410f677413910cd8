"""What was filed is put right: by whom and why, the former stays to be read, and suggestions learn what stands in the end."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotAllowed, NoteRequired, WrongState
from hotline.services import history, triage
from hotline.services.learning import duties
from hotline.services.learning.duties import ReturnReason
from hotline.services.sideways import correcting
from models import AssignmentStatus, Case, CaseStatus, CorrectedField, Correction, Decision, Duty, Request, Role
from tests.factories import unit_of
from tests.factories_cases import an_actor, fresh_key, lead_of, make_case

ANOTHER = "0103"


def corrections(session: Session) -> list[tuple[CorrectedField, str, str]]:
    return [(each.field, each.was, each.became) for each in session.scalars(select(Correction))]


def category(session: Session, case: Case, code: str = ANOTHER, role: Role = Role.DISPATCHER, **values: Any) -> Case:
    given: dict[str, Any] = {"reason": "市民说的是公厕", "key": fresh_key(), **values}
    return correcting.category(session, case, code, by=an_actor(session, role), **given)


def test_another_category_stands_and_the_former_can_be_read(session: Session) -> None:
    case = make_case(session, status=CaseStatus.IN_PROGRESS)
    version = case.version

    category(session, case)

    assert case.category_code == ANOTHER
    (field, was, became) = corrections(session)[0]
    assert (field, was.split()[0], became.split()[0]) == (CorrectedField.CATEGORY, "0102", ANOTHER)
    assert case.version > version
    assert history.verify(session, case) is None


def test_what_is_learnt_is_what_stands_in_the_end(session: Session) -> None:
    case = make_case(session)

    category(session, case)

    of_category = select(Decision.decided).where(Decision.case_id == case.id, Decision.field == "category")
    assert session.scalars(of_category).all() == [ANOTHER]


def test_what_was_never_decided_before_is_learnt_as_well(session: Session) -> None:
    case, by = make_case(session), an_actor(session, Role.DISPATCHER)

    triage.correct_decision(session, case, "unit", "ZJJ", by=by)
    session.flush()

    of_unit = select(Decision.decided).where(Decision.case_id == case.id, Decision.field == "unit")
    assert session.scalars(of_unit).all() == ["ZJJ"]


def test_a_correction_needs_a_reason_a_role_and_something_else(session: Session) -> None:
    case = make_case(session)

    with pytest.raises(NoteRequired):
        category(session, case, reason=" ")
    with pytest.raises(NotAllowed):
        category(session, case, role=Role.AGENT)
    with pytest.raises(Invalid):
        category(session, case, "0102")
    with pytest.raises(Invalid):
        category(session, case, "nowhere")
    with pytest.raises(WrongState):
        category(session, make_case(session, status=CaseStatus.CLOSED))
    assert corrections(session) == []


def test_another_place_is_recognised_in_the_words_or_picked(session: Session) -> None:
    case, by = make_case(session), an_actor(session, Role.SHIFT_LEADER)
    given: dict[str, Any] = {"reason": "市民补充", "by": by}

    correcting.place(session, case, "新开路8号", area="990181002", key=fresh_key(), **given)

    assert (case.township_code, case.place_text) == ("990181002", "新开路8号")
    (field, was, became) = corrections(session)[0]
    assert field == CorrectedField.PLACE
    assert "滨江路12号" in was
    assert "新开路8号" in became
    with pytest.raises(Invalid):
        correcting.place(session, case, "说不清的地方", key=fresh_key(), **given)


def reassigned(session: Session, case: Case, to: str = "ZJJ", key: str = "") -> None:
    correcting.unit(
        session,
        case,
        unit_of(session, to),
        reason_code=ReturnReason.NOT_MY_DUTY,
        reason="职责清单第三条",
        by=an_actor(session, Role.DISPATCHER),
        key=key or fresh_key(),
    )


def test_the_dispatcher_takes_a_case_from_the_wrong_unit(session: Session) -> None:
    case = make_case(session, status=CaseStatus.IN_PROGRESS)
    wrong = lead_of(session, case)

    reassigned(session, case, key="the same key")
    reassigned(session, case, key="the same key")

    session.refresh(wrong)
    assert wrong.status == AssignmentStatus.RETURNED
    assert (case.status, case.lead_unit_id) == (CaseStatus.DISPATCHED, unit_of(session, "ZJJ").id)
    assert [(field, was.split()[0], became.split()[0]) for field, was, became in corrections(session)] == [
        (CorrectedField.UNIT, "CGJ", "ZJJ")
    ]
    with pytest.raises(Invalid):
        reassigned(session, case, "ZJJ")


def test_the_table_of_duties_counts_it_like_a_granted_return(session: Session) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED)
    reassigned(session, case)

    duties.hear(session, session.scalars(select(Request).where(Request.case_id == case.id)).one())

    duty = session.scalars(select(Duty).where(Duty.unit_code == "CGJ", Duty.area_code == "")).one()
    assert (duty.granted, duty.to_unit_code, duty.category_code) == (1, "ZJJ", "0102")
