"""A real call in a real browser: it rings at the desk, is answered, held, handed on, recorded and filed; its page may die."""

import re
from collections.abc import Iterator
from uuid import UUID

import pytest
from playwright.sync_api import Page, Playwright, expect
from sqlalchemy import select, update

from hotline.db import Database
from models import Call, CallEvent, CallStep, Case, Contact, Recording, Staff
from tests.cli.running import Service, a_demo_city, running
from tests.components import need, wait_until
from tests.real.browser import Street, settled
from tests.real.softphone import Seat, Telephones, headsets
from tests.real.telephone import cut_connections, write_short_notice
from tests.services.telephone.test_telephone_rule import change_rule
from tests.telephony.asterisk import free_sip_port, kit
from tests.telephony.sip import SipCall
from tests.telephony.sip_media import tone

pytestmark = pytest.mark.timeout(240)
expect.set_options(timeout=20_000)

LAMP = "滨江路12号门口的路灯坏了三盏，晚上看不见路，请尽快修好。"


@pytest.fixture(scope="module")
def sip_port() -> int:
    return free_sip_port()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, sip_port: int) -> Iterator[Service]:
    need("chromium")
    kit()
    exchange = {"HOTLINE_ASTERISK__SIP_PORT": str(sip_port), "HOTLINE_ASTERISK__WS_PORT": str(sip_port + 28)}
    folder = tmp_path_factory.mktemp("softphone")
    a_demo_city(folder / "data")
    write_short_notice(folder / "data" / "prompts" / "own" / "welcome.wav")
    with running(folder, HOTLINE_TELEPHONY="on", **exchange) as service:
        yield service


@pytest.fixture(scope="module")
def records(service: Service) -> Iterator[Database]:
    """What the service has written down. Its agents answer calls only, but for one: letters wait in the demo's queue."""
    database = Database(f"sqlite:///{service.env['HOTLINE_DATA_DIR']}/hotline.db")
    with database.unit_of_work() as session:
        session.execute(update(Staff).where(Staff.username != "agent9").values(channels=["voice"]))
        # On a busy machine a script needs longer than a person's twenty seconds to look at two pages; once let go, a text is held
        # out to nobody else for a minute.
        change_rule(session, offer=300)
    yield database
    database.dispose()


@pytest.fixture(scope="module")
def whole_street(playwright: Playwright, service: Service, records: Database) -> Iterator[Street]:
    with headsets(playwright, service.url) as opened:
        yield opened


@pytest.fixture(scope="module")
def exchange_of_city(service: Service, sip_port: int) -> Iterator[Telephones]:
    telephones = Telephones(sip_port)
    yield telephones
    telephones.close()


@pytest.fixture
def city(exchange_of_city: Telephones) -> Iterator[Telephones]:
    yield exchange_of_city
    exchange_of_city.hang_up_all()


def contact_of(desk: Page) -> str:
    return desk.url.partition("c=")[2].partition("&")[0]


def test_a_call_rings_is_answered_held_recorded_and_filed(people: Street, city: Telephones, records: Database) -> None:
    seat = Seat(people, "agent1")
    citizen = city.dial("13800100172")
    seat.answer()
    city.do(citizen.hears(last=0.5, seconds=20))
    assert seat.level("speaker") > 0.01

    _held_and_back(seat, city, citizen)
    _keys_reach_the_caller(seat, city, citizen)
    _not_recorded_while_a_card_is_read_out(seat)
    contact = contact_of(seat.desk)
    _written_down_and_filed(seat)

    city.do(citizen.gone())
    _played_on(people, records, contact)


def _held_and_back(seat: Seat, city: Telephones, citizen: SipCall) -> None:
    seat.desk.keyboard.press("h")
    expect(seat.phone.locator("body")).to_have_attribute("data-held", "true")
    expect(seat.desk.locator("body")).to_have_attribute("data-held", "true")
    expect(seat.desk.locator("[data-phone-act=hold]")).to_have_attribute("aria-pressed", "true")
    seat.desk.wait_for_timeout(1500)
    assert not citizen.ended
    seat.desk.keyboard.press("h")
    expect(seat.phone.locator("body")).to_have_attribute("data-held", "false")
    city.do(citizen.hears(last=0.5, seconds=20))


