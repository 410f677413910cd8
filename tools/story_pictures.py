"""Takes the pictures of docs/zh/stories.md: one lamp out in five cities, each a demo service that is thrown away afterwards.

python -m tools.story_pictures [profile ...]
"""

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from playwright.sync_api import Page, expect, sync_playwright

from hotline.cli.drill import pages
from tests.cli.running import PASSWORD, running
from tests.components import wait_until
from tests.journeys import doors
from tests.journeys.doors import (
    ANSWER,
    RIVERSIDE,
    TEXT,
    answer,
    file_it,
    get,
    on_desk,
    open_at_unit,
    see_on_site,
    send,
    send_down,
    track,
)
from tests.real.browser import DESK, TELEPHONE, Street, street
from tools.pictures import FOLDER, keep

PATIENCE = 60.0
CITIZEN, HOUSING, POWER, TOWNSHIP, COMMUNITY, GRID = "", "liaison2", "liaison11", "liaison7", "community1", "grid1"


@dataclass
class City:
    """People who act without a screen, and windows on what they see at the telling moments."""

    code: str
    url: str
    street: Street
    number: str = ""
    secret: str = ""
    _clients: dict[str, httpx2.Client] = field(default_factory=dict)
    _surveys: set[str] = field(default_factory=set)

    @property
    def citizen(self) -> httpx2.Client:
        return self[CITIZEN]

    def __getitem__(self, name: str) -> httpx2.Client:
        """Staff are signed in by their username."""
        if name not in self._clients:
            client = self._clients[name] = httpx2.Client(base_url=self.url, timeout=PATIENCE)
            if name != CITIZEN:
                send(client, get(client, "/login"), "sign-in", username=name, password=PASSWORD)
        return self._clients[name]

    def works_by_its_profile(self) -> None:
        page = get(self["admin1"], f"/admin/profiles/{self.code}")
        if page.has("profile-in-force"):
            send(self["admin1"], page, "profile-in-force", reason="市政府会议纪要第 12 号")

    def letter(self, text: str = TEXT, **typed: str) -> pages.Page:
        """Written, and taken by an agent, whose desk is returned."""
        self.number, self.secret = doors.write(self.citizen, text=text, **typed)
        agent = self["agent1"]
        doors.be_available(agent)
        desk = get(agent, "/desk")
        row = next(row for row in desk.html.split('<li id="wait-') if text[:12] in row)
        return send(agent, pages.Page(desk.status, desk.url, row), "take")

    def sees(self, who: str, address: str, size: tuple[int, int] = DESK) -> Page:
        """A window of this person's, beside what the person does without one."""
        page = self.street.window(size)
        cookies = self[who].cookies.jar
        page.context.add_cookies([{"name": each.name, "value": each.value or "", "url": self.url} for each in cookies])
        page.goto(address)
        return page

    def keep(self, page: Page, moment: str, *, anchor: str = "") -> None:
        """`anchor` is what comes to the top of the window."""
        if anchor:
            page.locator(anchor).first.evaluate("each => each.scrollIntoView({block: 'start'})")
        keep(page, f"stories/{self.code}-{moment}")
        page.context.close()

    def keep_progress(self) -> None:
        """On the citizen's telephone."""
        self.keep(self.sees(CITIZEN, track(self.citizen, self.number, self.secret).url, TELEPHONE), "citizen", anchor="h1")

    def keep_at_unit(self, who: str, moment: str, size: tuple[int, int] = DESK, *, typed: str = ANSWER, anchor: str = "") -> None:
        page = self.sees(who, open_at_unit(self[who], self.number).url, size)
        page.fill("#public_text", typed)
        self.keep(page, moment, anchor=anchor)

    def check(self) -> None:
        send(self["verifier1"], on_desk(self["verifier1"], "to_check", self.number), "verdict", verdict="passed")

    def on_the_spot(self, verdict: str, remark: str) -> None:
        send(self["verifier1"], on_desk(self["verifier1"], "to_check", self.number), "to-site", note="看灯亮不亮")
        see_on_site(self["verifier1"], self.number, verdict, remark)

    def survey(self) -> str:
        """The link to the one that is not answered yet, when it has come."""
        wait_until(lambda: self._link() not in self._surveys, "the survey", seconds=PATIENCE)
        self._surveys.add(self._link())
        return self._link()

    def _link(self) -> str:
        # Before the first there is none, which is not a new one.
        self._surveys.add("")
        return doors.survey_link(self.citizen, self.number, self.secret) or ""

    def evaluate(self, **said: str) -> None:
        doors.evaluate(self.citizen, self.number, self.secret, **said)

    def offered(self, who: str, tab: str, form: str) -> None:
        wait_until(lambda: on_desk(self[who], tab, self.number).has(form), form, seconds=PATIENCE)

    def decides(self, who: str, note: str) -> None:
        send(self[who], on_desk(self[who], "reopening", self.number), "decide-reopening", ruling="rework", note=note)


def seven_step(city: City) -> None:
    file_it(city["agent1"], city.letter(), dispatch_note="晚上看不清台阶，请优先")
    city.keep(city.sees("leader1", f"/verify/review/{city.number}"), "review")
    send(city["leader1"], on_desk(city["leader1"], "review", city.number), "approve")
    answer(city[HOUSING], city.number)
    send(city["verifier1"], on_desk(city["verifier1"], "to_check", city.number), "to-site", note="看灯亮不亮")
    page = city.sees("verifier1", f"/verify/on_site/{city.number}", TELEPHONE)
    page.fill("#remark", "到场时灯仍不亮")
    city.keep(page, "site", anchor=".told")
    see_on_site(city["verifier1"], city.number, "sent_back", "到场时灯仍不亮")
    city.keep_at_unit(HOUSING, "rework")
    send(city[HOUSING], open_at_unit(city[HOUSING], city.number), "answer", public_text=ANSWER, closure="solved")
    city.on_the_spot("passed", "三盏灯都亮")
    city.survey()
    city.keep_progress()
    city.evaluate()


