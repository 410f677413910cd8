"""Where reception is poor: an answer with its photographs is kept on the telephone and sent once when the net is back."""

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.real.browser import STUMBLING_BLOCKS, TELEPHONE, Street, settled, sign_in

pytestmark = pytest.mark.timeout(180)
expect.set_options(timeout=20_000)

KEPT = "已存在本机"
# The service answers, and the page never hears of it.
LOSE_RECEIPTS = """() => {
  const real = window.fetch;
  window.arrived = [];
  window.fetch = async (...asked) => {
    window.arrived.push((await real(...asked)).status);
    throw new TypeError("lost");
  };
}"""


@pytest.fixture
def people(whole_street: Street) -> Iterator[Street]:
    """What a browser says of a net that is away is no trouble here."""
    whole_street.troubles.clear()
    yield whole_street
    whole_street.close()
    away = ("ERR_INTERNET_DISCONNECTED", "ERR_FAILED", "Failed to fetch", "409")
    assert [trouble for trouble in whole_street.troubles if not any(word in trouble for word in away)] == []


@pytest.fixture
def photographs(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "之前.jpg", tmp_path / "之后.jpg"]
    for path in paths:
        Image.effect_noise((640, 480), 40).convert("RGB").save(path, "JPEG")
    return paths


def a_signed_case(page: Page) -> str:
    """The page of a case that waits for this unit's answer."""
    page.goto("/unit?tab=at_work")
    if not page.locator("[data-row]").count():
        page.goto("/unit?tab=to_sign")
        page.locator("[data-row]").first.click()
        settled(page).get_by_role("button", name="签收").click()
        expect(page.locator(".toast").first).to_contain_text("已签收")
    else:
        page.locator("[data-row]").first.click()
    expect(page.locator("#public_text")).to_be_visible()
    settled(page)
    return page.url


def write(page: Page, photographs: list[Path]) -> str:
    text = f"已到现场处理完毕 {uuid4().hex[:8]}"
    page.fill("#public_text", text)
    page.set_input_files("#before", photographs[0])
    page.set_input_files("#after", photographs[1])
    return text


def kept(page: Page) -> int:
    """How many answers the device holds."""
    found = page.evaluate(
        """() => new Promise((resolve) => {
          const asked = indexedDB.open("hotline-kept", 1);
          asked.onsuccess = () => {
            const all = asked.result.transaction("answers").objectStore("answers").count();
            all.onsuccess = () => { asked.result.close(); resolve(all.result); };
          };
        })"""
    )
    return int(found)


def assert_answered_once(page: Page, address: str, text: str) -> None:
    page.goto(address)
    expect(page.locator("main")).to_contain_text(text)
    assert page.locator(".told", has_text=text).count() == 1
    shown = page.locator(".told", has_text=text).locator("a[download]").all_inner_texts()
    assert [re.sub(r"\s.*", "", name) for name in shown] == ["处理前", "处理后"]
    assert kept(page) == 0


def test_an_answer_written_without_a_net_is_sent_once_when_it_is_back(people: Street, photographs: list[Path]) -> None:
    page = people.staff("liaison1", TELEPHONE)
    address = a_signed_case(page)
    text = write(page, photographs)

    page.context.set_offline(True)
    page.get_by_role("button", name="提交答复").click()
    expect(page.locator("#kept")).to_contain_text(KEPT)
    expect(page.locator("#kept")).to_contain_text("2 个附件")
    expect(page.locator("form[data-form=answer]")).to_be_hidden()
    assert kept(page) == 1
    assert page.evaluate(STUMBLING_BLOCKS) == []

    page.context.set_offline(False)
    expect(page.locator(".told")).to_contain_text(text)
    assert_answered_once(page, address, text)


def test_an_answer_whose_receipt_was_lost_on_the_way_is_stored_once(people: Street, photographs: list[Path]) -> None:
    page = people.staff("liaison2", TELEPHONE)
    address = a_signed_case(page)
    text = write(page, photographs)
    page.evaluate(LOSE_RECEIPTS)

    page.get_by_role("button", name="提交答复").click()
    expect(page.locator("#kept")).to_contain_text(KEPT)
    assert page.evaluate("window.arrived") == [200]

    page.goto("/unit")
    expect(page.locator("#toasts")).to_contain_text("已经送达")
    assert_answered_once(page, address, text)


def test_a_kept_answer_outlasts_the_page_and_waits_for_whoever_wrote_it(people: Street, photographs: list[Path]) -> None:
    page = people.staff("liaison3", TELEPHONE)
    address = a_signed_case(page)
    text = write(page, photographs)
    page.route("**/answer", lambda route: route.abort())
    page.get_by_role("button", name="提交答复").click()
    expect(page.locator("#kept")).to_contain_text(KEPT)

    page.context.clear_cookies()
    page.unroute("**/answer")
    sign_in(page, "liaison4")
    settled(page)
    assert kept(page) == 1
    expect(page.locator("#kept")).to_have_count(0)

    page.context.clear_cookies()
    sign_in(page, "liaison3")
    expect(page.locator("#toasts")).to_contain_text("已经送达")
    assert_answered_once(page, address, text)


def test_signing_out_warns_once_and_then_clears_the_device(people: Street, photographs: list[Path]) -> None:
    page = people.staff("liaison5", TELEPHONE)
    a_signed_case(page)
    write(page, photographs)
    page.route("**/answer", lambda route: route.abort())
    page.get_by_role("button", name="提交答复").click()
    expect(page.locator("#kept")).to_contain_text(KEPT)

    page.get_by_role("button", name="退出").click()
    expect(page.locator(".toast.bad")).to_contain_text("还有 1 份答复没有发出")
    assert kept(page) == 1
    page.get_by_role("button", name="退出").click()
    page.wait_for_url("**/login")
    assert kept(page) == 0


def test_a_refused_answer_says_why_and_can_be_taken_back(people: Street) -> None:
    page = people.staff("liaison6", TELEPHONE)
    address = a_signed_case(page)
    page.fill("#public_text", "已通知施工队。")
    page.route("**/answer", lambda route: route.abort())
    page.get_by_role("button", name="提交答复").click()
    expect(page.locator("#kept")).to_contain_text(KEPT)
    colleague = people.staff("liaison6")
    colleague.goto(address)
    colleague.fill("#public_text", "同事先答复了。")
    colleague.get_by_role("button", name="提交答复").click()
    expect(colleague.locator(".toast")).to_contain_text("答复已提交")

    page.unroute("**/answer")
    page.goto("/unit")

    expect(page.locator("#kept")).to_contain_text("没有发出")
    page.locator("#kept").get_by_role("button", name="收回").click()
    expect(page.locator("#kept")).to_have_count(0)
    assert kept(page) == 0
