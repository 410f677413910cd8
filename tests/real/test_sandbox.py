"""The stand-ins beside the whole service, in a browser: a citizen writes on the page of the telephones, an agent answers."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, Playwright, expect, sync_playwright

from tests.cli.running import Service, running
from tests.components import need
from tests.real.browser import STUMBLING_BLOCKS, TELEPHONE, Street, settled, street
from tests.sandbox.ports import free_ports

pytestmark = pytest.mark.timeout(180)
expect.set_options(timeout=15_000)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    need("chromium")
    sandbox = {"HOTLINE_SANDBOX__ENABLED": "true", "HOTLINE_SANDBOX__PORT": str(free_ports(3))}
    with running(tmp_path_factory.mktemp("sandbox"), **sandbox) as service:
        yield service


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture
def people(playwright: Playwright, service: Service) -> Iterator[Street]:
    with street(playwright, service.url) as opened:
        yield opened
        opened.close()
        assert opened.troubles == []


def page_of_telephones(people: Street, service: Service) -> Page:
    page = people.window()
    page.goto(f"http://127.0.0.1:{service.env['HOTLINE_SANDBOX__PORT']}/")
    return page


def write(phone: Locator, text: str) -> None:
    phone.locator("textarea").fill(text)
    phone.get_by_role("button", name="发送", exact=True).click()


# WeChat says nothing of what became of a customer-service message.
@pytest.mark.parametrize(("channel", "state"), [("sms", "已送达"), ("wechat", "已提交")])
def test_a_citizen_writes_an_agent_answers_and_both_see_it(people: Street, service: Service, channel: str, state: str) -> None:
    lamp = f"滨江路12号门口的路灯坏了{uuid4().int % 1000}天，晚上看不见路。"
    phone = page_of_telephones(people, service).locator(f"[data-channel={channel}]")
    write(phone, lamp)
    expect(phone.locator("li:not(.theirs)")).to_contain_text("热线已收到")
    expect(phone.locator(".theirs").first).to_contain_text("您的诉求已收到，编号")

    desk = people.staff("agent1")
    if settled(desk).get_attribute("#seat", "data-state") != "available":
        desk.keyboard.press("F8")
    expect(desk.locator("#seat")).to_have_attribute("data-state", "available")
    settled(desk).locator("#queue .item", has_text=lamp[:18]).click()
    desk.wait_for_url("**/desk?c=*")
    talk = settled(desk).locator("#talk .timeline")
    expect(talk).to_contain_text(lamp)
    expect(talk.locator(".ours").first).to_contain_text(f"自动发送 · {state}")

    desk.locator("[data-key=y]", has_text="常用语").click()
    desk.get_by_role("button", name="请发照片").click()
    desk.keyboard.press("F9")
    expect(phone.locator(".theirs").last).to_contain_text("方便的话请发一两张现场照片")
    expect(phone.locator(".theirs").last).to_contain_text("已送达")
    expect(talk.locator(".ours").last).to_contain_text("现场照片")
    expect(talk.locator(".ours").last).to_contain_text(state)

    write(phone, "就在公交站旁边，三盏都不亮。")
    expect(talk.locator("li").last).to_contain_text("就在公交站旁边，三盏都不亮。")


def test_the_page_of_telephones_can_be_used_by_everybody(people: Street, service: Service) -> None:
    page = page_of_telephones(people, service)
    page.set_viewport_size({"width": TELEPHONE[0], "height": TELEPHONE[1]})
    expect(page.locator("[data-channel] .nothing")).to_have_count(3)

    assert page.evaluate(STUMBLING_BLOCKS) == []