def _keys_reach_the_caller(seat: Seat, city: Telephones, citizen: SipCall) -> None:
    seat.phone.get_by_text("拨号键", exact=True).click()
    for key in "59":
        seat.phone.locator(f'[data-act=digit][data-to="{key}"]').click()
    city.do(citizen.types("59"))


def _not_recorded_while_a_card_is_read_out(seat: Seat) -> None:
    seat.desk.keyboard.press("r")
    expect(seat.desk.locator(".call-bar")).to_contain_text("录音已暂停")
    seat.desk.wait_for_timeout(1200)
    seat.desk.keyboard.press("r")
    expect(seat.desk.locator(".call-bar")).to_contain_text("双轨录音中")


def _written_down_and_filed(seat: Seat) -> None:
    desk = seat.desk
    desk.fill("#content", LAMP)
    expect(desk.locator("#pick-category .pick")).to_have_count(3)
    desk.fill("#title", "滨江路12号路灯不亮")
    desk.fill("#place_text", "滨江路12号")
    seat.hang_up()
    expect(desk.locator("#seat")).to_have_attribute("data-state", "wrap_up")
    expect(desk.locator("#seat [data-until]")).to_contain_text("00:")
    expect(seat.phone.locator("#now [data-until]")).to_contain_text("00:")
    expect(desk.locator(".call-past")).to_contain_text("已接听")
    desk.locator("h1").click()
    for key in ("1", "4", "q"):
        desk.keyboard.press(key)
    desk.keyboard.press("Control+Enter")
    expect(desk.get_by_text("已立案并派单")).to_be_visible()


def _played_on(people: Street, records: Database, contact: str) -> None:
    """The recording is there, whole, with the stretch that was muted."""
    with records.reading() as session:
        assert session.scalars(select(Case.number).join(Contact, Contact.number_hash == Case.number_hash)).first()

    def kept() -> bool:
        with records.reading() as session:
            return session.scalar(select(Recording.id).limit(1)) is not None

    wait_until(kept, "the recording", seconds=40)
    desk = people.staff("leader1")
    desk.goto(f"/desk?c={contact}")
    player = settled(desk).locator(".recording").first
    expect(player).to_contain_text("已静音")
    with desk.expect_response(lambda answer: "/recordings/" in answer.url and answer.status in {200, 206}):
        player.locator("[data-play]").click()


@pytest.fixture(scope="module")
def table(whole_street: Street) -> tuple[str, str]:
    """Extension and secret of a telephone on a desk."""
    administrator = whole_street.staff("admin1")
    administrator.goto("/admin/telephone")
    administrator.locator("form[data-form=desk-secret] button").first.click()
    return administrator.inner_text("[data-value=user]"), administrator.inner_text("[data-value=secret]")


class Colleague:
    """Somebody at a telephone on the desk, who takes no calls from the queue."""

    def __init__(self, people: Street, city: Telephones, extension: str, secret: str) -> None:
        self.extension, self._city = extension, city
        self.desk = people.staff("agent2")
        settled(self.desk).keyboard.press("F9")
        with self.desk.expect_navigation():
            self.desk.get_by_role("button", name="会议").click()
        expect(self.desk.locator("#seat")).to_have_attribute("data-state", "paused")
        self.desk.goto("/phone/desk")
        if self.desk.locator("[data-form=desk-sit-down]").count():
            self.desk.select_option("[name=extension]", extension)
            self.desk.locator("[data-form=desk-sit-down] button").click()
        expect(self.desk.locator("[data-form=desk-leave]")).to_be_visible()
        self.desk.goto("/desk")
        self.phone = city.desk_phone(extension, secret)
        settled(self.desk)

    def answers(self, *, shown: str = "") -> SipCall:
        """`shown`: the contact that the desk knows of while it rings."""
        rung = self._city.do(self.phone.incoming(seconds=30))
        if shown:
            expect(self.desk.locator(f"#ring [data-contact='{shown}']")).to_be_visible()
        self._city.do(rung.answer(sound=tone(60)))
        return rung


