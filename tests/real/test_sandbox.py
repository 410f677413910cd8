"""The stand-ins beside the whole service, in a browser: a citizen writes on the page of the telephones, an agent answers."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.cli.running import Service, running
from tests.components import need
from tests.pictures import picture
from tests.real.browser import STUMBLING_BLOCKS, TELEPHONE, Street, settled
from tests.sandbox.ports import free_ports

pytestmark = pytest.mark.timeout(180)
expect.set_options(timeout=15_000)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    need("chromium")
    sandbox = {"HOTLINE_SANDBOX__ENABLED": "true", "HOTLINE_SANDBOX__PORT": str(free_ports(3))}
    with running(tmp_path_factory.mktemp("sandbox"), **sandbox) as service:
        yield service


def page_of_telephones(people: Street, service: Service) -> Page:
    page = people.window()
    page.goto(f"http://127.0.0.1:{service.env['HOTLINE_SANDBOX__PORT']}/")
    return page


def write(phone: Locator, text: str) -> None:
    phone.locator("textarea").fill(text)
    phone.get_by_role("button", name="发送", exact=True).click()


def attending(people: Street, agent: str = "agent1") -> Page:
    """An agent's desk that takes what waits; nobody takes more than a few at once."""
    desk = people.staff(agent)
    if settled(desk).get_attribute("#seat", "data-state") != "available":
        desk.keyboard.press("F8")
    expect(desk.locator("#seat")).to_have_attribute("data-state", "available")
    return settled(desk)


def _is_below(what: Locator, other: Locator) -> bool:
    lower, upper = what.bounding_box(), other.bounding_box()
    return lower is not None and upper is not None and lower["y"] >= upper["y"] + upper["height"]


# WeChat says nothing of what became of a customer-service message.
@pytest.mark.parametrize(("channel", "state"), [("sms", "已送达"), ("wechat", "已提交")])
def test_a_citizen_writes_an_agent_answers_and_both_see_it(people: Street, service: Service, channel: str, state: str) -> None:
    lamp = f"滨江路12号门口的路灯坏了{uuid4().int % 1000}天，晚上看不见路。"
    phone = page_of_telephones(people, service).locator(f"[data-channel={channel}]")
    write(phone, lamp)
    expect(phone.locator("li:not(.theirs)")).to_contain_text("热线已收到")
    expect(phone.locator(".theirs").first).to_contain_text("您的诉求已收到，编号")
    assert _is_below(phone.locator("li small").first, phone.locator("li p").first)

    desk = attending(people)
    desk.locator("#queue .item", has_text=lamp[:18]).click()
    desk.wait_for_url("**/desk?c=*")
    talk = settled(desk).locator("#talk .timeline")
    expect(talk).to_contain_text(lamp)
    expect(talk.locator(".ours").first).to_contain_text(f"自动发送 · {state}")

    desk.locator("[data-key=y]", has_text="常用语").click()
    desk.get_by_role("button", name="请发照片").click()
    desk.reload()
    expect(desk.locator("#reply-text")).to_have_value(re.compile("方便的话请发一两张现场照片"))
    settled(desk).locator("#reply-text").press("F9")
    expect(phone.locator(".theirs").last).to_contain_text("方便的话请发一两张现场照片")
    expect(phone.locator(".theirs").last).to_contain_text("已送达")
    expect(talk.locator(".ours").last).to_contain_text("现场照片")
    expect(talk.locator(".ours").last).to_contain_text(state)

    desk.reload()
    expect(settled(desk).locator("#reply-text")).to_have_value("")
    desk.evaluate("hotline.chime = () => { document.title = '有新消息'; }")
    write(phone, "就在公交站旁边，三盏都不亮。")
    expect(desk).to_have_title("有新消息")
    expect(talk.locator("li").last).to_contain_text("就在公交站旁边，三盏都不亮。")


