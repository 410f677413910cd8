"""No page and no action needs more than twenty SQL statements, with little data or with much."""

from datetime import UTC, datetime

import pytest
import time_machine
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from hotline.db import Database
from hotline.services import reading_filing, surveys
from hotline.services.monthly.months import Month
from hotline.services.profiles import profiles
from hotline.services.survey_plans import plans
from hotline.services.telephone import floor
from hotline.settings import Settings
from models import (
    Assignment,
    Case,
    CaseStatus,
    Contact,
    Presence,
    PresenceState,
    Role,
    Staff,
    Survey,
    SurveyAttempt,
    SurveyPlan,
    now,
)
from tests.conftest import Drain, SignIn
from tests.factories_calls import make_call, make_line
from tests.factories_cases import file_for_review, make_case, with_reviews
from tests.factories_contacts import make_agent, make_contact
from tests.web.desk import drafted
from tests.web.forms import form, forms
from tests.web.statements import act, at_most_twenty, visit

MANY = 25
EVERYTHING = tuple(role for role in Role if role not in (Role.SERVICE, Role.LIAISON, Role.GRID_WORKER))
LINE = (CaseStatus.TO_DISPATCH, CaseStatus.DISPATCHED, CaseStatus.IN_PROGRESS, CaseStatus.ANSWERED, CaseStatus.CLOSED)