@pytest.fixture
def colleague(people: Street, city: Telephones, table: tuple[str, str]) -> Colleague:
    return Colleague(people, city, *table)


def hear_each_other(city: Telephones, *calls: SipCall) -> None:
    for call in calls:
        city.do(call.hears(last=0.5, seconds=20))


@pytest.mark.parametrize("how", ["直接转", "先问后转"])
def test_a_call_is_handed_to_a_colleague_at_once_or_after_asking(
    people: Street, city: Telephones, colleague: Colleague, how: str
) -> None:
    seat = Seat(people, "agent1")
    citizen = city.dial("13800100173")
    seat.answer()
    contact = contact_of(seat.desk)
    seat.desk.keyboard.press("t")
    seat.desk.locator("#targets li", has_text=colleague.extension).get_by_role("button", name=how).click()
    rung = colleague.answers(shown=contact)
    if how == "先问后转":
        seat.is_("asking")
        hear_each_other(city, rung)
        seat.desk.locator("[data-phone-act=hand_over]").click()

    seat.is_("ready")

    hear_each_other(city, citizen, rung)
    colleague.desk.wait_for_url(f"**/desk?c={contact}*")
    expect(seat.desk.locator(".toast")).to_contain_text("已转给")
    city.do(citizen.hang_up())
    city.do(rung.gone(seconds=20))


def test_a_colleague_joins_a_call_and_goes_on_alone(people: Street, city: Telephones, colleague: Colleague) -> None:
    seat = Seat(people, "agent3")
    citizen = city.dial("13800100174")
    seat.answer()
    contact = contact_of(seat.desk)
    seat.desk.keyboard.press("p")
    seat.desk.fill("#party-line", colleague.extension)
    seat.desk.press("#party-line", "Enter")

    joined = colleague.answers()

    hear_each_other(city, citizen, joined)
    assert seat.level("speaker") > 0.01
    assert contact_of(seat.desk) == contact
    seat.hang_up()
    colleague.desk.wait_for_url(f"**/desk?c={contact}*")
    hear_each_other(city, citizen, joined)
    city.do(citizen.hang_up())


def test_a_telephone_opened_again_in_a_call_gets_its_caller_back(people: Street, city: Telephones) -> None:
    seat = Seat(people, "agent4")
    citizen = city.dial("13800100175")
    seat.answer()
    contact = contact_of(seat.desk)
    seat.phone.on("dialog", lambda dialog: dialog.accept())

    seat.phone.reload()

    seat.answers_again(contact)
    hear_each_other(city, citizen)
    seat.finish()


def test_a_telephone_that_dies_in_a_call_has_the_first_claim_on_its_caller(
    people: Street, city: Telephones, records: Database
) -> None:
    seat = Seat(people, "agent5")
    citizen = city.dial("13800100176")
    seat.answer()
    contact = contact_of(seat.desk)

    def is_held() -> bool:
        with records.reading() as session:
            lost = select(CallEvent.id).join(Call).where(CallEvent.step == CallStep.PHONE_LOST, Call.contact_id == UUID(contact))
            return session.scalars(lost).first() is not None

    seat.phone.close()
    wait_until(is_held, "the exchange to hold the caller", seconds=20)
    later = city.dial("13800100177")
    hear_each_other(city, citizen)

    seat.open_phone()

    seat.answers_again(contact)
    hear_each_other(city, citizen)
    city.do(later.hang_up())
    seat.finish()


