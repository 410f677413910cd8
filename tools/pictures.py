"""Takes the pictures in docs/pictures: one letter goes through every desk of a demo service that is thrown away afterwards.

python -m tools.pictures
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageOps
from playwright.sync_api import Page, expect, sync_playwright

from hotline.services.monthly.months import Month
from models import now
from tests.cli.running import PROJECT, Service, command, running
from tests.components import Process
from tests.real.browser import DESK, TELEPHONE, Street, settled
from tests.real.softphone import PHONE, Seat, Telephones, headsets
from tests.sandbox.ports import free_ports
from tests.telephony.asterisk import free_sip_port, kit

FOLDER = PROJECT / "docs" / "pictures"
WALL = (1920, 1080)
# A4 at 96 dots an inch without its margins.
PAPER, PAPER_MARGIN = (680, 1002), 57
LARGEST = 150 * 1024
COLOURS = (256, 128, 64, 32)

LAMP = "滨江路12号门口的路灯坏了三盏，晚上看不见路，请尽快修好。"
BINS = "码头巷15号旁的垃圾桶满了三天没人清，味道很大，请派人来看看。"
LETTER = "昨晚开始，阳光花园3栋楼道里有很浓的燃气味，怀疑煤气泄漏，住户很害怕，请马上派人来检查。"
ANSWER = "维修人员已到现场，查明三楼楼道阀门接头松动，当场更换并复测，燃气浓度正常。今晚会再测一次，并逐户告知结果。"


def keep(page: Page, name: str, *, margin: int = 0) -> None:
    """The window as it is, with no more colours than fit."""
    page.wait_for_timeout(400)
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    shot = ImageOps.expand(shot, margin, "white")
    for colours in COLOURS:
        packed = io.BytesIO()
        shot.quantize(colours, dither=Image.Dither.NONE).save(packed, "PNG", optimize=True)
        if packed.tell() <= LARGEST:
            break
    (FOLDER / f"{name}.png").write_bytes(packed.getvalue())
    print(f"{name}.png  {packed.tell() // 1024} KiB", flush=True)


def both(page: Page, name: str, anchor: str = "", *, address: str = "") -> None:
    """On a desk's screen and on a telephone's; `anchor` is what a telephone scrolls to."""
    resize(page, DESK)
    if address:
        page.goto(address)
    keep(page, f"{name}-{DESK[0]}")
    resize(page, TELEPHONE)
    if anchor:
        page.locator(anchor).first.scroll_into_view_if_needed()
    keep(page, f"{name}-{TELEPHONE[0]}")
    resize(page, DESK)


def resize(page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.evaluate("scrollTo(0, 0)")


def write_letter(page: Page) -> str:
    """Leaves the window on the page with number and code; returns the number."""
    page.goto("/")
    both(page, "mailbox")
    page.get_by_label("投诉").check()
    page.fill("#text", LETTER)
    page.fill("#place", "阳光花园3栋")
    page.press("#place", "Tab")
    page.get_by_label("东津街道 / 莲塘社区 / 阳光花园").check()
    page.set_input_files("#files", {"name": "楼道阀门.jpg", "mimeType": "image/jpeg", "buffer": photograph()})
    page.fill("#name", "林晓")
    page.fill("#number", "13900001234")
    page.locator("#consent").check()
    both(page, "mailbox-filled", "#place-ask")
    page.get_by_role("button", name="提交").click()
    both(page, "mailbox-received")
    return page.inner_text("[data-reference]").strip()


def photograph() -> bytes:
    picture = io.BytesIO()
    Image.effect_noise((800, 600), 40).convert("RGB").save(picture, "JPEG")
    return picture.getvalue()


def talk_with_a_citizen(people: Street, service: Service) -> None:
    """By text message: what the citizen's telephone shows, and the thread on the desk."""
    telephones = people.window()
    telephones.goto(f"http://127.0.0.1:{service.env['HOTLINE_SANDBOX__PORT']}/")
    telephones.fill("#sms-who", "13900005678")
    telephones.fill("#sms-text", BINS)
    telephones.press("#sms-text", "Enter")
    expect(telephones.locator("[data-channel=sms] .theirs")).to_contain_text("已送达")
    desk = people.staff("agent9")
    available(desk)
    settled(desk).locator("#queue .item", has_text=BINS[:10]).click()
    desk.wait_for_url("**/desk?c=*")
    settled(desk).locator("[data-key=y]", has_text="常用语").click()
    desk.get_by_role("button", name="请发照片").click()
    desk.keyboard.press("F9")
    expect(desk.locator("#talk .ours").last).to_contain_text("已送达")
    both(telephones, "sandbox")
    both(desk, "desk-thread", "#talk")