@pytest.fixture(params=[1, MANY], ids=["little", "much"])
def city(request: pytest.FixtureRequest, pages: Database, drain: Drain) -> Database:
    """One case in every state of the line; and with much data all of them for one contact's unit, many times."""
    with pages.unit_of_work() as session:
        for _ in range(1 if request.param == 1 else MANY // len(LINE)):
            for status in LINE:
                make_case(session, status=status, assists=("T001", "T002"), community_code="990181001001")
        for _ in range(request.param):
            make_contact(session, number="13800000172")
    drain()
    with pages.reading() as session:
        reading_filing.choices(session)  # read once in a process, for an edition never changes
    return pages


def test_citizens(client: TestClient, city: Database) -> None:
    written = act(
        client,
        city,
        visit(client, city, "/"),
        "letter",
        kind="help",
        text="路灯不亮",
        number="13800138009",
        consent="yes",
        place="望江路",
    )
    opened = act(client, city, written.text, "track")
    act(client, city, visit(client, city, opened.headers["location"]), "remark", text="又灭了")
    visit(client, city, "/places?place=阳光花园")
    visit(client, city, "/communities?township=990181001")
    with city.reading() as session:
        token = surveys.token_of(session.scalars(select(Survey)).first())  # type: ignore[arg-type]
    page = visit(client, city, f"/survey/{token}")
    act(client, city, page, "survey", solved="no", result="dissatisfied", unit="satisfied")


def test_the_progress_of_a_case(client: TestClient, city: Database) -> None:
    written = client.post(
        "/", data=form(client.get("/").text, "letter").filled(kind="help", text="路灯", number="13800138008", consent="yes")
    )
    with city.unit_of_work() as session:
        contact = session.scalars(select(Contact).where(Contact.number_hash.is_not(None)).order_by(Contact.id.desc())).first()
        make_case(session, status=CaseStatus.IN_PROGRESS, contact=contact)
    opened = act(client, city, written.text, "track")

    act(client, city, visit(client, city, opened.headers["location"]), "urge")


def test_the_unit_desk(as_role: SignIn, city: Database) -> None:
    liaison = as_role(Role.LIAISON, unit="CGJ")
    for tab in ("in_hand", "to_sign", "at_work", "today", "week", "overdue", "returning", "answered"):
        visit(liaison, city, f"/unit?tab={tab}")
        visit(liaison, city, f"/unit/list?tab={tab}")
    visit(liaison, city, "/unit/roster")
    visit(liaison, city, "/unit/templates")
    with city.reading() as session:
        ids = {
            status: session.scalars(select(Assignment.id).where(Assignment.lead, Assignment.status == status)).first()
            for status in ("dispatched", "in_progress")
        }

    page = visit(liaison, city, f"/unit/{ids['dispatched']}")
    act(liaison, city, page, "contacted", text="已联系")
    act(liaison, city, page, "reveal", reason="联系市民")
    act(liaison, city, page, "ask-return", basis="职责清单", proposed_unit="ZJJ")
    act(liaison, city, page, "sign")
    visit(liaison, city, f"/unit/{ids['in_progress']}/templates")
    act(liaison, city, visit(liaison, city, f"/unit/{ids['in_progress']}"), "answer", public_text="已清运。")


def test_the_centre(as_role: SignIn, city: Database) -> None:
    centre = as_role(*EVERYTHING)
    for tab in ("to_dispatch", "returns", "to_check", "reopening"):
        visit(centre, city, f"/verify?tab={tab}")
        visit(centre, city, f"/verify/list?tab={tab}")
    with city.reading() as session:
        numbers = {status: number for status, number in session.execute(select(Case.status, Case.number))}

    visit(centre, city, f"/verify/alike/{numbers[CaseStatus.TO_DISPATCH]}")
    act(centre, city, visit(centre, city, f"/verify/to_dispatch/{numbers[CaseStatus.TO_DISPATCH]}"), "dispatch")
    act(centre, city, visit(centre, city, f"/verify/to_check/{numbers[CaseStatus.ANSWERED]}"), "verdict", verdict="passed")
    for number in numbers.values():
        visit(centre, city, f"/case/{number}")
    visit(centre, city, "/duty")
    visit(centre, city, "/admin/notices")


def test_the_callback_desk(as_role: SignIn, city: Database) -> None:
    with city.unit_of_work() as session:
        session.execute(update(SurveyPlan).where(SurveyPlan.state == "open").values(next_at=datetime(2020, 1, 1, tzinfo=UTC)))
        plans.run_due(session)
        session.execute(update(SurveyAttempt).values(due_at=datetime(2020, 1, 1, tzinfo=UTC)))
        attempt_id = session.scalars(select(SurveyAttempt.id).where(SurveyAttempt.ended_at.is_(None))).first()
    centre = as_role(*EVERYTHING)
    visit(centre, city, "/asking")
    visit(centre, city, "/signs")

    visit(centre, city, f"/asking/{attempt_id}")
    with city.unit_of_work() as session:  # whatever the hour is
        newest = session.scalars(select(Staff.id).order_by(Staff.id.desc())).first()
        session.execute(update(SurveyAttempt).values(taken_by_id=newest, taken_at=now()))
    page = visit(centre, city, f"/asking/{attempt_id}")
    act(centre, city, page, "heard", solved="true", result="satisfied", unit="satisfied")


def test_the_centre_where_every_step_is_on(as_role: SignIn, city: Database, drain: Drain) -> None:
    """Review, a look on the spot, and the citizen's word before the closing."""
    centre = as_role(*EVERYTHING)
    with city.unit_of_work() as session:
        profiles.install(session, "every_step", with_reviews() | {"first_unit": "area"})
        filed, answered = file_for_review(session), make_case(session, status=CaseStatus.ANSWERED).number
    drain()
    act(centre, city, visit(centre, city, f"/verify/review/{filed}"), "approve")
    act(centre, city, visit(centre, city, f"/verify/to_check/{answered}"), "to-site")
    act(centre, city, visit(centre, city, f"/verify/on_site/{answered}"), "site", verdict="passed", remark="看过")
    drain()
    act(centre, city, visit(centre, city, f"/verify/callback/{answered}"), "unreached", over="false", text="无人接听")
    said = {"solved": "true", "result": "satisfied", "unit": "satisfied"}
    act(centre, city, visit(centre, city, f"/verify/callback/{answered}"), "asked", **said)
    visit(centre, city, f"/case/{answered}")


@pytest.mark.parametrize("roles", [(Role.SUPERVISOR,), (Role.LIAISON,)])
def test_searching(as_role: SignIn, city: Database, roles: tuple[Role, ...]) -> None:
    seeker = as_role(*roles, unit="CGJ" if Role.LIAISON in roles else "")
    for name in ("全部", "在办"):
        kept = form(seeker.get("/search?state=open").text, "keep-view")
        seeker.post(kept.action, data=kept.filled(name=name))

    page = visit(seeker, city, "/search?q=垃圾 滨江社区 城市管理局&state=open&category=01&mark=overdue&channel=mailbox")
    visit(seeker, city, page.partition('hx-get="')[2].partition('"')[0])
    act(seeker, city, page, "sheet", columns="number")
    act(seeker, city, page, "keep-view", name="垃圾", opens_first="true")
    if Role.SUPERVISOR in roles:
        with city.reading() as session:
            number = session.scalars(select(Case.number).where(Case.status == CaseStatus.CLOSED)).first()
        act(seeker, city, visit(seeker, city, f"/case/{number}"), "bundle", reason="审计")


def test_supervision_and_administration(as_role: SignIn, city: Database) -> None:
    everybody = as_role(*EVERYTHING)
    with city.reading() as session:
        somebody = session.scalars(select(Staff.id)).first()
    month = f"/reports/monthly/{Month.of(now()).before}"
    act(everybody, city, visit(everybody, city, month), "monthly-sign")
    paths = ["/wall", "/wall/now", "/wall/list", "/wall/letters", "/wall/calls", "/wall/alerts", month, "/open"]
    paths += ["/reports", "/reports/ranking", "/reports/unit/CGJ", "/reports/agents", "/reports/periods"]
    paths += ["/reports/monthly", f"/admin/staff?open={somebody}"]
    for path in paths + [
        f"/admin{page}"
        for page in (
            "",
            "/staff",
            "/profiles",
            "/profiles/centre_verified",
            "/rules",
            "/texts",
            "/conversations",
            "/model",
            "/model/drift",
            "/model/duties",
            "/reference",
            "/reference/categories",
            "/reference/categories/0102",
            "/reference/units",
            "/reference/units/CGJ",
            "/calendar",
            "/messages",
            "/access",
        )
    ]:
        visit(everybody, city, path)

    act(everybody, city, everybody.get("/admin/rules").text, "queue-rule", sms="200")
    act(everybody, city, everybody.get("/admin/profiles/centre_verified").text, "profile-in-force", reason="会议纪要")
    taking = form(everybody.get("/admin/reference/units/ZJJ").text, "unit-change")
    with at_most_twenty(city, taking.action):
        looked = everybody.post(taking.action, data=taking.filled(instead_of="CGJ")).text
    act(everybody, city, looked, "unit-confirm", reason="会议纪要")
    act(everybody, city, everybody.get(f"/admin/staff?open={somebody}").text, "staff-change", name="改名", roles="agent")


@pytest.mark.parametrize("profile", ["quick_response", "street_first"])
def test_the_agents_desk(as_role: SignIn, city: Database, profile: str) -> None:
    agent = as_role(Role.AGENT, username="seated", capacity=9)
    with city.unit_of_work() as session:
        profiles.install(session, profile, profiles.shipped(profile))
        make_agent(session, state=PresenceState.AVAILABLE)
    page = visit(agent, city, "/desk")
    available = next(each for each in forms(page) if each.name == "presence")
    with at_most_twenty(city, f"POST {available.action}"):
        agent.post(available.action, data=available.filled(state="available"))

    taken = act(agent, city, visit(agent, city, "/desk"), "take-next")

    if taken.status_code == 303:
        agent.get(taken.headers["location"])  # editions of rules are read once in a process
        visit(agent, city, taken.headers["location"])
        contact_id = taken.headers["location"].partition("c=")[2]
        visit(agent, city, f"/desk/contact/{contact_id}/same")


def test_every_page_answers_on_both_databases(database: Database, as_role: SignIn, drain: Drain) -> None:
    with database.unit_of_work() as session:
        numbers = {status: make_case(session, status=status, community_code="990181001001").number for status in LINE}
        make_contact(session, channel="sms")
    drain()
    liaison, everybody = as_role(Role.LIAISON, unit="CGJ"), as_role(*EVERYTHING)

    for tab in ("in_hand", "today", "week", "overdue", "returning", "answered"):
        visit(liaison, database, f"/unit?tab={tab}&q=垃圾")
    with database.reading() as session:
        held_id = session.scalars(select(Assignment.id).where(Assignment.lead)).first()
    visit(liaison, database, f"/unit/{held_id}/templates?q=清运")
    for tab in ("to_dispatch", "returns", "to_check", "reopening"):
        visit(everybody, database, f"/verify?tab={tab}")
    visit(everybody, database, f"/verify/alike/{numbers[CaseStatus.TO_DISPATCH]}")
    for number in numbers.values():
        visit(everybody, database, f"/case/{number}")
    for path in (
        "/",
        "/places?place=阳光花园",
        "/track",
        "/wall",
        "/reports?span=week",
        "/admin",
        "/admin/reference",
        "/admin/access",
        "/search?q=垃圾 滨江社区&state=open&unit=CGJ&mark=urged",
    ):
        visit(everybody, database, path)


def test_the_telephone_and_the_floor(as_role: SignIn, city: Database, clock: time_machine.Traveller, settings: Settings) -> None:
    settings.telephony = "on"
    centre = as_role(*EVERYTHING, username="caller-taker")
    with city.reading() as session:
        many = session.scalar(select(func.count()).select_from(Contact)) or 0
    with city.unit_of_work() as session:
        me = session.scalars(select(Staff).where(Staff.username == "caller-taker")).one()
        session.add(Presence(staff_id=me.id, state="available", reason="", since=now(), heartbeat_at=now()))
        speaking = make_call(session, number="13800000172", facts=("queued", "rang", "answered"), line=make_line(session, me))
        for serial in range(many):
            line = make_line(session)
            make_call(session, number=f"139{serial:08d}", facts=("queued", "rang", "answered"), line=line)
            make_call(session, number=f"137{serial:08d}")
            make_call(session, number=f"136{serial:08d}", facts=("queued", "ended"))
            floor.call_for_help(session, session.get_one(Staff, line.staff_id))
            floor.ask_break(session, session.get_one(Staff, line.staff_id), reason="喝水", minutes=10)
    bar = f"/phone/bar?c={speaking.contact_id}"

    for path in ("/phone", "/phone/now", "/phone/ring", "/phone/targets?q=", "/floor/board", "/floor/notices", "/callbacks/list"):
        visit(centre, city, path)
    token = form(visit(centre, city, bar), "recording").fields["csrf"]
    kept = drafted(visit(centre, city, f"/desk?c={speaking.contact_id}"), speaking.contact_id, content="路灯不亮")
    with at_most_twenty(city, f"POST {kept.action}"):
        assert centre.post(kept.action, data=kept.fields).status_code == 303
    visit(centre, city, f"/desk?c={speaking.contact_id}")
    for path, values in {"/phone/recording": {"pause": "yes"}, "/phone/party": {"party": "120"}, "/floor/help": {}}.items():
        with at_most_twenty(city, f"POST {path}"):
            assert centre.post(path, data={**values, "csrf": token}).status_code == 303
    board = visit(centre, city, "/floor")
    for name, values in {
        "notice": {"text": "停水"},
        "announcement": {"text": "停水"},
        "answer-help": {},
        "break": {"grant": "yes"},
    }.items():
        found = form(board, name)
        with at_most_twenty(city, f"POST {found.action}"):
            assert centre.post(found.action, data=found.filled(**values)).status_code == 303
    page = visit(centre, city, "/callbacks")
    act(centre, city, page, "remove")


def test_a_thread_at_the_desk(as_role: SignIn, city: Database) -> None:
    agent = as_role(Role.AGENT)
    act(agent, city, agent.get("/desk").text, "presence", state="available")
    with city.unit_of_work() as session:
        for text in ("路灯坏了", "在西门", "请快点"):
            contact = make_contact(session, channel="wechat", sender="openid-1", text=text, waited=90_000)
    act(agent, city, agent.get("/desk").text, "take-next")

    page = visit(agent, city, f"/desk?c={contact.id}")

    act(agent, city, page, "reply", text="已转城管局。")
    act(agent, city, page, "confirm", name="王五", number="13800138000")
    act(agent, city, page, "ask", ask="time")
    visit(agent, city, f"/desk/contact/{contact.id}/canned")
    visit(agent, city, f"/desk/contact/{contact.id}/talk")
