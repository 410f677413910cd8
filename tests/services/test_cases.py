"""Filing and the one door that moves cases: allowed, refused, recorded, announced."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import AlreadyTaken, Invalid, NotAllowed, NoteRequired, Outdated, RuleBroken, WrongState
from hotline.services import cases, drafts, history
from hotline.services.actors import SERVICE, Actor
from hotline.services.cases import How
from models import (
    Action,
    Answer,
    AssignmentStatus,
    Case,
    CaseLink,
    CaseStatus,
    Citizen,
    CitizenNumber,
    ClosureKind,
    Draft,
    LinkKind,
    Mark,
    MarkKind,
    OutboxMessage,
    RequestType,
    Role,
)
from models.workflow import NOTED
from tests.factories import make_staff
from tests.factories_cases import (
    LEAD,
    a_form,
    an_actor,
    assists_of,
    counting,
    dispatch,
    events_of,
    fresh_key,
    lead_of,
    liaison_of,
    make_case,
    with_reviews,
)
from tests.factories_contacts import make_contact


def file(session: Session, how: How = "dispatch", *, matter: int = 1, **values: Any) -> Case:
    by = values.pop("by", None) or an_actor(session, Role.AGENT)
    contact = values.pop("contact", None) or make_contact(session)
    key, form = values.pop("key", None) or fresh_key(), values.pop("form", None) or a_form()
    return cases.file_case(session, contact, form, matter=matter, by=by, key=key, how=how, **values)


def announced(session: Session, case: Case) -> list[str]:
    rows = session.scalars(select(OutboxMessage).order_by(OutboxMessage.created_at, OutboxMessage.id))
    return [row.event for row in rows if row.body.get("case_id") == str(case.id)]


def actions(session: Session, case: Case) -> list[str]:
    return [str(event.action) for event in events_of(session, case)]


def test_a_filed_matter_that_names_a_unit_is_dispatched_at_once(session: Session) -> None:
    case = file(session, form=a_form(unit=LEAD, assist_units=["T001"], dispatch_note="请今天清运"))

    lead = lead_of(session, case)
    assert (case.status, lead.status, lead.note) == (CaseStatus.DISPATCHED, AssignmentStatus.DISPATCHED, "请今天清运")
    assert case.due_at == lead.due_at == lead.sign_due_at
    assert len(assists_of(session, case)) == 1
    assert sorted(announced(session, case)) == ["AssignmentAdvanced", "AssignmentAdvanced", "CaseAdvanced", "CaseFiled"]


def test_without_a_unit_it_waits_for_a_dispatcher(session: Session) -> None:
    case = file(session)

    assert (case.status, case.lead_unit_id) == (CaseStatus.TO_DISPATCH, None)
    assert case.due_at is not None
    assert announced(session, case) == ["CaseFiled"]


def test_an_answer_on_the_spot_closes_the_case_with_the_answer(session: Session) -> None:
    case = file(session, "answer", answer="每周二、周五上午办理，带身份证。")

    assert (case.status, case.closure) == (CaseStatus.CLOSED, ClosureKind.DIRECT)
    assert case.public_answer == "每周二、周五上午办理，带身份证。"
    assert case.closed_at is not None
    assert case.due_at is None


def test_a_matter_that_is_not_ours_is_redirected_with_the_right_door(session: Session) -> None:
    case = file(session, "redirect", reason="该事项正在诉讼中，请向法院查询。")

    assert (case.status, case.public_answer) == (CaseStatus.REDIRECTED, "该事项正在诉讼中，请向法院查询。")


@pytest.mark.parametrize("how", ["answer", "redirect"])
def test_neither_goes_without_words(session: Session, how: How) -> None:
    with pytest.raises(NoteRequired):
        file(session, how)


def test_a_profile_without_review_refuses_it(session: Session) -> None:
    with pytest.raises(WrongState):
        file(session, "review")


def test_a_reviewed_filing_goes_on_when_the_shift_leader_approves(session: Session) -> None:
    make_case(session, profile=with_reviews())
    case = file(session, "review")

    with pytest.raises(NotAllowed):
        cases.advance(session, case, Action.APPROVE, by=an_actor(session, Role.AGENT), key=fresh_key())
    cases.advance(session, case, Action.APPROVE, by=an_actor(session, Role.SHIFT_LEADER), key=fresh_key())

    assert case.status == CaseStatus.TO_DISPATCH


def test_the_first_case_has_the_number_of_its_contact_and_the_next_one_its_own(session: Session) -> None:
    contact = make_contact(session)

    first, second = (file(session, contact=contact, matter=matter) for matter in (1, 2))

    assert first.number == contact.reference
    assert second.number != contact.reference
    assert second.contact_id == contact.id


def test_a_second_click_files_nothing_new(session: Session) -> None:
    contact, by, key = make_contact(session), an_actor(session, Role.AGENT), fresh_key()

    first = file(session, contact=contact, by=by, key=key, form=a_form(unit=LEAD))
    again = file(session, contact=contact, by=by, key=key, form=a_form(unit=LEAD))

    assert again is first
    assert len(events_of(session, first)) == 3


def test_one_matter_is_one_case(session: Session) -> None:
    contact = make_contact(session)
    file(session, contact=contact)

    with pytest.raises(RuleBroken, match="filed already"):
        file(session, contact=contact)


def test_the_draft_knows_its_case(session: Session) -> None:
    contact, staff = make_contact(session), make_staff(session)
    contact.taken_by_id = staff.id
    drafts.save(session, contact, 1, a_form(), by=staff)

    case = file(session, contact=contact, by=Actor(staff.id, staff.roles))

    session.expire_all()
    assert session.get_one(Draft, (contact.id, 1)).case_id == case.id


def test_a_contact_in_a_colleagues_hands_is_not_filed(session: Session) -> None:
    contact = make_contact(session)
    contact.taken_by_id = make_staff(session).id
    session.flush()

    with pytest.raises(AlreadyTaken):
        file(session, contact=contact)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"category": "9999"}, "category"),
        ({"request_type": ""}, "request_type"),
        ({"title": " "}, "title"),
        ({"content": ""}, "content"),
        ({"number": "12"}, "number"),
        ({"unit": "NOBODY"}, "unit"),
        ({"unit": LEAD, "confidential": True}, "unit_summary"),
        ({"unit": LEAD, "request_type": RequestType.REPORT}, "unit_summary"),
    ],
)
def test_an_incomplete_form_is_refused_at_its_field(session: Session, change: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        file(session, form=a_form(**change))

    assert refusal.value.field == field


def test_an_area_that_is_known_is_a_place(session: Session) -> None:
    case = file(session, form=a_form(place_text="", community_code="990181001001"))

    assert (case.place_text, case.community_code) == (None, "990181001001")


def test_a_named_number_becomes_one_citizen(session: Session) -> None:
    first, again = file(session), file(session)
    other = file(session, form=a_form(name="李某"))

    assert first.citizen_id == again.citizen_id is not None
    assert other.citizen_id not in (None, first.citizen_id)
    assert len(session.scalars(select(CitizenNumber).where(CitizenNumber.citizen_id == first.citizen_id)).all()) == 1


@pytest.mark.parametrize("change", [{"name": ""}, {"number": ""}, {"requester_kind": "anonymous"}])
def test_a_number_is_not_a_person(session: Session, change: dict[str, Any]) -> None:
    case = file(session, form=a_form(**change))

    assert case.citizen_id is None
    assert session.scalars(select(Citizen)).all() == []


def test_a_role_may_not_do_what_the_table_does_not_give_it(session: Session) -> None:
    case = make_case(session, status=CaseStatus.ANSWERED)

    with pytest.raises(NotAllowed):
        cases.advance(session, case, Action.CLOSE, by=an_actor(session, Role.AGENT, Role.LIAISON), key=fresh_key())

    assert case.status == CaseStatus.ANSWERED


def test_a_step_that_is_not_in_the_table_is_refused(session: Session) -> None:
    case = make_case(session)

    with pytest.raises(WrongState):
        cases.advance(session, case, Action.CLOSE, by=an_actor(session, Role.VERIFIER), key=fresh_key())


def test_a_step_that_is_switched_off_is_refused(session: Session) -> None:
    case = make_case(session, status=CaseStatus.ANSWERED)

    with pytest.raises(WrongState):
        cases.advance(session, case, Action.ASK_CITIZEN, by=an_actor(session, Role.VERIFIER), key=fresh_key())


def test_a_step_that_needs_a_reason_is_refused_without(session: Session) -> None:
    case = make_case(session)
    by = an_actor(session, Role.DISPATCHER)

    with pytest.raises(NoteRequired):
        cases.advance(session, case, Action.WITHDRAW, by=by, key=fresh_key(), note="  ")


@pytest.mark.parametrize("action", [Action.SIGN, Action.ANSWER, Action.RETURN, Action.REWORK, Action.DISPATCH])
def test_what_follows_an_assignment_is_not_taken_on_the_case(session: Session, action: Action) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED)

    with pytest.raises(WrongState):
        cases.advance(session, case, action, by=an_actor(session, *set(Role) - {Role.SERVICE}), key=fresh_key(), note="x")


def test_the_same_key_moves_once(session: Session) -> None:
    case, by, key = make_case(session, status=CaseStatus.ANSWERED), an_actor(session, Role.VERIFIER), fresh_key()

    first = cases.advance(session, case, Action.CLOSE, by=by, key=key, seen=case.version)
    version = case.version
    again = cases.advance(session, case, Action.CLOSE, by=by, key=key, seen=1)

    assert again.id == first.id
    assert case.version == version


def test_who_saw_an_older_version_is_told(session: Session) -> None:
    case, by = make_case(session), an_actor(session, Role.DISPATCHER)
    seen = case.version
    dispatch(session, case)

    with pytest.raises(Outdated):
        cases.advance(session, case, Action.WITHDRAW, by=by, key=fresh_key(), seen=seen, note="市民撤诉")


def test_a_liaison_of_another_unit_may_not_act(session: Session) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED, unit="CGJ")
    lead = lead_of(session, case)

    for stranger in (an_actor(session, Role.LIAISON, unit="GAJ"), an_actor(session, Role.LIAISON)):
        with pytest.raises(NotAllowed):
            cases.advance(session, lead, Action.SIGN, by=stranger, key=fresh_key())


def test_withdrawing_a_case_takes_it_out_of_every_hand(session: Session) -> None:
    case = make_case(session, status=CaseStatus.IN_PROGRESS, assists=("T001", "GAJ"))

    cases.advance(session, case, Action.WITHDRAW, by=an_actor(session, Role.DISPATCHER), key=fresh_key(), note="市民撤诉")

    everybody = [lead_of(session, case), *assists_of(session, case)]
    assert {assignment.status for assignment in everybody} == {AssignmentStatus.WITHDRAWN}
    assert case.due_at is None
    assert history.verify(session, case) is None


def test_a_lead_cannot_be_withdrawn_without_its_case_but_an_assistant_can(session: Session) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED, assists=("T001",))
    by, (assist,) = an_actor(session, Role.DISPATCHER), assists_of(session, case)

    with pytest.raises(WrongState):
        cases.advance(session, lead_of(session, case), Action.WITHDRAW, by=by, key=fresh_key(), note="误派")
    cases.advance(session, assist, Action.WITHDRAW, by=by, key=fresh_key(), note="误派")

    assert (case.status, assist.status) == (CaseStatus.DISPATCHED, AssignmentStatus.WITHDRAWN)


def test_nothing_is_done_over_on_a_closed_case(session: Session) -> None:
    make_case(session, profile=with_reviews())
    case = make_case(session, status=CaseStatus.ANSWERED)
    verifier = an_actor(session, Role.VERIFIER)
    cases.advance(session, case, Action.CLOSE, by=verifier, key=fresh_key())

    with pytest.raises(WrongState):
        cases.advance(session, lead_of(session, case), Action.REWORK, by=verifier, key=fresh_key(), note="重办")


def test_a_reminder_is_part_of_the_history_and_a_mark_that_grows(session: Session) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED)
    before = case.version

    for text in ("还没有人来", "已经三天了"):
        cases.note(session, case, Action.URGE, by=SERVICE, key=fresh_key(), text=text)

    mark = session.scalars(select(Mark).where(Mark.case_id == case.id)).one()
    assert (mark.kind, mark.level) == (MarkKind.URGED, 2)
    assert actions(session, case).count("urge") == 2
    assert (case.status, case.version) == (CaseStatus.DISPATCHED, before)
    assert announced(session, case)[-1] == "CaseNoted"


def test_the_same_note_is_kept_once(session: Session) -> None:
    case, key = make_case(session), fresh_key()

    first, again = (cases.note(session, case, Action.REMARK, by=SERVICE, key=key, text="门牌是12号") for _ in range(2))

    assert first.id == again.id


@pytest.mark.parametrize("action", sorted(set(Action) - NOTED))
def test_what_moves_a_case_cannot_be_slipped_in_as_a_note(session: Session, action: Action) -> None:
    case = make_case(session)

    with pytest.raises(WrongState):
        cases.note(session, case, action, by=SERVICE, key=fresh_key())


def test_a_repeat_is_marked_and_the_older_case_learns_of_it(session: Session) -> None:
    older, repeat, by = make_case(session), make_case(session), an_actor(session, Role.AGENT)
    due, key = older.due_at, fresh_key()

    tied = cases.link(session, repeat, older, LinkKind.REPEAT, by=by, key=key)
    again = cases.link(session, repeat, older, LinkKind.REPEAT, by=by, key=key)

    assert tied.id == again.id
    assert session.scalars(select(Mark.kind).where(Mark.case_id == repeat.id)).all() == [MarkKind.REPEAT]
    assert (actions(session, older)[-1], older.due_at) == ("remark", due)
    assert len(session.scalars(select(CaseLink)).all()) == 1


def test_a_case_is_not_linked_with_itself(session: Session) -> None:
    case = make_case(session)

    with pytest.raises(RuleBroken):
        cases.link(session, case, case, LinkKind.RELATED, by=an_actor(session, Role.AGENT), key=fresh_key())


@pytest.mark.parametrize("key", ["", "k" * 49])
def test_a_key_that_is_no_key_is_refused(session: Session, key: str) -> None:
    with pytest.raises(Invalid):
        cases.note(session, make_case(session), Action.REMARK, by=SERVICE, key=key, text="x")


def test_filing_and_moving_take_few_statements(session: Session) -> None:
    contact, by = make_contact(session), an_actor(session, Role.AGENT)
    session.flush()
    session.expunge_all()
    contact = session.get_one(type(contact), contact.id)
    engine = session.get_bind().engine

    with counting(engine) as filing:
        case = file(session, contact=contact, by=by, form=a_form(unit=LEAD, assist_units=["T001"], dispatch_note="请尽快"))
    liaison, verifier = liaison_of(session, lead_of(session, case)), an_actor(session, Role.VERIFIER)
    taken = {}
    for action, actor in ((Action.SIGN, liaison), (Action.ANSWER, liaison), (Action.CLOSE, verifier)):
        session.flush()
        session.expunge_all()
        subject = session.get_one(Case, case.id) if action == Action.CLOSE else lead_of(session, case)
        with counting(engine) as statements:
            cases.advance(session, subject, action, by=actor, key=fresh_key(), note="备注")
        taken[action] = len(statements)
        if action == Action.ANSWER:
            session.add(Answer(assignment_id=subject.id, public_text="已清运", by_id=liaison.staff_id))

    assert len(filing) <= 20, "\n".join(s[:90].replace("\n", " ") for s in filing)
    assert max(taken.values()) <= 12, taken
