"""Who acts: a person in the roles and the unit of the moment, or the service itself."""

from dataclasses import dataclass
from uuid import UUID

from models import Role


@dataclass(frozen=True)
class Actor:
    """`unit_path` bounds what liaisons and grid workers may touch: assignments of that unit and those below it.

    `leads`: done with this case already, and now with one that follows it.
    """

    staff_id: UUID | None
    roles: frozenset[Role]
    unit_path: str = ""
    leads: UUID | None = None

    def role_for(self, allowed: frozenset[Role]) -> Role | None:
        """The role under which this is done; None if none of the actor's roles may."""
        return min(self.roles & allowed, default=None)


SERVICE = Actor(None, frozenset({Role.SERVICE}))
