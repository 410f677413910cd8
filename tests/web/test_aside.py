"""Beside the main line on the pages: the right door, withdrawn, appealed, put right, refused numbers, orders for 110."""

import json
from collections.abc import Callable
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import select

from hotline.db import Database
from hotline.services.sideways import police
from hotline.settings import Police as PoliceSettings
from hotline.settings import Settings
from hotline.signatures.generic import SIGNATURE, TIMESTAMP, signed
from models import CaseStatus, Contact, NumberRefusal, PolicePush, PushState, RefusalState, Role, now
from tests.conftest import SignIn
from tests.factories_cases import make_case
from tests.web.cases import a_case, only_case
from tests.web.desk import NUMBER, contact_of, drafted, follow, offered, send, submit, take
from tests.web.forms import form

SECRET = SecretStr("shared with the police")


@pytest.fixture
def tracked(client: TestClient, pages: Database, as_role: SignIn) -> Callable[[CaseStatus], str]:
    """The progress page of a citizen's letter, whose case is in this state."""

    def open_(status: CaseStatus) -> str:
        page = client.get("/").text
        letter = form(page, "letter").filled(
            kind="help", text="小区门口垃圾三天没人清运。", name="王某", number="13800000172", consent="yes"
        )
        slip = form(client.post("/", data=letter).text, "track")
        with pages.unit_of_work() as session:
            make_case(session, status=status, contact=session.scalars(select(Contact)).one())
        return str(client.post("/track", data=slip.fields).headers["location"])

    return open_


def test_a_citizen_withdraws_with_the_code_after_ticking_it_off(
    client: TestClient, pages: Database, tracked: Callable[[CaseStatus], str]
) -> None:
    url = tracked(CaseStatus.IN_PROGRESS)

    unsure = submit(client, url, "withdraw", text="已经解决")
    assert unsure.status_code == 422
    assert only_case(pages).status == CaseStatus.IN_PROGRESS
    done = submit(client, url, "withdraw", text="已经解决", sure="true")

    assert done.status_code == 303
    assert "已撤回" in client.get(done.headers["location"]).text
    assert only_case(pages).status == CaseStatus.WITHDRAWN
    assert "withdraw" not in offered(client, url)


def test_whoever_withdrew_may_ask_to_go_on(
    client: TestClient, as_role: SignIn, pages: Database, tracked: Callable[[CaseStatus], str]
) -> None:
    url = tracked(CaseStatus.IN_PROGRESS)
    submit(client, url, "withdraw", text="已经解决", sure="true")
    assert {"resume", "appeal"} & offered(client, url) == {"resume"}

    asked = submit(client, url, "resume", text="物业又不管了")

    assert asked.status_code == 303
    leader, look = as_role(Role.SHIFT_LEADER), f"/verify/appeals/{only_case(pages).number}"
    assert "物业又不管了" in leader.get(look).text
    submit(leader, look, "second-look", verdict="grant", note="继续办理")
    assert only_case(pages).status == CaseStatus.TO_DISPATCH


def test_a_citizen_appeals_and_reads_what_came_of_it(
    client: TestClient, as_role: SignIn, pages: Database, tracked: Callable[[CaseStatus], str]
) -> None:
    url = tracked(CaseStatus.TO_DISPATCH)
    number, leader = only_case(pages).number, as_role(Role.SHIFT_LEADER)
    submit(as_role(Role.DISPATCHER), f"/verify/to_dispatch/{number}", "redirect", door="court", reason="已在法院立案")

    appealed = submit(client, url, "appeal", text="没有立案")
    waiting = offered(client, url)
    for_dispatcher = offered(as_role(Role.DISPATCHER), f"/verify/appeals/{number}")
    page = leader.get(f"/verify/appeals/{number}").text
    decided = submit(leader, f"/verify/appeals/{number}", "second-look", verdict="refuse", note="案号在案，请以法院为准")

    assert (appealed.status_code, decided.status_code) == (303, 303)
    assert "appeal" not in waiting
    assert "second-look" not in for_dispatcher
    assert "没有立案" in page
    assert "案号在案" in client.get(url).text
    assert "进入诉讼" in leader.get("/aside").text


def test_a_citizen_asks_to_reopen_a_closed_matter(
    client: TestClient, as_role: SignIn, pages: Database, tracked: Callable[[CaseStatus], str]
) -> None:
    url = tracked(CaseStatus.CLOSED)

    asked = submit(client, url, "reopen", text="又堆起来了")

    assert asked.status_code == 303
    assert "又堆起来了" in as_role(Role.VERIFIER).get(f"/verify/reopening/{only_case(pages).number}").text
    assert "reopen" not in offered(client, url)


def test_who_hears_the_citizen_withdraw_says_how_it_was_made_sure(as_role: SignIn, pages: Database) -> None:
    number, agent = a_case(pages, CaseStatus.IN_PROGRESS), as_role(Role.AGENT)

    unsure = submit(agent, f"/case/{number}", "withdraw", reason="不办了", checked="guess")
    done = submit(agent, f"/case/{number}", "withdraw", reason="不办了", checked="called_back")

    assert (unsure.status_code, done.status_code) == (422, 303)
    assert only_case(pages).status == CaseStatus.WITHDRAWN
    assert "回拨登记的号码核对" in agent.get(f"/case/{number}").text


