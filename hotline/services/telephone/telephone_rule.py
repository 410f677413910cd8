"""How the city answers its telephone: queues, waits, wrap-up, hours, flows, callbacks. Data, edited by administrators."""

from datetime import datetime, time
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from hotline.services import opening_hours
from hotline.services.in_force import InForce
from hotline.services.opening_hours import Hours
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

    def queue_of(self, called: str) -> str:
        """Where a call to this number waits; one without a queue of its own, in the first."""
        return self.numbers.get(called) or next(iter(self.queues))

    def entry(self, moment: datetime) -> Literal["main", "menu", "after_hours"]:
        """The flow that a caller meets first."""
        if not opening_hours.is_open(self.hours, moment):
            return "after_hours"
        return "menu" if self.flows.menu else "main"


_IN_FORCE = InForce(KIND, TelephoneRule.model_validate)
current, shipped = _IN_FORCE.current, _IN_FORCE.shipped
