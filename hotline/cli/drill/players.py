"""The people of the drill. Each has a browser and a kind of letter to wait for, and hands it on when the service has said yes."""

import threading
from abc import abstractmethod
from collections.abc import Callable

from hotline.cli.drill.browser import Browser
from hotline.cli.drill.ledger import Ledger, Letter
from hotline.cli.drill.pages import Unexpected

Door = Callable[[], Browser]


class Player(threading.Thread):
    """Works until the drill is over; a turn that goes wrong is written down and does not stop the others."""

    def __init__(self, name: str, ledger: Ledger, door: Door) -> None:
        super().__init__(name=name, daemon=True)
        self.ledger = ledger
        self.browser = door()

    def run(self) -> None:
        try:
            self.sign_in_first()
        except Unexpected as problem:
            # Others would wait for what this one never does.
            self.ledger.call_off(f"{self.name}: {problem}")
        try:
            while not self.ledger.is_over and self.turn():
                pass
        except Unexpected as problem:
            self.ledger.fail(f"{self.name}: {problem}")
        finally:
            self.browser.close()

    def sign_in_first(self) -> None:
        """Before the first turn: staff sign in."""

    @abstractmethod
    def turn(self) -> bool:
        """One piece of work, or a short wait for it; False when there will be no more."""


class Waiting(Player):
    """Waits for letters that others hand over."""

    waits_for: str

    def turn(self) -> bool:
        letter = self.ledger.next_for(self.waits_for)
        if letter is not None:
            try:
                self.play(letter)
            except Unexpected as problem:
                self.ledger.fail(f"{self.name}, {letter.reference}: {problem}")
        return True

    @abstractmethod
    def play(self, letter: Letter) -> None: ...


class SignedIn(Player):
    def __init__(self, name: str, ledger: Ledger, door: Door, *, password: str) -> None:
        super().__init__(name, ledger, door)
        self._password = password

    def sign_in_first(self) -> None:
        form = self.browser.get("/login").form("sign-in")
        page = self.browser.send(form, {"username": self.name, "password": self._password}, step="sign in")
        if page.status != 303:
            raise Unexpected("{name} was not let in: {text}", name=self.name, **page.described())
