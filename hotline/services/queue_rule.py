"""The numbers that rank the queue: clocks, weights, the share of seats for text. Data, edited by administrators."""

from typing import Annotated

from pydantic import BaseModel, Field

from hotline.services.in_force import InForce
from models import Urgency

VOICE = "voice"
# A call that is over and left something to do: a message, or a matter that its agent could not finish.
VOICE_MESSAGE = "voice_message"

Seconds = Annotated[float, Field(gt=0)]


class UrgencyRule(BaseModel):
    weight: int
    within: Seconds | None = None


class QueueRule(BaseModel):
    clocks: dict[str, Seconds] = Field(min_length=1)
    urgency: dict[Urgency, UrgencyRule]
    text_share: float = Field(ge=0, le=1)

    def limit(self, channel: str, urgency: Urgency) -> float:
        """Seconds on the clock of a contact. A channel that the rule does not know has the longest clock."""
        clock = self.clocks.get(channel, max(self.clocks.values()))
        within = self.urgency[urgency].within
        return clock if within is None else min(clock, within)

    def weight(self, urgency: Urgency) -> int:
        return self.urgency[urgency].weight


_IN_FORCE = InForce("queue", QueueRule.model_validate)
EDITION = _IN_FORCE.column
current, edition = _IN_FORCE.current, _IN_FORCE.edition