def test_a_unit_is_offered_none_of_it(as_role: SignIn, pages: Database) -> None:
    number = a_case(pages, CaseStatus.IN_PROGRESS)

    drawn = offered(as_role(Role.LIAISON, unit="CGJ"), f"/case/{number}")

    assert drawn & {"withdraw", "correct-category", "correct-place", "reassign", "reopen"} == set()


def test_what_was_put_right_stands_beside_what_was_filed(as_role: SignIn, pages: Database) -> None:
    number, dispatcher = a_case(pages, CaseStatus.IN_PROGRESS), as_role(Role.DISPATCHER)
    url = f"/case/{number}"

    category = submit(dispatcher, url, "correct-category", category="0103 别的", reason="分类选错")
    place = submit(dispatcher, url, "correct-place", place="新开路8号", area="990181002", reason="市民更正")
    unit = submit(dispatcher, url, "reassign", unit="ZJJ", why="not_my_duty", reason="职责清单第三条")

    assert [each.status_code for each in (category, place, unit)] == [303, 303, 303]
    page = dispatcher.get(url).text
    assert "<s>0102" in page
    assert "滨江路12号</s>" in page
    assert "<b>ZJJ" in page
    case = only_case(pages)
    assert (case.category_code, case.township_code, case.status) == ("0103", "990181002", CaseStatus.DISPATCHED)


def test_the_centre_reopens_a_closed_case(as_role: SignIn, pages: Database) -> None:
    number, leader = a_case(pages, CaseStatus.CLOSED), as_role(Role.SHIFT_LEADER)

    assert submit(leader, f"/case/{number}", "reopen", reason="巡查发现又堆放").status_code == 303
    assert only_case(pages).status == CaseStatus.REOPENED
    assert "reopen" not in offered(leader, f"/case/{number}")


def test_the_agent_is_told_plainly_that_only_the_voice_went(
    agent: TestClient, as_role: SignIn, pages: Database, arrive: Callable[..., UUID]
) -> None:
    contact_id = arrive()
    page = take(agent)
    send(agent, drafted(page, contact_id, place_text="滨江路12号"))

    told = follow(agent, form(page, "redirect"), door="police", reason="有人打架")

    assert "只有语音转过去" in told
    assert "只转了语音" in agent.get(f"/case/{only_case(pages).number}").text
    assert "没有接通" in as_role(Role.SUPERVISOR).get("/aside").text


@pytest.fixture
def wired(settings: Settings) -> Settings:
    settings.police = PoliceSettings(url="http://127.0.0.1:9/orders", secret=SECRET)
    return settings


def test_a_stuck_order_is_pushed_again_and_110_gives_it_back(
    client: TestClient, as_role: SignIn, pages: Database, wired: Settings
) -> None:
    number, dispatcher = a_case(pages, CaseStatus.TO_DISPATCH), as_role(Role.DISPATCHER)
    told = submit(dispatcher, f"/verify/to_dispatch/{number}", "redirect", door="police")
    with pages.unit_of_work() as session:
        row = session.scalars(select(PolicePush)).one()
        row.state, push_id = PushState.STUCK, row.id

    again = submit(dispatcher, f"/case/{number}", "push-again")
    body = json.dumps({"id": push_id.hex, "state": "returned", "number": "JQ1", "said": "不属警情"}).encode()
    timestamp = str(int(now().timestamp()))
    headers = {TIMESTAMP: timestamp, SIGNATURE: signed(SECRET, timestamp, body)}
    forged = client.post("/api/police", content=body, headers={**headers, SIGNATURE: "0"})
    answers = [client.post("/api/police", content=body, headers=headers).status_code for _ in range(2)]
    long = client.post("/api/police", content=b"x" * 70_000, headers=headers)

    assert (told.status_code, again.status_code, forged.status_code, long.status_code) == (303, 303, 403, 413)
    assert answers == [200, 200]
    assert only_case(pages).status == CaseStatus.TO_DISPATCH
    assert "不属警情" in dispatcher.get(f"/case/{number}").text
    assert police.is_wired()


def test_a_number_is_refused_by_the_shift_leader_after_nuisance(
    agent: TestClient, client: TestClient, as_role: SignIn, pages: Database, arrive: Callable[..., UUID], drain: Callable[[], int]
) -> None:
    arriving = {"channel": "sms", "sender": NUMBER, "text": "哈哈哈"}
    for _ in range(2):
        arrive(**arriving)
        send(agent, form(take(agent), "void"), code="nuisance", note="谩骂")
    arrive(**arriving)
    told = follow(agent, form(take(agent), "void"), code="nuisance", note="第三次谩骂", refuse="true")
    leader = as_role(Role.SHIFT_LEADER)
    page = leader.get("/aside").text
    granted = submit(leader, "/aside", "refusal-grant", note="劝告无效")
    refused = arrive(**arriving)

    assert "已提请班长拒接" in told
    assert NUMBER not in page
    assert "第三次谩骂" in page
    assert granted.status_code == 303
    assert contact_of(pages, refused).conclusion == "refused"
    assert submit(leader, "/aside", "refusal-lift", note="家属说明").status_code == 303
    with pages.reading() as session:
        assert session.scalars(select(NumberRefusal.state)).one() == RefusalState.LIFTED
    assert as_role(Role.AGENT).get("/aside").status_code == 403
