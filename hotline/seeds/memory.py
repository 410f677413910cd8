"""What the demo's players keep in mind: a session forgets an object as soon as nobody holds it, and reads it again."""

from typing import Self

from sqlalchemy import event
from sqlalchemy.orm import Session

from models import Area, Base, CalendarDay, Category, Rule, Staff, StaffRole, TaxonomyVersion, Unit

# Nobody of the demo changes these while it is played.
LASTING = (Area, CalendarDay, Category, Rule, Staff, StaffRole, TaxonomyVersion, Unit)


_KEPT = "what the players keep in mind"


class Memory:
    """Holds the city as long as the session lives, and what an act touches until it is over."""

    @classmethod
    def of(cls, session: Session) -> Self:
        """The session's one, whoever plays in it."""
        if _KEPT not in session.info:
            session.info[_KEPT] = cls(session)
        memory: Self = session.info[_KEPT]
        return memory

    def __init__(self, session: Session) -> None:
        self._city: list[Base] = []
        self._act: list[Base] = []
        for moment in ("loaded_as_persistent", "pending_to_persistent", "detached_to_persistent"):
            event.listen(session, moment, self._hold)

    def _hold(self, _: Session, one: Base) -> None:
        (self._city if isinstance(one, LASTING) else self._act).append(one)

    def forget(self) -> None:
        """The act is over."""
        self._act.clear()
