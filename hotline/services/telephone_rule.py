"""How the city answers its telephone: queues, waits, wrap-up, hours, flows, callbacks. Data, edited by administrators."""

from datetime import datetime, time, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Literal
from uuid import UUID

import yaml
from pydantic import AfterValidator, BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.services import core
from models import Rule
from models.base import CITY_TIME

KIND = "telephone"

Seconds = Annotated[int, Field(gt=0, le=3600)]


def _no_settings(name: str) -> str:
    """In Asterisk's file a section called general is no queue."""
    if name == "general":
        raise ValueError("a queue cannot be called general")
    return name


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$"), AfterValidator(_no_settings)]
Number = Annotated[str, Field(pattern=r"^[0-9+]{3,20}$")]


class QueueOfCalls(BaseModel):
    skill: str
    language: str = "zh"
    weight: int = Field(default=0, ge=0, le=100)


class Hours(BaseModel):
    """A stretch that begins on each of these days (1 is Monday), in the city's time.

    One that does not end later than it begins goes on into the next day.
    """

    days: list[Annotated[int, Field(ge=1, le=7)]] = Field(default_factory=lambda: list(range(1, 8)))
    from_: time = Field(alias="from")
    to: time

    def include(self, moment: datetime) -> bool:
        local = moment.astimezone(CITY_TIME)
        began, at = local.isoweekday() in self.days, local.time()
        if self.from_ < self.to:
            return began and self.from_ <= at < self.to
        began_yesterday = (local - timedelta(days=1)).isoweekday() in self.days
        return (began and at >= self.from_) or (began_yesterday and at < self.to)


class Flows(BaseModel):
    menu: bool = False
    progress: bool = False
    survey: bool = False


class CallbackRule(BaseModel):
    from_: time = Field(alias="from")
    to: time
    tries: int = Field(ge=1, le=10)
    again_after_minutes: list[Annotated[int, Field(ge=1)]] = Field(min_length=1)
    lines: int = Field(ge=1, le=200)

    def allows(self, moment: datetime) -> bool:
        return self.from_ <= moment.astimezone(CITY_TIME).time() < self.to

    def pause_after(self, tries: int) -> int:
        """Minutes until the next try, after so many."""
        return self.again_after_minutes[min(tries, len(self.again_after_minutes)) - 1]


class RecordingRule(BaseModel):
    days: int = Field(gt=0)
    archive_after_days: int = Field(gt=0)


class TelephoneRule(BaseModel):
    queues: dict[Name, QueueOfCalls] = Field(min_length=1)
    numbers: dict[Number, Name]
    longest_wait: Seconds
    short_abandon: Seconds
    wrap_up: Seconds
    missed_rings: int = Field(ge=1, le=20)
    offer: Seconds
    hours: list[Hours]
    flows: Flows
    callbacks: CallbackRule
    parties: dict[Annotated[str, Field(pattern=r"^[0-9]{3,20}$")], str]
    recordings: RecordingRule

    def is_open(self, moment: datetime) -> bool:
        return not self.hours or any(stretch.include(moment) for stretch in self.hours)

    def queue_of(self, called: str) -> str:
        """Where a call to this number waits; one without a queue of its own, in the first."""
        return self.numbers.get(called) or next(iter(self.queues))

    def opens_at(self, moment: datetime) -> datetime:
        """The moment itself while people answer, else when they do so next."""
        if self.is_open(moment):
            return moment
        local = moment.astimezone(CITY_TIME)
        days = [local.date() + timedelta(days=number) for number in range(8)]
        openings = [datetime.combine(day, stretch.from_, CITY_TIME) for day in days for stretch in self.hours]
        following = [opening for opening in openings if opening > moment and self.is_open(opening)]
        return min(following, default=moment).astimezone(moment.tzinfo)

    def entry(self, moment: datetime) -> Literal["main", "menu", "after_hours"]:
        """The flow that a caller meets first."""
        if not self.is_open(moment):
            return "after_hours"
        return "menu" if self.flows.menu else "main"


_EDITION = select(Rule.id).where(Rule.kind == KIND, Rule.code == "default", Rule.current).order_by(Rule.edition.desc()).limit(1)
# An edition is never changed, so that it need not be read twice.
_known: dict[UUID, TelephoneRule] = {}


def current(session: Session) -> TelephoneRule:
    """The edition in force; a database without one yet is served by the one that ships."""
    found = core.send(session, _EDITION, {})
    if not found:
        return shipped()
    edition = found[0][0]
    if edition not in _known:
        _known[edition] = TelephoneRule.model_validate(session.get_one(Rule, edition).body)
    return _known[edition]


@lru_cache(maxsize=1)
def shipped() -> TelephoneRule:
    return TelephoneRule.model_validate(yaml.safe_load(files("hotline").joinpath("reference/telephone.yaml").read_bytes()))
