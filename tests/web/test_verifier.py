"""The centre's desk: dispatch, returns, checks, citizens who are not satisfied."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from hotline.db import Database
from hotline.services import dispatching, surveys
from hotline.services.dispatching import ReturnReason
from hotline.services.profiles import profiles
from models import (
    Assignment,
    Case,
    CaseStatus,
    Check,
    Decision,
    Grade,
    Request,
    RequestState,
    Role,
    Suggestion,
    Survey,
    Unit,
    Urgency,
    Verdict,
    now,
)
from tests.conftest import Drain, SignIn
from tests.factories import unit_of
from tests.factories_cases import file_for_review, fresh_key, lead_of, liaison_of, make_case
from tests.web.cases import a_case, only_case
from tests.web.desk import submit
from tests.web.forms import form, forms


def ask_return(pages: Database) -> str:
    number = a_case(pages, CaseStatus.DISPATCHED)
    with pages.unit_of_work() as session:
        lead = lead_of(session, session.scalars(select(Case)).one())
        dispatching.ask_return(
            session,
            lead,
            reason_code=ReturnReason.NOT_MY_DUTY,
            basis="职责清单第三条",
            proposed_unit=unit_of(session, "ZJJ"),
            by=liaison_of(session, lead),
            key=fresh_key(),
        )
    return number


def lead_code(pages: Database) -> str:
    with pages.reading() as session:
        return session.scalars(select(Unit.code).join(Case, Case.lead_unit_id == Unit.id)).one()


def test_a_waiting_case_is_sent_to_the_unit_that_the_rules_name(as_role: SignIn, pages: Database) -> None:
    dispatcher = as_role(Role.DISPATCHER)
    number = a_case(pages, CaseStatus.TO_DISPATCH)

    answer = submit(dispatcher, f"/verify/to_dispatch/{number}", "dispatch")

    assert answer.status_code == 303
    assert only_case(pages).status == CaseStatus.DISPATCHED
    assert lead_code(pages) == "CGJ"


def test_assisting_units_go_along(as_role: SignIn, pages: Database) -> None:
    number = a_case(pages, CaseStatus.TO_DISPATCH)

    submit(as_role(Role.DISPATCHER), f"/verify/to_dispatch/{number}", "dispatch", unit="ZJJ", assists="T001", note="请两家会同")

    with pages.reading() as session:
        rows = session.execute(select(Unit.code, Assignment.lead).join(Unit, Unit.id == Assignment.unit_id))
        assert sorted((code, lead) for code, lead in rows) == [("T001", False), ("ZJJ", True)]


def test_a_granted_return_goes_to_the_proposed_unit_at_once(as_role: SignIn, pages: Database) -> None:
    number = ask_return(pages)

    answer = submit(as_role(Role.DISPATCHER), f"/verify/returns/{number}", "decide-return", grant="true")

    assert answer.status_code == 303
    assert lead_code(pages) == "ZJJ"
    with pages.reading() as session:
        assert session.scalars(select(Request.state)).one() == RequestState.GRANTED


def test_a_refused_return_needs_a_reason_and_leaves_the_case_with_the_unit(as_role: SignIn, pages: Database) -> None:
    dispatcher, number = as_role(Role.DISPATCHER), ask_return(pages)

    silent = submit(dispatcher, f"/verify/returns/{number}", "decide-return", grant="false")
    told = submit(dispatcher, f"/verify/returns/{number}", "decide-return", grant="false", note="职责清单第五条")

    assert (silent.status_code, told.status_code) == (422, 303)
    assert lead_code(pages) == "CGJ"


def test_a_verifier_does_not_decide_returns(as_role: SignIn, pages: Database) -> None:
    number = ask_return(pages)

    page = as_role(Role.VERIFIER).get(f"/verify/returns/{number}").text

    assert "由派单员裁定" in page
    assert "decide-return" not in [each.name for each in forms(page)]


def test_a_passed_check_closes_the_case(as_role: SignIn, pages: Database) -> None:
    verifier, number = as_role(Role.VERIFIER), a_case(pages, CaseStatus.ANSWERED)

    page = verifier.get(f"/verify/to_check/{number}").text
    answer = submit(verifier, f"/verify/to_check/{number}", "verdict", verdict="passed")

    assert "小区门口的垃圾三天没人清运" in page
    assert "垃圾已清运，今后每天清运两次。" in page
    assert answer.status_code == 303
    assert only_case(pages).status == CaseStatus.CLOSED


def test_an_answer_is_sent_back_with_a_reason_only(as_role: SignIn, pages: Database) -> None:
    verifier, number = as_role(Role.VERIFIER), a_case(pages, CaseStatus.ANSWERED)

    silent = submit(verifier, f"/verify/to_check/{number}", "verdict", verdict="sent_back")
    told = submit(verifier, f"/verify/to_check/{number}", "verdict", verdict="sent_back", remark="没有说明结果")

    assert (silent.status_code, told.status_code) == (422, 303)
    assert only_case(pages).status == CaseStatus.IN_PROGRESS
    with pages.reading() as session:
        assert session.scalars(select(Check.verdict)).one() == Verdict.SENT_BACK


@pytest.mark.parametrize(("ruling", "state"), [("rework", CaseStatus.REOPENED), ("explained", CaseStatus.CLOSED)])
def test_a_dissatisfied_citizen_is_answered_by_a_decision(
    as_role: SignIn, pages: Database, drain: Drain, ruling: str, state: CaseStatus
) -> None:
    number = a_case(pages, CaseStatus.CLOSED)
    drain()
    with pages.unit_of_work() as session:
        survey = session.scalars(select(Survey)).one()
        surveys.record_answers(
            session, survey, way="web", solved=False, result=Grade.DISSATISFIED, unit=Grade.SATISFIED, remark="还是没清"
        )
    drain()
    verifier = as_role(Role.VERIFIER)

    assert "还是没清" in verifier.get(f"/verify/reopening/{number}").text
    answer = submit(verifier, f"/verify/reopening/{number}", "decide-reopening", ruling=ruling, note="现场看过")

    assert answer.status_code == 303
    assert only_case(pages).status == state


def test_who_calls_a_wish_unreasonable_is_asked_what_that_rests_on(as_role: SignIn, pages: Database, drain: Drain) -> None:
    number = a_case(pages, CaseStatus.CLOSED)
    drain()
    with pages.unit_of_work() as session:
        survey = session.scalars(select(Survey)).one()
        surveys.record_answers(session, survey, way="web", solved=False, result=Grade.DISSATISFIED, unit=Grade.SATISFIED)
    drain()

    told = submit(
        as_role(Role.VERIFIER), f"/verify/reopening/{number}", "decide-reopening", ruling="unreasonable", note="超出职责"
    )

    assert told.status_code == 422
    assert "请填写依据" in told.text


def test_a_rare_step_needs_its_reason(as_role: SignIn, pages: Database) -> None:
    dispatcher, number = as_role(Role.DISPATCHER), a_case(pages, CaseStatus.TO_DISPATCH)

    silent = submit(dispatcher, f"/verify/to_dispatch/{number}", "redirect", door="other")
    told = submit(dispatcher, f"/verify/to_dispatch/{number}", "redirect", door="other", reason="请拨打 12315")

    assert (silent.status_code, told.status_code) == (422, 303)
    assert only_case(pages).status == CaseStatus.REDIRECTED


def test_steps_with_forms_of_their_own_are_not_taken_here(as_role: SignIn, pages: Database) -> None:
    verifier, number = as_role(Role.VERIFIER), a_case(pages, CaseStatus.ANSWERED)
    fields = form(verifier.get(f"/verify/to_check/{number}").text, "verdict").filled(action="close")

    assert verifier.post(f"/verify/{number}/advance", data=fields).status_code == 404


def for_review(pages: Database) -> str:
    with pages.unit_of_work() as session:
        profiles.install(session, "seven_step", profiles.shipped("seven_step"))
        return file_for_review(session)


def test_a_shift_leader_begins_with_the_filings_and_reads_them_one_after_the_other(as_role: SignIn, pages: Database) -> None:
    first, second = for_review(pages), for_review(pages)
    leader = as_role(Role.SHIFT_LEADER)

    assert f"/verify/review/{first}" in leader.get("/verify").text
    answer = submit(leader, f"/verify/review/{first}", "approve")
    following = leader.get(answer.headers["location"])
    submit(leader, following.headers["location"], "approve")

    assert following.headers["location"] == f"/verify/review/{second}"
    assert leader.get("/verify/review/next").headers["location"] == "/verify?tab=review"
    with pages.reading() as session:
        assert set(session.scalars(select(Case.status))) == {CaseStatus.DISPATCHED}


def test_a_review_may_leave_the_unit_to_the_dispatcher_who_still_sees_what_was_proposed(as_role: SignIn, pages: Database) -> None:
    number = for_review(pages)

    submit(as_role(Role.SHIFT_LEADER), f"/verify/review/{number}", "approve", unit="")
    page = as_role(Role.DISPATCHER).get(f"/verify/to_dispatch/{number}").text

    assert only_case(pages).status == CaseStatus.TO_DISPATCH
    assert form(page, "dispatch").fields["unit"] == "CGJ"
    assert form(page, "dispatch").fields["note"] == "请优先处理"


def test_a_filing_that_is_void_is_dismissed_with_a_reason(as_role: SignIn, pages: Database) -> None:
    leader, number = as_role(Role.SHIFT_LEADER), for_review(pages)

    silent = submit(leader, f"/verify/review/{number}", "dismiss")
    told = submit(leader, f"/verify/review/{number}", "dismiss", note="重复登记")

    assert (silent.status_code, told.status_code) == (422, 303)
    assert only_case(pages).status == CaseStatus.VOID


def test_cases_of_a_former_profile_keep_their_place_on_the_desk(as_role: SignIn, pages: Database) -> None:
    number = for_review(pages)
    with pages.unit_of_work() as session:
        profiles.install(session, profiles.DEFAULT, profiles.shipped())

    assert number in as_role(Role.SHIFT_LEADER).get("/verify?tab=review").text
    assert "待审核" in as_role(Role.DISPATCHER).get("/verify").text


def test_what_must_be_seen_on_the_spot_cannot_pass_at_the_desk(as_role: SignIn, pages: Database) -> None:
    verifier, number = as_role(Role.VERIFIER), a_case(pages, CaseStatus.ANSWERED, profile=profiles.shipped("centre_verified"))
    page = verifier.get(f"/verify/to_check/{number}").text

    forced = verifier.post(f"/verify/{number}/verdict", data=form(page, "verdict").filled(verdict="passed"))
    submit(verifier, f"/verify/to_check/{number}", "to-site", note="看看灯")

    assert 'value="passed"' not in page
    assert forced.status_code == 409
    assert only_case(pages).status == CaseStatus.VERIFYING


def test_the_counts_and_the_list_follow_the_work(as_role: SignIn, pages: Database) -> None:
    number = a_case(pages, CaseStatus.ANSWERED)
    verifier = as_role(Role.VERIFIER)

    assert number in verifier.get("/verify").text
    assert number in verifier.get("/verify/list", params={"tab": "to_check", "open": number}).text
    assert "都处理完了" in verifier.get("/verify?tab=to_dispatch").text
    assert "待审核" not in verifier.get("/verify").text  # the profile has no review


def test_the_desk_is_for_the_centre(as_role: SignIn) -> None:
    assert as_role(Role.LIAISON, unit="CGJ").get("/verify").status_code == 403


def test_what_takes_thought_is_dispatched_first(as_role: SignIn, pages: Database) -> None:
    """Contested, then without a place or a sure category, then by urgency, then by the clock."""
    with pages.unit_of_work() as session:
        plain, urgent = make_case(session), make_case(session, urgency=Urgency.URGENT)
        unsure, placeless, contested = make_case(session), make_case(session, township_code=""), make_case(session)
        suggestion = Suggestion(contact_id=unsure.contact_id, model_version="test", body={"sure": False})
        session.add(suggestion)
        session.flush()
        decided = select(Decision).where(Decision.case_id == unsure.id, Decision.field == "category")
        session.scalars(decided).one().suggestion_id = suggestion.id
        contested.dispatch_count = 3
        unsure.due_at, placeless.due_at = now() + timedelta(hours=1), now() + timedelta(hours=2)
        expected = [each.number for each in (contested, unsure, placeless, urgent, plain)]

    page = as_role(Role.DISPATCHER).get("/verify?tab=to_dispatch").text

    assert re.findall(r'<span class="num">([^<]+)</span>', page) == expected
    assert [word in page for word in ("有争议", "地点不明", "分类没有把握")] == [True] * 3
