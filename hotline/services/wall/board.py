"""What the walls of a process share: ground and usual day for minutes, figures and their drawing for a second."""

from collections.abc import Callable, Sequence
from datetime import timedelta

from sqlalchemy.orm import Session

from hotline.services import reading_wall
from hotline.services.reading_wall import Wall
from hotline.services.wall import ground, usual
from hotline.services.wall.ground import Ground
from hotline.services.wall.shared import Shared
from models import now

FRESH, STALE = timedelta(seconds=1), timedelta(seconds=10)
SELDOM = timedelta(minutes=10)


class Board:
    """The session that is handed in belongs to whoever happens to compute; nothing of it is kept."""

    def __init__(self) -> None:
        self._ground = Shared[Ground](fresh=SELDOM, stale=2 * SELDOM)
        self._usual = Shared[Sequence[float]](fresh=SELDOM, stale=2 * SELDOM)
        self._drawn = Shared[str](fresh=FRESH, stale=STALE)

    def figures(self, session: Session) -> Wall:
        land = self._ground.get(lambda: ground.survey(session))
        day = self._usual.get(lambda: usual.half_hours(session, reading_wall.midnight(now())))
        return reading_wall.figures(session, land, day)

    def drawn(self, session: Session, draw: Callable[[Wall], str]) -> str:
        """What everybody's wall looks like now."""
        return self._drawn.get(lambda: draw(self.figures(session)))