def staff_the_seats(people: Street) -> None:
    """A morning shift beside the agent in the pictures; their windows stay open, and so the seats stay on."""
    for number in range(2, 7):
        available(people.staff(f"agent{number}"))
    resting = people.staff("agent7")
    available(resting)
    resting.keyboard.press("F9")
    resting.get_by_role("button", name="用餐").click()


def available(desk: Page) -> None:
    settled(desk).keyboard.press("F8")
    desk.wait_for_selector("#seat[data-state=available]")


def file_it(desk: Page) -> str:
    """The unit that the case went to."""
    available(desk)
    settled(desk).keyboard.press("n")
    desk.wait_for_url("**/desk?c=*")
    desk.wait_for_selector("#pick-category .pick")
    keep(settled(desk), f"desk-{DESK[0]}")
    resize(desk, TELEPHONE)
    desk.reload()  # a desk that opens on a telephone folds its queue
    keep(settled(desk), f"desk-{TELEPHONE[0]}")
    resize(desk, DESK)
    unit = str(desk.eval_on_selector("#case-form [name=unit]:checked", "each => each.value"))
    desk.fill("#title", "阳光花园3栋楼道燃气味")
    desk.keyboard.press("Control+Enter")
    desk.wait_for_selector(".toast")
    return unit


def liaison_of(service: Service, unit: str) -> str:
    lines = [line.split() for line in command("staff", "list", env=service.env).stdout.splitlines()]
    return next(words[0] for words in lines if words[0].startswith("liaison") and unit in words)


def answer_it(desk: Page) -> None:
    settled(desk).get_by_role("link", name="阳光花园3栋").click()
    settled(desk).keyboard.press("s")
    desk.wait_for_selector("form[data-form=answer]")
    desk.get_by_text("先行联系", exact=True).click()
    desk.fill("#contact-text", "已电话联系，约定马上上门。")
    desk.get_by_role("button", name="记下").click()
    desk.wait_for_selector(".toast")
    settled(desk).fill("#public_text", ANSWER)
    both(desk, "unit")
    desk.locator("#public_text").press("Control+Enter")
    desk.wait_for_selector(".toast")


def check_it(desk: Page, number: str) -> None:
    desk.goto(f"/verify/to_check/{number}")
    both(settled(desk), "verify")
    desk.keyboard.press("p")
    desk.wait_for_selector(".toast")


def rate_it(page: Page) -> None:
    page.get_by_role("button", name="看进度").click()
    while not page.locator("[data-survey]").count():
        page.wait_for_timeout(500)
        page.reload()
    both(page, "track")
    page.locator("[data-survey]").click()
    page.get_by_label("解决了", exact=True).check()
    page.locator("#result").get_by_label("满意", exact=True).check()
    page.locator("#unit").get_by_label("非常满意", exact=True).check()
    both(page, "survey")
    page.get_by_role("button", name="提交评价").click()


