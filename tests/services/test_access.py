"""Who sees what, and that every look at a person's data is noted."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.errors import HotlineError, NotAllowed, NoteRequired, NotFound
from hotline.services import access, cases
from models import AccessLog, Action, CaseStatus, RequestType, Role
from tests.factories import make_staff, signed_in, somebody, unit_of
from tests.factories_cases import LEAD, an_actor, dispatch, fresh_key, make_case
from tests.factories_contacts import make_agent, make_contact


def looks(session: Session, subject_id: UUID) -> list[tuple[str, str]]:
    rows = session.scalars(select(AccessLog).where(AccessLog.subject_id == subject_id).order_by(AccessLog.created_at))
    return [(row.what, row.reason) for row in rows]


def test_a_role_that_is_asked_for_is_needed(session: Session) -> None:
    me = somebody(session, Role.AGENT)

    access.require(me, Role.AGENT, Role.VERIFIER)
    with pytest.raises(NotAllowed):
        access.require(me, Role.ADMINISTRATOR)


def test_the_centre_sees_a_whole_case_and_that_is_noted(session: Session) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED)

    view = access.see_case(session, somebody(session, Role.VERIFIER), case.number)

    assert (view.whole, view.number, view.content) == (True, "+8613800000172", case.content)
    assert looks(session, case.id)[-1][0] == "opened"


def test_opened_again_within_ten_minutes_it_is_one_look(session: Session, clock: Traveller) -> None:
    case, me = make_case(session, status=CaseStatus.DISPATCHED), somebody(session, Role.VERIFIER)
    for minutes in (0, 9, 2):
        clock.shift(timedelta(minutes=minutes))
        access.see_case(session, me, case.number)
        session.flush()
    access.see_case(session, somebody(session, Role.VERIFIER), case.number)

    assert looks(session, case.id) == [("opened", "")] * 3


def test_a_session_that_only_reads_keeps_its_looks_for_the_door(session: Session) -> None:
    case, me = make_case(session, status=CaseStatus.DISPATCHED), somebody(session, Role.VERIFIER)

    kept = access.keep_looks(session)
    access.see_case(session, me, case.number)

    assert [(look.staff_id, look.subject_id, look.what) for look in kept] == [(me.staff_id, case.id, "opened")]
    assert looks(session, case.id) == []


def test_a_unit_sees_its_own_cases_only(session: Session) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED, unit=LEAD)

    view = access.see_case(session, somebody(session, Role.LIAISON, unit=LEAD), case.number)

    assert (view.whole, view.requester_name, view.place_text) == (False, "王某", "滨江路12号")
    for stranger in (
        somebody(session, Role.LIAISON, unit="JTY"),
        somebody(session, Role.ADMINISTRATOR),
        somebody(session, Role.LIAISON),
    ):
        with pytest.raises(NotFound):
            access.see_case(session, stranger, case.number)


def test_a_unit_no_longer_sees_a_case_that_was_taken_back(session: Session) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED, unit=LEAD)
    liaison = somebody(session, Role.LIAISON, unit=LEAD)
    access.see_case(session, liaison, case.number)

    cases.advance(session, case, Action.WITHDRAW, by=an_actor(session, Role.DISPATCHER), key=fresh_key(), note="市民撤诉")

    with pytest.raises(NotFound):
        access.see_case(session, liaison, case.number)


@pytest.mark.parametrize("form", [{"confidential": True}, {"request_type": RequestType.REPORT}])
def test_of_confidential_cases_and_reports_a_unit_sees_only_the_summary(session: Session, form: dict[str, Any]) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED, unit_summary="某小区垃圾清运不及时", **form)
    liaison = somebody(session, Role.LIAISON, unit=LEAD)

    view = access.see_case(session, liaison, case.number)

    assert view.content == "某小区垃圾清运不及时"
    assert (view.title, view.place_text, view.requester_name, view.number) == (case.number, "", None, None)
    with pytest.raises(NotAllowed):
        access.reveal_number(session, liaison, case, reason="先行联系")


def test_a_number_is_revealed_for_a_reason_that_is_kept(session: Session) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED)
    liaison = somebody(session, Role.LIAISON, unit=LEAD)

    with pytest.raises(NoteRequired):
        access.reveal_number(session, liaison, case, reason="  ")

    assert access.reveal_number(session, liaison, case, reason="先行联系") == "+8613800000172"
    assert looks(session, case.id)[-1] == ("number", "先行联系")


def test_an_assignment_is_reached_by_its_unit_and_by_no_other(session: Session) -> None:
    case = make_case(session)
    assignment = dispatch(session, case, LEAD)

    view, held = access.see_assignment(session, somebody(session, Role.LIAISON, unit=LEAD), assignment.id)

    assert (view.case.id, held.unit.code) == (case.id, LEAD)
    for stranger, wanted in (
        (somebody(session, Role.LIAISON, unit="JTY"), assignment.id),
        (somebody(session, Role.AGENT), uuid4()),
    ):
        with pytest.raises(NotFound):
            access.see_assignment(session, stranger, wanted)


def test_a_confidential_contact_is_open_to_its_agent_and_few_others(session: Session) -> None:
    contact = make_contact(session, confidential=True, number="13800000173")
    agent = make_agent(session)
    contact.taken_by_id = agent.id
    session.flush()

    assert access.see_contact(session, signed_in(session, agent), contact.id) is contact
    assert access.see_contact(session, somebody(session, Role.SHIFT_LEADER), contact.id) is contact
    with pytest.raises(NotFound):
        access.see_contact(session, somebody(session, Role.AGENT), contact.id)
    with pytest.raises(NotAllowed):
        access.reveal_number(session, somebody(session, Role.AGENT), contact, reason="好奇")
    assert [what for what, _ in looks(session, contact.id)] == ["opened", "opened"]


@pytest.mark.parametrize("roles", [(Role.LIAISON,), (Role.ADMINISTRATOR,), ()])
def test_contacts_are_for_the_centre_only(session: Session, roles: tuple[Role, ...]) -> None:
    contact = make_contact(session)

    with pytest.raises(HotlineError):
        access.see_contact(session, somebody(session, *roles, unit=LEAD), contact.id)


def test_an_actor_carries_the_path_of_a_loaded_unit(session: Session) -> None:
    staff = make_staff(session, roles=(Role.LIAISON,), unit=LEAD)
    session.refresh(staff, ["unit"])

    assert access.actor(staff).unit_path == unit_of(session, LEAD).path
    assert access.actor(make_staff(session)).unit_path == ""
