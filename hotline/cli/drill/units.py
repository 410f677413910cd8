"""Liaisons: they find the case by its number, sign for it, and answer it or ask to give it back."""

from hotline.cli.drill.ledger import Act, Ledger, Letter, Step
from hotline.cli.drill.pages import Page, Unexpected
from hotline.cli.drill.players import Door, SignedIn, Waiting

ANSWER = "您反映的事项已到现场核实并处理完毕，感谢您的监督。"


class Liaison(SignedIn, Waiting):
    def __init__(self, name: str, ledger: Ledger, door: Door, *, password: str, unit: str, elsewhere: str) -> None:
        super().__init__(name, ledger, door, password=password)
        self.waits_for = f"unit {unit}"
        # Which unit a return proposes.
        self._elsewhere = elsewhere

    def play(self, letter: Letter) -> None:
        page = self._open(letter)
        if letter.is_returned and not letter.was_returned and self._elsewhere != letter.unit:
            self._ask_return(letter, page)
            return
        if page.has("sign"):
            self.browser.send(page.form("sign"), step="sign")
            self.ledger.reach(letter, Step.SIGNED)
            page = self.browser.get(page.url)
        typed = {"public_text": ANSWER, "internal_note": "演练", "closure": "solved"}
        with letter.act(Act.ANSWER):
            self.browser.send(page.form("answer"), typed, step="answer")
        self.ledger.reach(letter, Step.ANSWERED)
        self.ledger.hand("verifier", letter)

    def _open(self, letter: Letter) -> Page:
        link = self.browser.get(f"/unit?q={letter.number}", "unit list").link(r"/unit/[0-9a-f-]{36}[^\"]*")
        if link is None:
            raise Unexpected("{number} is not on the desk of its unit", number=letter.number)
        return self.browser.get(f"{link.partition('?')[0]}?q={letter.number}", "unit case")

    def _ask_return(self, letter: Letter, page: Page) -> None:
        typed = {"reason": "not_my_duty", "basis": "按职责清单由建议单位负责。", "proposed_unit": self._elsewhere}
        self.browser.send(page.form("ask-return"), typed, step="ask return")
        letter.was_returned = True
        letter.unit = self._elsewhere
        self.ledger.hand("dispatcher", letter)
