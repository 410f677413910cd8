"""How the service talks with citizens who write: hours, what it asks by itself, when a thread ends, sentences for agents."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from hotline.services.in_force import InForce
from hotline.services.opening_hours import Hours

KIND = "conversations"

Question = Literal["place", "time", "who"]
LONGEST_TITLE, LONGEST_SENTENCE, MOST_CANNED = 40, 500, 60


class Canned(BaseModel):
    code: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")]
    title: Annotated[str, Field(min_length=1, max_length=LONGEST_TITLE)]
    text: Annotated[str, Field(min_length=1, max_length=LONGEST_SENTENCE)]


class ConversationRule(BaseModel):
    hours: list[Hours] = []
    quiet_hours: int = Field(ge=1, le=30 * 24)
    asks: list[Question] = []
    tries: int = Field(ge=1, le=10)
    code_minutes: int = Field(ge=1, le=24 * 60)
    codes_a_day: int = Field(ge=1, le=20)
    canned: list[Canned] = Field(default=[], max_length=MOST_CANNED)


_IN_FORCE = InForce(KIND, ConversationRule.model_validate)
current, shipped = _IN_FORCE.current, _IN_FORCE.shipped
