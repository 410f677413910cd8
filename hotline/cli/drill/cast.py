"""Who takes part in a drill, and which unit each liaison stands for."""

from collections.abc import Sequence
from functools import partial
from queue import SimpleQueue

from sqlalchemy import select

from hotline.cli.drill.agents import Agent
from hotline.cli.drill.browser import Browser
from hotline.cli.drill.centre import Dispatcher, Verifier
from hotline.cli.drill.citizens import Adding, Asked, Writer
from hotline.cli.drill.ledger import Ledger
from hotline.cli.drill.players import Player
from hotline.cli.drill.units import Liaison
from hotline.db import reading
from hotline.errors import HotlineError
from models import Staff, Unit

WRITERS, ASKED = 4, 3
VERIFIERS = ("verifier1", "verifier2")


class Cast:
    def __init__(self, ledger: Ledger, door: partial[Browser], *, password: str) -> None:
        self._ledger, self._door, self._password = ledger, door, password

    def citizens(self, wanted: Sequence[str]) -> list[Player]:
        pile: SimpleQueue[tuple[int, str]] = SimpleQueue()
        for numbered in enumerate(wanted, 1):
            pile.put(numbered)
        writers = [Writer(f"citizen{number}", self._ledger, self._door, pile) for number in range(1, WRITERS + 1)]
        asked = [Asked(f"asked{number}", self._ledger, self._door) for number in range(1, ASKED + 1)]
        return [*writers, Adding("adding", self._ledger, self._door), *asked]

    def staff(self, agents: int, units: int) -> list[Player]:
        return [*self._agents(agents, units), *self._centre(), *self._liaisons(units)]

    def _agents(self, agents: int, units: int) -> list[Player]:
        codes = units_played(units)
        return [
            Agent(f"agent{number}", self._ledger, self._door, password=self._password, units=codes)
            for number in range(1, agents + 1)
        ]

    def _centre(self) -> list[Player]:
        dispatcher = Dispatcher("dispatcher1", self._ledger, self._door, password=self._password)
        return [dispatcher, *(Verifier(name, self._ledger, self._door, password=self._password) for name in VERIFIERS)]

    def _liaisons(self, units: int) -> list[Player]:
        """Each proposes the next one's unit when it gives a case back."""
        codes = units_played(units)
        return [
            Liaison(f"liaison{number}", self._ledger, self._door, password=self._password, unit=code, elsewhere=other)
            for number, (code, other) in enumerate(zip(codes, [*codes[1:], codes[0]], strict=True), 1)
        ]


def units_played(count: int) -> list[str]:
    """The units of liaison1, liaison2 …: set-up, as the operator knows it; everything else goes through the doors."""
    names = [f"liaison{number}" for number in range(1, count + 1)]
    with reading() as session:
        pairs = session.execute(
            select(Staff.username, Unit.code).join(Unit, Unit.id == Staff.unit_id).where(Staff.username.in_(names))
        )
        codes = {username: code for username, code in pairs}
    if missing := [name for name in names if name not in codes]:
        raise HotlineError("There is no {name}: fewer units, or `hotline seed` with HOTLINE_DEMO=true.", name=missing[0])
    return [codes[name] for name in names]