def test_voice_picture_and_position_reach_the_desk_with_what_they_tell(people: Street, service: Service) -> None:
    phone = page_of_telephones(people, service).locator("[data-channel=wechat]")
    said = f"第{uuid4().int % 10**6}盏路灯不亮了，就在码头边。"
    phone.locator("textarea").fill(said)
    phone.get_by_role("button", name="发语音").click()
    expect(phone.locator("li:not(.theirs)")).to_contain_text(f"［语音］{said}")
    expect(phone.locator("textarea")).to_have_value("")
    phone.locator("input[type=file]").set_input_files({"name": "灯.png", "mimeType": "image/png", "buffer": picture("PNG")})
    expect(phone.locator("li img").first).to_be_visible()
    phone.locator("[data-position]").select_option(label="东津码头")
    expect(phone.locator("li", has_text="［位置］东津码头")).to_contain_text("热线已收到")

    desk = attending(people, "agent2")
    desk.locator("#queue .item", has_text=said[:12]).click()
    desk.wait_for_url("**/desk?c=*")
    talk = settled(desk).locator("#talk .timeline")
    expect(talk).to_contain_text(said)
    expect(talk).to_contain_text("［位置］东津码头")
    expect(talk.locator("a.file", has_text="微信语音.amr")).to_be_visible()
    expect(talk.locator("a.file", has_text="微信图片")).to_be_visible()
    expect(desk.locator("[name=place_text]")).to_have_value("东津码头")

    desk.locator("#reply input[type=file]").set_input_files({"name": "图.png", "mimeType": "image/png", "buffer": picture("PNG")})
    desk.locator("#reply textarea").fill("是这一盏吗？")
    desk.keyboard.press("F9")
    expect(phone.locator(".theirs", has_text="是这一盏吗？")).to_be_visible()
    expect(phone.locator(".theirs img")).to_be_visible()


def test_who_follows_and_presses_keys_is_answered_and_gets_a_person_when_asking_for_one(people: Street, service: Service) -> None:
    phone = page_of_telephones(people, service).locator("[data-channel=wechat]")
    phone.get_by_role("button", name="关注", exact=True).click()
    expect(phone.locator(".theirs").last).to_contain_text("欢迎关注")
    phone.get_by_role("button", name="服务时间").click()
    expect(phone.locator(".theirs").last).to_contain_text("在线人工回复时间")
    with phone.page.expect_popup() as opened:
        phone.get_by_role("button", name="查询进度").click()
    expect(opened.value.locator("h1")).to_be_visible()
    assert opened.value.url == f"{service.url}/track"
    opened.value.close()

    phone.get_by_role("button", name="人工服务").click()
    expect(phone.locator(".theirs").last).to_contain_text("您的诉求已收到，编号")
    number = re.findall(r"编号(\S+?)。", phone.locator(".theirs").last.inner_text())[0]
    desk = attending(people, "agent3")
    desk.locator("#queue .item", has_text="转人工").first.click()
    desk.wait_for_url("**/desk?c=*")
    expect(settled(desk).locator(".who")).to_contain_text(number)
    phone.get_by_role("button", name="取消关注").click()
    expect(phone.locator("li", has_text="［取消关注］")).to_contain_text("热线已收到")
    desk.reload()
    expect(settled(desk).locator("#no-reply")).to_contain_text("取消了关注")


def test_a_picture_can_be_sent_where_the_gateway_carries_one(people: Street, service: Service) -> None:
    phone = page_of_telephones(people, service).locator("[data-channel=sms]")
    expect(phone.get_by_text("发图片")).to_be_visible()
    phone.locator("[name=gateway]").select_option("aliyun")
    expect(phone.get_by_text("发图片")).to_be_hidden()


def test_nobody_can_write_before_the_page_is_ready_to_send_it(people: Street, service: Service) -> None:
    page, waiting = people.window(), list[Route]()
    page.route("**/played", lambda route: waiting.append(route))
    page.goto(f"http://127.0.0.1:{service.env['HOTLINE_SANDBOX__PORT']}/")
    phone = page.locator("[data-channel=wechat]")
    expect(page.locator("main")).to_have_attribute("inert", "")

    waiting[0].continue_()
    write(phone, "码头巷的垃圾桶满了三天没人清。")

    expect(phone.locator("li:not(.theirs)")).to_contain_text("热线已收到")


def test_the_page_of_telephones_can_be_used_by_everybody(people: Street, service: Service) -> None:
    page = page_of_telephones(people, service)
    page.set_viewport_size({"width": TELEPHONE[0], "height": TELEPHONE[1]})
    expect(page.locator("[data-channel] .nothing")).to_have_count(3)
    expect(page.locator("[data-menu] button")).not_to_have_count(0)

    assert page.evaluate(STUMBLING_BLOCKS) == []
    assert (
        page.locator("[data-channel]").evaluate_all("all => all.filter(each => each.scrollWidth > each.clientWidth).length") == 0
    )