def take_a_call(people: Street, city: Telephones) -> None:
    """Rings, is answered and written down while another caller waits; the leader watches; the second gives up."""
    leader = people.staff("leader1")
    leader.goto("/floor")
    leader.fill("#notice", "东津街道今晚八点到十点停水，来电人可以直接告知。")
    leader.get_by_role("button", name="发出").click()
    seat = Seat(people, "agent8")
    seat.desk.locator("form[data-form=notice-read] button").click()
    # What waits is held out first; a caller would wait for the answer.
    seat.desk.locator("form[data-form=offer]").get_by_role("button", name="这件不接").click()
    city.dial("13800100172")
    seat.is_("ringing")
    expect(seat.desk.locator("#ring [data-contact]")).to_be_visible()
    keep(seat.desk, f"desk-ringing-{DESK[0]}")
    seat.answer()
    seat.desk.fill("#content", LAMP)
    seat.desk.fill("#place_text", "滨江路12号")
    expect(seat.desk.locator("#pick-category .pick")).to_have_count(3)
    waiting = city.dial("13900100288")
    both(seat.desk, "desk-call")
    keep(seat.phone, f"phone-{PHONE[0]}")
    resize(seat.phone, TELEPHONE)
    keep(seat.phone, f"phone-{TELEPHONE[0]}")
    expect(leader.locator("#board")).to_contain_text("139****0288")
    both(leader, "floor")
    city.do(waiting.hang_up())
    seat.hang_up()
    seat.desk.locator(".recording").first.wait_for()
    both(seat.desk, "recording", ".recording")
    leader.goto("/callbacks")
    both(settled(leader), "callbacks")


def look_back(page: Page, number: str) -> None:
    page.goto(f"/case/{number}")
    both(page, "case")
    resize(page, PAPER)
    page.emulate_media(media="print")
    keep(page, "case-print", margin=PAPER_MARGIN)
    page.emulate_media(media="screen")


def ask(page: Page) -> None:
    page.goto("/asking")
    settled(page).locator("[data-row]").first.click()
    expect(page.locator(".side .head")).to_be_visible()
    both(page, "asking")


def see_an_incident(page: Page) -> None:
    """The one that the demo has."""
    page.goto("/incidents")
    both(page, "incidents")
    page.locator(".lines a[href^='/incidents/']").first.click()
    page.wait_for_url("**/incidents/*")
    both(page, "incident")


def see_the_wall(page: Page, service: Service, folder: Path) -> None:
    """While a drill plays, so that something moves."""
    words = [sys.executable, "-m", "hotline", "drill", "--contacts", "60", "--agents", "2"]
    drill = Process(words, folder / "drill.log", env=service.env, cwd=PROJECT)
    drill.start()
    try:
        page.goto("/wall")
        settled(page).wait_for_timeout(12_000)
        both(page, "wall")
        resize(page, WALL)
        keep(page, "wall-1920-dark")
        page.locator("[data-theme-switch]").click()
        keep(page, "wall-1920-light")
    finally:
        drill.kill()


def take(people: Street, service: Service, city: Telephones, folder: Path) -> None:
    citizen, supervisor = people.window(), people.staff("supervisor1")
    both(people.window(), "login", address="/login")
    take_a_call(people, city)
    talk_with_a_citizen(people, service)
    staff_the_seats(people)
    number = write_letter(citizen)
    agent = people.staff("agent1")
    unit = file_it(agent)
    both(settled(people.staff("liaison2")), "unit-list")
    answer_it(people.staff(liaison_of(service, unit)))
    check_it(people.staff("verifier1"), number)
    rate_it(citizen)
    look_back(supervisor, number)
    see_the_wall(supervisor, service, folder)
    both(supervisor, "reports", address="/reports")
    both(supervisor, "ranking", address="/reports/ranking")
    both(supervisor, "search", address="/search")
    ask(people.staff("callback1"))
    see_an_incident(people.staff("dispatcher1"))
    both(supervisor, "monthly", address=f"/reports/monthly/{Month.of(now())}")
    both(supervisor, "alerts", address="/wall/alerts")
    both(people.staff("admin1"), "admin", address="/admin")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=20_000)
    kit()
    port = free_sip_port()
    exchange = {"HOTLINE_ASTERISK__SIP_PORT": str(port), "HOTLINE_ASTERISK__WS_PORT": str(port + 28)}
    sandbox = {"HOTLINE_SANDBOX__ENABLED": "true", "HOTLINE_SANDBOX__PORT": str(free_ports(3))}
    with (
        tempfile.TemporaryDirectory() as name,
        running(Path(name), HOTLINE_TELEPHONY="on", **exchange, **sandbox) as service,
        sync_playwright() as playwright,
        headsets(playwright, service.url) as people,
    ):
        city = Telephones(port)
        try:
            take(people, service, city, Path(name))
        finally:
            city.close()
        people.close()
        print("\n".join(people.troubles) or "no complaints")


if __name__ == "__main__":
    main()
