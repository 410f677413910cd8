"""The telephone's page and its pieces: who may have one, what they show, what its buttons ask for."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from sqlalchemy import select

from hotline.services.telephone import calling, exchange_state, lines
from hotline.settings import Settings
from models import (
    Action,
    Call,
    CallStep,
    Case,
    CaseEvent,
    CaseStatus,
    Contact,
    Direction,
    Presence,
    PresenceState,
    Repeat,
    Role,
    Staff,
    SwitchboardAction,
    now,
)
from tests.conftest import SignIn
from tests.factories_calls import make_call, make_line
from tests.factories_cases import make_case
from tests.services.telephone.test_telephone_rule import change_rule
from tests.web.forms import form, forms
from tests.web.seat import Seat

NUMBER = "13800138000"


@pytest.fixture
def on(settings: Settings) -> None:
    settings.telephony = "on"


# --- the page


def test_where_the_telephone_is_off_its_page_says_so(as_role: SignIn) -> None:
    answer = as_role(Role.AGENT).get("/phone")

    assert (answer.status_code, "没有启用电话" in answer.text) == (200, True)


@pytest.mark.usefixtures("on")
def test_the_page_may_speak_with_the_exchange_and_with_nobody_else(seat: Seat) -> None:
    answer = seat.browser.get("/phone")

    policy = answer.headers["content-security-policy"]
    assert "connect-src 'self' ws://testserver:8088" in policy
    assert "script-src 'self'" in policy
    assert "软电话" in answer.text
    assert "connect-src 'self' ws://" not in seat.browser.get("/desk").headers["content-security-policy"]


@pytest.mark.usefixtures("on")
def test_behind_a_proxy_the_socket_is_where_the_settings_say(seat: Seat, settings: Settings) -> None:
    settings.asterisk.ws_url = "wss://phone.example.gov.cn/ws"

    assert "connect-src 'self' wss://phone.example.gov.cn" in seat.browser.get("/phone").headers["content-security-policy"]
    assert seat.post("/phone/sign-in").json()["domain"] == "phone.example.gov.cn"


def test_a_sign_in_tells_a_secret_once_and_lets_nobody_keep_it(seat: Seat) -> None:
    answer = seat.post("/phone/sign-in")

    told = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert (told["extension"], told["realm"], told["domain"]) == (seat.line().extension, lines.REALM, "testserver")
    assert told["socket"] == "ws://testserver:8088/ws"
    assert seat.line().digest == lines.digest_of(told["extension"], told["secret"])
    assert told["secret"] not in seat.browser.get("/phone/now").text


# --- what it shows


def test_at_rest_it_shows_where_the_seat_stands(seat: Seat) -> None:
    text = seat.browser.get("/phone/now").text

    assert "空闲" in text
    assert "电话交换机未连接" in text


def test_a_connected_exchange_gives_no_warning(seat: Seat) -> None:
    with seat.pages.unit_of_work() as session:
        exchange_state.note(session, connected=True)

    assert "电话交换机未连接" not in seat.browser.get("/phone/now").text


def test_a_ringing_call_is_on_the_telephone_and_over_the_desk_with_its_number_masked(seat: Seat) -> None:
    call = seat.rings()

    for path in ("/phone/now", "/phone/ring"):
        text = seat.browser.get(path).text
        assert "138****8000" in text
        assert NUMBER not in text
    assert str(call.contact_id) in seat.browser.get("/phone/ring").text


def test_a_call_that_we_place_is_no_call_that_comes_and_its_number_stays_masked(seat: Seat) -> None:
    call = seat.rings("answered")
    with seat.pages.unit_of_work() as session:
        placed = session.get_one(Call, call.id)
        placed.direction, placed.called_number = Direction.OUT, NUMBER

    for path in ("/phone/now", f"/phone/bar?c={call.contact_id}"):
        text = seat.browser.get(path).text
        assert "我们拨出" in text
        assert NUMBER not in text


def test_the_seat_of_somebody_who_speaks_says_so(seat: Seat) -> None:
    seat.rings("answered")

    shown = seat.browser.get("/phone/seat").text

    assert 'data-state="available"' in shown
    assert "通话中" in shown
    assert "空闲" not in shown


def test_a_ringing_caller_who_asks_after_a_case_has_its_unit_reminded_by_one_press(seat: Seat) -> None:
    with seat.pages.unit_of_work() as session:
        number = make_case(session, status=CaseStatus.DISPATCHED, number=NUMBER).number
    call = seat.rings()
    button = form(seat.browser.get("/phone/ring").text, "urge-from-call")

    answers = [seat.browser.post(button.action, data=button.fields, headers={"HX-Request": "true"}) for _ in range(2)]

    assert all(f"已催单：{number}" in answer.text for answer in answers)
    with seat.pages.reading() as session:
        urged = select(CaseEvent.id).join(Case).where(Case.number == number, CaseEvent.action == Action.URGE)
        assert len(session.scalars(urged).all()) == 1
        assert session.scalars(select(Repeat.contact_id)).all() == [call.contact_id]


def test_nobody_urges_from_a_call_a_case_of_another_number_or_from_the_call_of_somebody_else(seat: Seat) -> None:
    with seat.pages.unit_of_work() as session:
        own = make_case(session, status=CaseStatus.DISPATCHED, number=NUMBER).number
        strange = make_case(session, status=CaseStatus.DISPATCHED, number="13900139000").number
        colleagues = make_call(session, facts=("queued", "rang"), line=make_line(session, extension="2077"))
    call = seat.rings()

    refused = [
        seat.post("/phone/urge", contact=str(contact_id), number=number, key=uuid4().hex).status_code
        for contact_id, number in ((call.contact_id, strange), (colleagues.contact_id, own), (uuid4(), own))
    ]

    assert refused == [404, 404, 404]
    with seat.pages.reading() as session:
        assert session.scalars(select(Repeat)).all() == []


def test_an_answered_call_no_longer_rings(seat: Seat) -> None:
    call = seat.rings("answered")

    assert 'data-phone-act="answer"' not in seat.browser.get("/phone/ring").text
    assert f"/desk?c={call.contact_id}" in seat.browser.get("/phone/now").text


def test_the_bar_of_an_open_contact_has_the_keys_of_its_call(seat: Seat) -> None:
    call = seat.rings("answered")

    text = seat.browser.get(f"/phone/bar?c={call.contact_id}").text

    assert {"recording", "help", "party"} <= {each.name for each in forms(text)}
    assert 'data-phone-act="hangup"' in text


def test_the_bar_of_another_contact_has_no_keys(seat: Seat) -> None:
    seat.rings("answered")
    other = seat.rings("answered", "agent_left", "ended", number="13900139000")

    text = seat.browser.get(f"/phone/bar?c={other.contact_id}").text

    assert forms(text) == []
    assert "已接听" in text


def test_who_leads_the_shift_gets_to_listening_in_from_an_open_contact(seat: Seat, as_role: SignIn) -> None:
    call = seat.rings("answered")
    address = f"/phone/bar?c={call.contact_id}"
    leader = as_role(Role.SHIFT_LEADER).get(address).text

    found = form(leader, "spy")

    assert found.action == f"/floor/spy/{seat.staff_id}"
    assert "data-expects-call" in leader  # the own telephone answers by itself
    assert "正在通话" in leader
    assert [each.fields["mode"] for each in forms(leader) if each.name == "spy-mode"] == ["listen", "whisper", "barge"]
    assert forms(as_role(Role.DISPATCHER).get(address).text) == []
    assert "spy" not in {each.name for each in forms(seat.browser.get(address).text)}


def test_a_call_that_is_over_is_not_listened_to(seat: Seat, as_role: SignIn) -> None:
    call = seat.rings("answered", "agent_left", "ended")

    assert forms(as_role(Role.SHIFT_LEADER).get(f"/phone/bar?c={call.contact_id}").text) == []


def test_a_confidential_call_that_somebody_else_took_is_not_shown(seat: Seat, as_role: SignIn) -> None:
    call = seat.rings("answered")
    with seat.pages.unit_of_work() as session:
        session.get_one(Contact, call.contact_id).confidential = True

    assert as_role(Role.AGENT).get(f"/phone/bar?c={call.contact_id}").status_code == 404
    assert seat.browser.get(f"/phone/bar?c={uuid4()}").status_code == 404


def test_who_is_joined_to_a_confidential_call_sees_it_and_who_handed_it_on_is_told_so(seat: Seat, as_role: SignIn) -> None:
    call, colleague = seat.rings("answered"), as_role(Role.AGENT, username="colleague")
    with seat.pages.unit_of_work() as session:
        session.get_one(Contact, call.contact_id).confidential = True
        staff = session.scalars(select(Staff).where(Staff.username == "colleague")).one()
        joined = {"extension": make_line(session, staff, extension="2077").extension, "unique_id": "joined"}
        calling.answered(session, call.linkedid, at=now(), **joined)
    address = f"/phone/bar?c={call.contact_id}"

    assert "data-call" in colleague.get(address).text
    with seat.pages.unit_of_work() as session:
        calling.agent_left(session, call.linkedid, extension=seat.line().extension, at=now())

    assert "由接手的同事办理" in seat.browser.get(address).text
    assert "data-call" in colleague.get(address).text
    # Asked for by the desk that was open when the call went on.
    late = f"/desk/contact/{call.contact_id}/same"
    assert (seat.browser.get(late).status_code, seat.browser.get(late).text) == (200, "")
    assert as_role(Role.AGENT, username="stranger").get(late).status_code == 404


def test_colleagues_are_found_to_hand_a_call_to(seat: Seat, as_role: SignIn) -> None:
    as_role(Role.AGENT, username="colleague", name="李明")
    with seat.pages.unit_of_work() as session:
        colleague = session.scalars(select(Staff).where(Staff.username == "colleague")).one()
        make_line(session, colleague, extension="2077")
        session.add(Presence(staff_id=colleague.id, state="available", reason="", since=now(), heartbeat_at=now()))

    assert "2077" in seat.browser.get("/phone/targets?q=李").text
    assert "没有找到在线的同事" in seat.browser.get("/phone/targets?q=nobody").text


# --- what its buttons ask for


def test_the_recording_rests_while_a_card_number_is_read_out(seat: Seat) -> None:
    call = seat.rings("answered")

    assert "录音已暂停" in seat.post("/phone/recording", pause="yes").text
    assert "录音已恢复" in seat.post("/phone/recording", pause="").text

    muted = [(each["channel"], each["muted"]) for each in seat.commands(SwitchboardAction.MUTE_RECORDING)]
    assert muted == [(call.channel_name, True), (call.channel_name, False)]


def test_a_recording_that_rests_is_seen(seat: Seat) -> None:
    call = seat.rings("answered")
    with seat.pages.unit_of_work() as session:
        calling.step(session, call.linkedid, CallStep.RECORDING_PAUSED, at=now())

    assert "录音已暂停" in seat.browser.get("/phone/now").text
    assert form(seat.browser.get(f"/phone/bar?c={call.contact_id}").text, "recording").fields["pause"] == ""


def test_a_listed_party_joins_a_call_and_another_number_does_not(seat: Seat) -> None:
    seat.rings("answered")

    assert seat.post("/phone/party", party="120").status_code == 200
    refused = [seat.post("/phone/party", party=number).status_code for number in ("13900139000", "", "<b>")]

    assert refused == [403, 403, 403]
    assert [each["number"] for each in seat.commands(SwitchboardAction.ADD_PARTY)] == ["120"]


def test_units_and_experts_join_by_one_press_and_stand_apart_from_emergency_numbers(seat: Seat) -> None:
    with seat.pages.unit_of_work() as session:
        change_rule(session, parties={"110": "公安报警", "96116": "供水抢修"})
    call = seat.rings("answered")

    bar = seat.browser.get(f"/phone/bar?c={call.contact_id}").text

    assert 'value="96116">供水抢修' in form_of(bar, "party-listed")
    assert 'value="110"' not in form_of(bar, "party-listed")
    assert 'value="110">110 公安报警' in form_of(bar, "party")
    assert "96116" not in form_of(bar, "party")
    assert seat.post("/phone/party", party="96116").status_code == 200
    assert [each["number"] for each in seat.commands(SwitchboardAction.ADD_PARTY)] == ["96116"]


def form_of(page: str, name: str) -> str:
    return page.partition(f'data-form="{name}"')[2].partition("</form>")[0]


def test_without_a_call_there_is_nothing_to_do_to_it(seat: Seat) -> None:
    for path in ("/phone/recording", "/phone/party"):
        answer = seat.post(path, party="120")
        assert (answer.status_code, "没有通话" in answer.text) == (409, True)


def test_a_page_that_began_anew_gets_its_call_back(seat: Seat) -> None:
    assert seat.post("/phone/started").json() == {"reclaimed": False}
    seat.rings(number="13900139000")
    assert seat.post("/phone/started").json() == {"reclaimed": False}

    seat.rings("answered")

    assert seat.post("/phone/started").json() == {"reclaimed": True}
    assert [each["extension"] for each in seat.commands(SwitchboardAction.RECLAIM)] == [seat.line().extension]


def test_after_a_call_the_time_for_notes_runs(seat: Seat) -> None:
    seat.rings("answered", "agent_left", "ended", seconds=0.1)

    text = seat.browser.get("/phone/now").text

    assert "整理" in text
    assert "data-until" in text
    with seat.pages.reading() as session:
        assert session.get_one(Presence, seat.staff_id).state == PresenceState.WRAP_UP


# --- who may not

READS = ["/phone", "/phone/now", "/phone/ring", "/phone/targets", f"/phone/bar?c={uuid4()}"]
ACTS = ["sign-in", "started", "offer", "recording", "party"]


def test_a_liaison_has_no_telephone(as_role: SignIn) -> None:
    browser = as_role(Role.LIAISON, unit="CGJ")
    token = {"X-CSRF-Token": form(browser.get("/unit").text, "sign-out").fields["csrf"]}

    assert {browser.get(path).status_code for path in READS} <= {403, 404}
    assert {browser.post(f"/phone/{act}", headers=token).status_code for act in ACTS} == {403}


@pytest.mark.parametrize("act", ACTS)
def test_no_button_works_without_the_token_of_its_session(as_role: SignIn, act: str) -> None:
    answer = as_role(Role.AGENT).post(f"/phone/{act}", data={"party": "120"})

    assert (answer.status_code, "页面已过期" in answer.text) == (403, True)


def test_every_form_of_the_telephone_has_a_name_and_carries_the_token(seat: Seat, drain: Callable[[], int]) -> None:
    call = seat.rings("answered")
    drain()

    found = [each for path in ("/phone/now", f"/phone/bar?c={call.contact_id}") for each in forms(seat.browser.get(path).text)]

    assert found
    assert all(each.name and each.fields["csrf"] for each in found)
