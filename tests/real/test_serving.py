"""Who serves at a desk, in a browser: the grid by one key, a queue longer than the window."""

from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.cli.running import Service
from tests.real.browser import Street, settled
from tests.real.test_browser import LAMP, arrive, available

pytestmark = pytest.mark.timeout(180)
expect.set_options(timeout=15_000)


def test_one_key_leads_to_the_places_of_one_name_and_then_to_the_search_for_another(people: Street, service: Service) -> None:
    text = f"阳光花园{uuid4().int % 1000}栋楼下垃圾没有清运。"
    arrive(service, text)
    desk = people.staff("agent8")
    available(desk)
    desk.locator("#queue .item", has_text=text[:12]).click()
    desk.wait_for_url("**/desk?c=*")
    place, search = settled(desk).locator("#place-line"), desk.get_by_label("查找区域")
    expect(place).to_contain_text("同名的地方有 2 处")

    desk.keyboard.press("w")
    desk.keyboard.press("ArrowDown")
    expect(place).to_contain_text("✓ 河西街道 › 银杏社区")

    desk.keyboard.press("w")
    desk.keyboard.insert_text("莲塘社区")
    found = desk.locator("#areas-found").get_by_label("莲塘社区").first
    expect(found).to_be_visible()
    with desk.expect_response("**/draft"):
        pass
    expect(search).to_have_value("莲塘社区")
    found.press("Space")
    expect(place).to_contain_text("✓ 东津街道 › 莲塘社区")
    expect(search).to_be_hidden()


def test_a_long_queue_scrolls_in_its_column_and_never_moves_the_desk(people: Street, service: Service) -> None:
    desk = people.staff("agent5", (1440, 400))

    for _ in range(6):
        arrive(service, LAMP)
    settled(desk).reload()

    assert settled(desk).evaluate("document.querySelector('#queue').scrollHeight > innerHeight")
    assert desk.evaluate("document.documentElement.scrollHeight <= innerHeight")
