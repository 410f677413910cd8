"""What units ask for at their desk, and the centre decides at its own: more time, the citizen's word, a meeting."""

from datetime import timedelta

from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.db import Database
from hotline.services import dispatching
from hotline.services.dispatching import ReturnReason
from models import Assignment, Case, CaseStatus, Request, RequestState, Role, Unit, now
from models.base import CITY_TIME
from tests.conftest import SignIn
from tests.factories import unit_of
from tests.factories_cases import an_actor, fresh_key, lead_of, liaison_of, make_case
from tests.web.cases import a_case
from tests.web.desk import submit
from tests.web.forms import forms


def lead(pages: Database) -> Assignment:
    with pages.reading() as session:
        return session.scalars(select(Assignment).where(Assignment.lead).order_by(Assignment.id.desc())).first()  # type: ignore[return-value]


def in_days(days: int) -> str:
    return f"{(now() + timedelta(days=days)).astimezone(CITY_TIME):%Y-%m-%d}"


def test_a_unit_asks_for_more_time_and_the_centre_grants_it(liaison: TestClient, as_role: SignIn, pages: Database) -> None:
    number, dispatcher = a_case(pages, CaseStatus.IN_PROGRESS), as_role(Role.DISPATCHER)
    url, was = f"/unit/{lead(pages).id}", lead(pages).answer_due_at

    asked = submit(liaison, url, "ask-extension", until=in_days(5), reason="material", basis="水泵配件未到")
    waiting = liaison.get(url).text
    granted = submit(dispatcher, f"/verify/extensions/{number}", "decide-extension", grant="true")

    assert (asked.status_code, granted.status_code) == (303, 303)
    assert "延期待批" in waiting
    assert "ask-extension" not in [each.name for each in forms(waiting)]
    assert lead(pages).answer_due_at > was
    told = liaison.get(url).text
    assert "同意延期" in told
    assert f'<s class="num">{was.astimezone(CITY_TIME):%m-%d %H:%M}</s>' in told


def test_only_whom_the_profile_names_is_offered_the_decision(liaison: TestClient, as_role: SignIn, pages: Database) -> None:
    number = a_case(pages, CaseStatus.IN_PROGRESS)
    submit(liaison, f"/unit/{lead(pages).id}", "ask-extension", until=in_days(5), reason="weather", basis="暴雨")

    page = as_role(Role.VERIFIER).get(f"/verify/extensions/{number}").text

    assert "暴雨" in page
    assert "decide-extension" not in [each.name for each in forms(page)]


def test_a_unit_asks_the_citizen_and_its_clock_stands_still(liaison: TestClient, pages: Database) -> None:
    a_case(pages, CaseStatus.IN_PROGRESS)
    url = f"/unit/{lead(pages).id}"

    asked = submit(liaison, url, "ask-citizen", question="请补充具体楼栋")
    waiting, listed = liaison.get(url).text, liaison.get("/unit").text

    assert asked.status_code == 303
    assert "等市民答复，答复时限停走" in waiting
    assert "停 2 天 23 小时" in listed
    assert {"ask-citizen", "ask-extension"} & {each.name for each in forms(waiting)} == set()
    assert submit(liaison, url, "resume", text="市民来电：3栋").status_code == 303
    assert lead(pages).paused_until is None
    assert "恢复计时" in liaison.get(url).text


def test_of_a_confidential_case_the_unit_cannot_ask_the_citizen(liaison: TestClient, pages: Database) -> None:
    a_case(pages, CaseStatus.IN_PROGRESS, confidential=True, unit_summary="市民反映清运不及时")

    page = liaison.get(f"/unit/{lead(pages).id}").text

    assert "ask-citizen" not in [each.name for each in forms(page)]


def contested(pages: Database) -> str:
    with pages.unit_of_work() as session:
        case = make_case(session, status=CaseStatus.DISPATCHED)
        held = lead_of(session, case)
        for _ in range(2):
            asked = dispatching.ask_return(
                session,
                held,
                reason_code=ReturnReason.NOT_MY_DUTY,
                basis="职责清单第三条",
                proposed_unit=unit_of(session, "ZJJ"),
                by=liaison_of(session, held),
                key=fresh_key(),
            )
            by = an_actor(session, Role.DISPATCHER)
            dispatching.decide_return(session, asked, grant=False, note="职责清单第五条", by=by, key=fresh_key())
        return case.number


def test_a_contested_case_goes_to_a_meeting_that_names_a_unit(liaison: TestClient, as_role: SignIn, pages: Database) -> None:
    number, dispatcher = contested(pages), as_role(Role.DISPATCHER)
    url = f"/verify/meetings/{number}"

    page = dispatcher.get(url).text
    called = submit(dispatcher, url, "call-meeting", at=f"{in_days(1)}T10:00", units=["CGJ", "ZJJ"], note="围墙外归谁")
    invited = liaison.get("/unit").text
    decided = submit(dispatcher, url, "decide-meeting", unit="ZJJ", record="两局到会，归住建局")

    assert "退单被驳 2 次" in page
    assert (called.status_code, decided.status_code) == (303, 303)
    assert "围墙外归谁" in invited
    with pages.reading() as session:
        code = session.scalars(select(Unit.code).join(Case, Case.lead_unit_id == Unit.id)).one()
        granted = session.scalars(select(Request).where(Request.decided_unit_id.is_not(None))).one()
    assert (code, granted.state) == ("ZJJ", RequestState.GRANTED)
    assert "两局到会，归住建局" in dispatcher.get(f"/case/{number}").text


def test_a_case_that_is_not_contested_offers_no_meeting(as_role: SignIn, pages: Database) -> None:
    number = a_case(pages, CaseStatus.IN_PROGRESS)

    page = as_role(Role.DISPATCHER).get(f"/verify/meetings/{number}").text

    assert "call-meeting" not in [each.name for each in forms(page)]


def test_a_case_goes_on_the_ledger_and_the_unit_tells_how_it_stands(
    liaison: TestClient, as_role: SignIn, pages: Database
) -> None:
    number, supervisor = a_case(pages, CaseStatus.IN_PROGRESS), as_role(Role.SUPERVISOR)
    url = f"/unit/{lead(pages).id}"

    asked = submit(liaison, url, "ask-ledger", reason="money", basis="预算已定", plan="列入明年改造", review=in_days(60))
    waiting = liaison.get(url).text
    granted = submit(supervisor, f"/verify/ledger/{number}", "decide-ledger", grant="true")
    told = submit(liaison, url, "ledger-note", text="已报财政评审")

    assert [each.status_code for each in (asked, granted, told)] == [303, 303, 303]
    assert "挂账待批" in waiting
    assert "已报财政评审" in supervisor.get(f"/verify/ledger/{number}").text
    assert number in supervisor.get("/verify?tab=ledger").text
    assert "下次进展应在" in liaison.get(url).text
    names = {each.name for each in forms(liaison.get(url).text)}
    assert {"ask-ledger", "ask-citizen"} & names == set()


def test_a_leaders_instruction_is_read_by_the_unit(liaison: TestClient, as_role: SignIn, pages: Database) -> None:
    number = a_case(pages, CaseStatus.IN_PROGRESS)

    entered = submit(as_role(Role.DISPATCHER), f"/case/{number}", "instruction", who="副市长 刘某", what="三日内办结")

    assert entered.status_code == 303
    page = liaison.get(f"/unit/{lead(pages).id}").text
    assert "副市长 刘某" in page
    assert "批示件" in liaison.get("/unit").text
    assert "instruction" not in [each.name for each in forms(page)]