def test_a_call_outlives_the_socket_of_its_telephone_and_ends_with_its_caller(
    people: Street, city: Telephones, sip_port: int
) -> None:
    seat = Seat(people, "agent6")
    citizen = city.dial("13800100178")
    seat.answer()
    line = seat.desk.locator("[data-phone-line]")

    cut_connections(sip_port + 28)

    expect(line).to_contain_text("未连接")
    expect(line).to_contain_text("已注册")
    hear_each_other(city, citizen)
    city.do(citizen.hang_up())
    seat.is_("ready")
    seat.phone.close()
    expect(line).to_contain_text("打开软电话")


def test_a_microphone_that_was_pulled_out_in_a_call_speaks_again_once_it_is_back(people: Street, city: Telephones) -> None:
    seat = Seat(people, "agent8")
    citizen = city.dial("13800100180")
    seat.answer()
    hear_each_other(city, citizen)

    seat.pull_microphone()

    line, told = seat.desk.locator("[data-phone-line]"), "麦克风断开了，对方听不到您。"
    expect(seat.phone.locator("[data-part=problem]")).to_have_text(told)
    expect(seat.desk.locator("[data-phone-problem]")).to_have_text(told)
    expect(line).to_contain_text("麦克风不可用")
    heard = citizen.heard_seconds

    seat.plug_microphone()

    expect(seat.phone.locator("[data-part=problem]")).to_be_hidden()
    expect(seat.desk.locator("[data-phone-problem]")).to_be_hidden()
    expect(line).to_contain_text("已注册")
    wait_until(lambda: citizen.heard_seconds > heard + 1, "the agent to be heard again")
    hear_each_other(city, citizen)
    seat.finish()


def test_who_comes_to_help_listens_in_by_one_more_key(people: Street, city: Telephones) -> None:
    seat = Seat(people, "agent7")
    leader = people.staff("leader1", permissions=["microphone", "notifications"])
    telephone = leader.context.new_page()
    telephone.goto("/phone")
    expect(telephone.locator("[data-part=line]")).to_have_attribute("data-ok", "true")
    leader.goto("/floor")
    citizen = city.dial("13800100179")
    seat.answer()
    seat.desk.keyboard.press("F1")
    expect(settled(leader).locator("form[data-form=answer-help] button")).to_be_visible()

    leader.keyboard.press("F1")
    leader.wait_for_url(f"**/desk?c={contact_of(seat.desk)}*")
    expect(settled(leader).locator("form[data-form=spy] button")).to_be_visible()
    leader.keyboard.press("F1")

    expect(telephone.locator("body")).to_have_attribute("data-phone", "talking")
    expect(telephone.locator("[data-part=level-speaker]")).not_to_have_attribute("value", "0")
    leader.get_by_role("button", name="三方插话").click()
    expect(leader.locator(".toast").last).to_contain_text("双方都能听到您")
    city.do(citizen.hang_up())
    expect(telephone.locator("body")).to_have_attribute("data-phone", "ready")


def test_a_waiting_text_is_offered_on_desk_and_telephone(people: Street) -> None:
    seat = Seat(people, "agent9")
    expect(seat.desk.locator("#ring form[data-form=offer]").first).to_be_visible()
    expect(seat.desk.locator("#ring [data-until]")).to_have_text(re.compile(r"0[34]:\d\d"))
    expect(seat.phone.locator("#now form[data-form=offer]").first).to_be_visible()
    for page, shown in ((seat.desk, "#ring"), (seat.phone, "#now"), (seat.phone, "html")):
        assert page.locator(shown).evaluate("shown => shown.scrollWidth - shown.clientWidth") <= 0

    seat.desk.keyboard.press("F2")

    seat.desk.wait_for_url("**/desk?c=*")
    expect(settled(seat.desk).locator("#case-form")).to_be_visible()
    assert seat.desk.locator("#number").inner_text()


def test_the_requester_of_a_case_is_rung_from_its_page(people: Street, city: Telephones, records: Database) -> None:
    seat = Seat(people, "agent4")
    with records.reading() as session:
        number = session.scalars(select(Case.number).where(Case.confidential.is_(False)).limit(1)).one()
    seat.desk.goto(f"/case/{number}")

    seat.desk.locator("form[data-form=call] button").click()

    seat.is_("talking")
