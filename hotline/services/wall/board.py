"""What the walls of a process share: ground, usual day and week for minutes, figures and their drawing for a second."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from sqlalchemy.orm import Session

from hotline.db import reading
from hotline.services import reading_wall
from hotline.services.reading_wall import Opinions, Wall
from hotline.services.wall import ground, usual
from hotline.services.wall.ground import Ground
from hotline.services.wall.shared import Shared
from models import now

FRESH, STALE = timedelta(seconds=1), timedelta(seconds=10)
SELDOM, MINUTE = timedelta(minutes=10), timedelta(minutes=1)


class Board:
    """Of the session with which somebody happens to compute nothing is kept."""

    def __init__(self) -> None:
        self._ground = Shared[Ground](fresh=SELDOM, stale=2 * SELDOM)
        self._usual = Shared[Sequence[float]](fresh=SELDOM, stale=2 * SELDOM)
        self._week = Shared[Opinions](fresh=MINUTE, stale=2 * SELDOM)
        self._drawn = Shared[str](fresh=FRESH, stale=STALE)

    def figures(self, session: Session) -> Wall:
        land = self._ground.get(lambda: ground.survey(session))
        day = self._usual.get(lambda: usual.half_hours(session, reading_wall.midnight(now())))
        week = self._week.get(lambda: reading_wall.opinions_of_week(session))
        return reading_wall.figures(session, land, day, week)

    def drawn(self, draw: Callable[[Session, Wall], str]) -> str:
        """What everybody's wall looks like now. Who waits for it holds no connection, of which there are fewer than walls."""
        return self._drawn.get(lambda: self._draw(draw))

    def _draw(self, draw: Callable[[Session, Wall], str]) -> str:
        with reading() as session:
            return draw(session, self.figures(session))
