"""The centre: the dispatcher decides returns, verifiers check answers."""

from hotline.cli.drill.ledger import Act, Letter, Step
from hotline.cli.drill.players import SignedIn, Waiting


class Dispatcher(SignedIn, Waiting):
    waits_for = "dispatcher"

    def play(self, letter: Letter) -> None:
        """Grants the return and dispatches again, to the unit that was proposed."""
        form = self.browser.get(f"/verify/returns/{letter.number}", "centre case").form("decide-return")
        with letter.act(Act.DISPATCH):
            self.browser.send(form, {"grant": "true", "unit": letter.unit, "note": "同意改派"}, step="decide return")
        self.ledger.hand(f"unit {letter.unit}", letter)


class Verifier(SignedIn, Waiting):
    waits_for = "verifier"

    def play(self, letter: Letter) -> None:
        form = self.browser.get(f"/verify/to_check/{letter.number}", "centre case").form("verdict")
        if letter.is_sent_back and not letter.done[Act.REWORK]:
            with letter.act(Act.CHECK, Act.REWORK):
                self.browser.send(form, {"verdict": "sent_back", "remark": "请补充处理结果。"}, step="check")
            self.ledger.hand(f"unit {letter.unit}", letter)
            return
        with letter.act(Act.CHECK):
            self.browser.send(form, {"verdict": "passed", "remark": ""}, step="check")
        self.ledger.reach(letter, Step.CHECKED)
        self.ledger.hand("citizen", letter)
