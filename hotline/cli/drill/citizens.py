"""Citizens: they write, add a remark, and say what they think of the result."""

import time
from queue import Empty, SimpleQueue

from hotline.cli.drill.ledger import Act, Ledger, Letter, Step
from hotline.cli.drill.pages import Page, Unexpected
from hotline.cli.drill.players import Door, Player, Waiting

KINDS = ("help", "complaint", "inquiry", "suggestion")
LOOK_AGAIN_SECONDS = 0.5


def letter_fields(serial: int, text: str) -> dict[str, str | None]:
    """What a citizen types into the mailbox; each has a number of his or her own."""
    return {
        "kind": KINDS[serial % len(KINDS)],
        "text": text,
        "sender_kind": "person",
        "name": "演练市民",
        "number": f"139{serial % 10**8:08}",
        "consent": "yes",
        "confidential": None,
    }


class Writer(Player):
    """Writes letters until there are no more texts; all writers share one pile."""

    def __init__(self, name: str, ledger: Ledger, door: Door, pile: SimpleQueue[tuple[int, str]]) -> None:
        super().__init__(name, ledger, door)
        self._pile = pile

    def turn(self) -> bool:
        try:
            serial, text = self._pile.get_nowait()
        except Empty:
            return False
        try:
            self._write(serial, text)
        except Unexpected as problem:
            self.ledger.fail(f"letter {serial}: {problem}")
        return True

    def _write(self, serial: int, text: str) -> None:
        form = self.browser.get("/").form("letter")
        slip = self.browser.send(form, letter_fields(serial, text), step="letter").form("track")
        external_id = form.first("key").partition(".")[0]
        self.ledger.acknowledge(slip.first("number"), code=slip.first("code"), external_id=external_id)


class Tracker(Waiting):
    """Looks at the progress with number and code."""

    def track(self, letter: Letter) -> Page:
        form = self.browser.get("/track").form("track")
        return self.browser.follow(self.browser.send(form, {"number": letter.reference, "code": letter.code}, step="track"))


class Adding(Tracker):
    """Adds a remark while the case is open; a fast unit may have been done before."""

    waits_for = "remark"

    def play(self, letter: Letter) -> None:
        page = self.track(letter)
        if page.has("remark"):
            form = page.form("remark")
            self.browser.send(form, {"text": "补充：情况和来信说的一样。"}, step="remark")
            self.ledger.remarks[form.first("key")] = letter.number


class Asked(Tracker):
    """Follows the link to the survey on the progress page."""

    waits_for = "citizen"

    def play(self, letter: Letter) -> None:
        link = self.track(letter).link(r"/survey/[\w-]+")
        if link is None:
            # The invitation is a consequence of the closing, it comes a moment later: the next one first.
            time.sleep(LOOK_AGAIN_SECONDS)
            self.ledger.hand(self.waits_for, letter)
            return
        form = self.browser.get(link, "survey page").form("survey")
        good = letter.is_satisfied
        grade = "satisfied" if good else "dissatisfied"
        typed = {"solved": "yes" if good else "no", "result": grade, "unit": grade, "remark": "" if good else "问题还在。"}
        with letter.act(Act.SURVEY):
            self.browser.send(form, typed, step="survey")
        self.ledger.reach(letter, Step.SURVEYED)
        self.ledger.end(letter)
