"""Agents: they take what comes next, look at the suggestion, and file, answer, redirect or end it."""

import re
import time
from collections.abc import Iterator, Sequence
from itertools import count, cycle

from hotline.cli.drill.ledger import Act, Ending, Ledger, Letter, Step
from hotline.cli.drill.pages import Form, Page, Unexpected
from hotline.cli.drill.players import Door, SignedIn

REFERENCE = r"\d{6}-\d{8}-\d{6}"
# A person reads the letter meanwhile.
SUGGESTION_COMES_WITHIN = 15.0
# A page is told of changes; these players are not, and look again, later each time.
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 2.0
PRESENT_AGAIN_SECONDS = 20.0
ANY_CATEGORY = "1901"
# Nobody is asked about it (reference/surveys.yaml): the drill's letters are matters, whatever they say.
NUISANCE = "2006"


def _pauses() -> Iterator[float]:
    """Twice as long each time."""
    return (min(FIRST_PAUSE * 2**serial, LONGEST_PAUSE) for serial in count())


class Agent(SignedIn):
    def __init__(self, name: str, ledger: Ledger, door: Door, *, password: str, units: Sequence[str]) -> None:
        super().__init__(name, ledger, door, password=password)
        self._units = cycle(units)
        self._played = frozenset(units)
        self._present_until = 0.0
        self._left = set[str]()
        self._pauses = _pauses()

    def turn(self) -> bool:
        answer = self.browser.send(self._take_next(), step="take next")
        if "c=" in answer.url:
            self._pauses = _pauses()
            self._work_on(answer.url)
        else:
            time.sleep(next(self._pauses))
        return True

    def _take_next(self) -> Form:
        if time.monotonic() > self._present_until:
            self._form = self._be_present()
            self._present_until = time.monotonic() + PRESENT_AGAIN_SECONDS
        return self._form

    def _be_present(self) -> Form:
        """Again from time to time: a service that was away gives its people up for gone. What is still open comes first then."""
        desk = self.browser.get("/desk")
        available = next((form for form in desk.forms("presence") if form.first("state") == "available"), None)
        if available:
            self.browser.send(available, step="presence")
            desk = self.browser.get("/desk")
        while open_ones := [link for link in desk.links(r"/desk\?c=[\w-]+") if link not in self._left]:
            self._work_on(open_ones[0])
            desk = self.browser.get("/desk")
        return desk.form("take-next")

    def _work_on(self, url: str) -> None:
        page = self.browser.get(url, "open contact")
        found = re.search(rf"编号 <span class=\"num\">({REFERENCE})", page.html)
        if found is None:
            raise Unexpected("no contact on {url} (status {status}): {text}", **page.described())
        letter = self.ledger.letter(found[1])
        if not letter.is_acknowledged and not self._can_be_filed(page):
            self._left.add(url)
            self.ledger.leave(letter)
            return
        try:
            self._decide(letter, self._with_suggestion(page, letter))
        except Unexpected as problem:
            raise Unexpected("{reference}: {problem}", reference=letter.reference, problem=problem) from problem

    def _can_be_filed(self, page: Page) -> bool:
        """Not what somebody beside the drill has begun: a matter without a word, or one behind another that is filed."""
        return page.has("file") and bool(page.form("file").first("content").strip())

    def _with_suggestion(self, page: Page, letter: Letter) -> Page:
        """The filing form alone is fetched again, as the page does that is told of the suggestion."""
        end, pauses = time.monotonic() + SUGGESTION_COMES_WITHIN, _pauses()
        piece = page.form("file").action.removesuffix("file") + "filing"
        while not page.form("file").first("category"):
            if time.monotonic() > end:
                return page
            time.sleep(next(pauses))
            page = self.browser.get(piece)
        self.ledger.reach(letter, Step.SUGGESTED)
        return page

    def _decide(self, letter: Letter, page: Page) -> None:
        form = page.form("file")
        unit = self._unit_for(form)
        filled = self._filled(form, unit)
        if letter.ending == Ending.VOID:
            self.browser.send(page.form("void"), {"note": "演练：无效"}, step="void")
            self.ledger.end(letter)
        elif letter.ending == Ending.DISPATCHED:
            with letter.act(Act.FILE, Act.DISPATCH):
                self.browser.send(form, filled, step="file")
            self._note_filed(letter, unit)
        else:
            with letter.act(Act.FILE):
                self._conclude(letter, page, form, filled)
            self._note_filed(letter, unit)

    def _conclude(self, letter: Letter, page: Page, form: Form, filled: dict[str, str | None]) -> None:
        """Sent with the filing form, as the page's script does."""
        is_answer = letter.ending == Ending.ANSWERED_DIRECTLY
        own = page.form("answer-directly" if is_answer else "redirect")
        own.values = {**form.filled(filled), **own.values}
        typed = {"answer": "您好，已为您查询，可直接办理。"} if is_answer else {"reason": "请按上面的途径办理。"}
        self.browser.send(own, typed, step=own.name)

    def _note_filed(self, letter: Letter, unit: str) -> None:
        told = re.search(REFERENCE, self.browser.notice)
        if told is None:
            raise Unexpected("the desk did not say which case was filed: {notice}", notice=self.browser.notice)
        self.ledger.filed(letter, told[0], unit)

    def _unit_for(self, form: Form) -> str:
        """The suggested one if somebody plays it."""
        suggested = form.first("unit")
        return suggested if suggested in self._played else next(self._units)

    def _filled(self, form: Form, unit: str) -> dict[str, str | None]:
        needed = {
            "request_type": "help",
            "category": ANY_CATEGORY,
            "place_text": "见来信",
            "object_name": "见来信",
            "occurred": "见来信",
            "title": "演练来信",
            "unit_summary": "群众反映一件事项，请核查处理。",
        }
        own = {name: value for name, value in needed.items() if form.first(name) in ("", NUISANCE)}
        return {**own, "unit": unit, "unit_pick": None, "assist_units": None, "assist_pick": None}
