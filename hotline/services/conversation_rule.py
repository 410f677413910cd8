"""How the service talks with citizens who write: hours, what it asks by itself, when a thread ends, sentences for agents."""

from datetime import datetime, time, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Literal
from uuid import UUID

import yaml
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Rule
from models.base import CITY_TIME

KIND = "conversations"

Question = Literal["place", "time", "who"]
LONGEST_TITLE, LONGEST_SENTENCE, MOST_CANNED = 40, 500, 60


class Hours(BaseModel):
    """A stretch of the week; one that ends before it begins runs over midnight."""

    days: list[int] = Field(min_length=1)  # Monday is 1
    begin: time
    end: time

    def covers(self, moment: datetime) -> bool:
        day, clock = moment.isoweekday(), moment.time()
        if self.begin < self.end:
            return day in self.days and self.begin <= clock < self.end
        before = (day - 2) % 7 + 1
        return (day in self.days and clock >= self.begin) or (before in self.days and clock < self.end)


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

    def is_staffed(self, moment: datetime) -> bool:
        """Whether people answer messages at this moment."""
        return not self.hours or any(each.covers(moment.astimezone(CITY_TIME)) for each in self.hours)

    def opens_after(self, moment: datetime) -> datetime:
        """When somebody reads on, in the city's time; the moment itself while people are there."""
        local = moment.astimezone(CITY_TIME)
        starts = [
            datetime.combine((local + timedelta(days=ahead)).date(), each.begin, CITY_TIME)
            for ahead in range(8)
            for each in self.hours
            if (local + timedelta(days=ahead)).isoweekday() in each.days
        ]
        return local if self.is_staffed(moment) else min(start for start in starts if start > local)


# An edition is never changed, so that it need not be read twice.
_known: dict[UUID, ConversationRule] = {}


def current(session: Session) -> ConversationRule:
    """A database without the rule yet is served by the one that ships."""
    edition = session.scalar(
        select(Rule.id).where(Rule.kind == KIND, Rule.code == "default", Rule.current).order_by(Rule.edition.desc()).limit(1)
    )
    if edition is None:
        return _shipped()
    if edition not in _known:
        _known[edition] = ConversationRule.model_validate(session.get_one(Rule, edition).body)
    return _known[edition]


@lru_cache(maxsize=1)
def _shipped() -> ConversationRule:
    return ConversationRule.model_validate(yaml.safe_load(files("hotline").joinpath("reference/conversations.yaml").read_bytes()))
