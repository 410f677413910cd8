"""The numbers that rank the queue: clocks, weights, the share of seats for text. Data, edited by administrators."""

from functools import lru_cache
from importlib.resources import files
from typing import Annotated
from uuid import UUID

import yaml
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.services import core
from models import Rule, Urgency

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


# Which edition is in force, as a column beside others, for callers that count their statements.
EDITION = (
    select(Rule.id)
    .where(Rule.kind == "queue", Rule.code == "default", Rule.current)
    .order_by(Rule.edition.desc())
    .limit(1)
    .scalar_subquery()
)
_EDITION = select(EDITION)
# An edition is never changed, so that it need not be read twice.
_known: dict[UUID, QueueRule] = {}


def current(session: Session) -> QueueRule:
    return edition(session, core.send(session, _EDITION, {})[0][0])


def edition(session: Session, rule_id: UUID | None) -> QueueRule:
    """A database without the rule yet is served by the one that ships."""
    if rule_id is None:
        return _shipped()
    if rule_id not in _known:
        _known[rule_id] = QueueRule.model_validate(session.get_one(Rule, rule_id).body)
    return _known[rule_id]


@lru_cache(maxsize=1)
def _shipped() -> QueueRule:
    return QueueRule.model_validate(yaml.safe_load(files("hotline").joinpath("reference/queue.yaml").read_bytes()))