def quick_response(city: City) -> None:
    file_it(city["agent1"], city.letter())
    send(city[HOUSING], open_at_unit(city[HOUSING], city.number), "sign")
    send(city[HOUSING], open_at_unit(city[HOUSING], city.number), "contacted", text="已约今晚到场")
    city.keep_at_unit(HOUSING, "unit")
    send(city[HOUSING], open_at_unit(city[HOUSING], city.number), "answer", public_text=ANSWER, closure="solved")
    city.check()
    page = city.sees(CITIZEN, city.survey(), TELEPHONE)
    page.get_by_label("没有解决", exact=True).check()
    city.keep(page, "survey")
    city.evaluate(solved="no", result="dissatisfied", remark="又灭了")
    city.offered("verifier1", "reopening", "decide-reopening")
    city.keep(city.sees("verifier1", f"/verify/reopening/{city.number}"), "reopening")
    city.decides("verifier1", "换供电公司看线路")
    send(city["dispatcher1"], on_desk(city["dispatcher1"], "to_dispatch", city.number), "dispatch", unit="GDG")
    answer(city[POWER], city.number)
    city.check()
    city.survey()
    city.evaluate()


def one_desk(city: City) -> None:
    opened = city.letter(RIVERSIDE)
    page = city.sees("agent1", opened.url)
    page.wait_for_selector("#pick-category .pick")
    page.fill("#title", "路灯不亮")
    page.fill("#place_text", "滨江路75号")
    page.fill("[name=unit_pick]", "T001 东津街道办事处")
    page.press("[name=unit_pick]", "Tab")
    page.wait_for_timeout(3_000)
    city.keep(page, "desk")
    file_it(city["agent1"], get(city["agent1"], opened.url), unit="T001", place_text="滨江路75号")
    answer(city[TOWNSHIP], city.number)
    city.keep(city.sees("verifier1", f"/verify/to_check/{city.number}"), "check")
    city.on_the_spot("passed", "灯亮")
    city.survey()
    city.keep_progress()
    city.evaluate(result="very_satisfied")


def centre_verified(city: City) -> None:
    file_it(city["agent1"], city.letter())
    answer(city[HOUSING], city.number)
    city.on_the_spot("passed", "灯亮")
    city.survey()
    city.keep_progress()
    city.evaluate(solved="no", result="dissatisfied", remark="只亮了一盏")
    city.offered("callback1", "reopening", "decide-reopening")
    city.keep(city.sees("callback1", f"/verify/reopening/{city.number}"), "reopening")
    city.decides("callback1", "其余两盏也要修")
    again = {"public_text": "三盏灯都已修好。", "closure": "solved"}
    send(city[HOUSING], open_at_unit(city[HOUSING], city.number), "answer", **again)
    city.on_the_spot("passed", "三盏都亮")
    city.offered("callback1", "callback", "unreached")
    unreached = {"over": "false", "text": "下午三点无人接听"}
    send(city["callback1"], on_desk(city["callback1"], "callback", city.number), "unreached", **unreached)
    page = city.sees("callback1", f"/verify/callback/{city.number}")
    city.keep(page, "callback")
    said = {"solved": "true", "result": "satisfied", "unit": "very_satisfied", "remark": "都亮了"}
    send(city["callback1"], on_desk(city["callback1"], "callback", city.number), "asked", **said)


def street_first(city: City) -> None:
    opened = city.letter(RIVERSIDE, place="滨江路75号")
    place = {"place_text": "滨江路75号", "place_choice": "990181001001"}
    file_it(city["agent1"], opened, unit="", category_pick="0203 路灯", **place)
    at_street = send_down(city[TOWNSHIP], city.number, "990181001001")
    at_community = send_down(city[COMMUNITY], city.number, "990181001001004")
    send(city[GRID], open_at_unit(city[GRID], city.number), "sign")
    city.keep_at_unit(GRID, "grid", TELEPHONE)
    send(city[GRID], open_at_unit(city[GRID], city.number), "answer", public_text=ANSWER, closure="solved")
    up = {"public_text": "社区到场看过，灯亮。", "closure": "solved"}
    send(city[COMMUNITY], get(city[COMMUNITY], at_community), "answer", **up)
    answer(city[HOUSING], city.number)
    page = city.sees(TOWNSHIP, at_street)
    page.fill("#public_text", ANSWER)
    city.keep(page, "street")
    send(city[TOWNSHIP], get(city[TOWNSHIP], at_street), "answer", public_text=ANSWER, closure="solved")
    city.check()
    city.survey()
    city.keep_progress()
    city.evaluate()


STORIES: tuple[Callable[[City], None], ...] = (quick_response, seven_step, one_desk, centre_verified, street_first)


def take(story: Callable[[City], None]) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        running(Path(folder)) as service,
        sync_playwright() as playwright,
        street(playwright, service.url) as people,
    ):
        city = City(story.__name__, service.url, people)
        city.works_by_its_profile()
        story(city)
        print("\n".join(people.troubles) or f"{city.code}: no complaints", flush=True)


def main() -> None:
    (FOLDER / "stories").mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=20_000)
    for story in STORIES:
        if not sys.argv[1:] or story.__name__ in sys.argv[1:]:
            take(story)


if __name__ == "__main__":
    main()
