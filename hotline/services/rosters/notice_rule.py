"""When units are told, who of them and how: steps, waiting times, nights. Data, edited by administrators."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from hotline.services.in_force import InForce
from hotline.services.messages.texting_rule import QuietHours
from models import NoticeOccasion, NoticeWay, Urgency

KIND = "unit_notices"
WAYS = (NoticeWay.SMS, NoticeWay.EMAIL, NoticeWay.CHAT, NoticeWay.CALL)

ON_LEDGER = ({"after": 0, "to": "duty", "by": ("sms", "chat")},)


class To(StrEnum):
    DUTY = "duty"
    DEPUTY = "deputy"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OfficeHours(Strict):
    from_: time = Field(alias="from")
    to: time

    @model_validator(mode="after")
    def _is_a_day(self) -> Self:
        if self.from_ >= self.to:
            raise ValueError("the office closes after it opens")
        return self


class Step(Strict):
    after: float = Field(ge=0, le=1)
    to: To
    by: Annotated[tuple[NoticeWay, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _goes_a_way(self) -> Self:
        if not set(self.by) <= set(WAYS) or len(set(self.by)) != len(self.by):
            raise ValueError("the ways are sms, email, chat and call, each once")
        return self


class NoticeRule(Strict):
    office: OfficeHours
    gather_seconds: int = Field(ge=0, le=600)
    pause_minutes: int = Field(ge=0, le=240)
    night: QuietHours
    at_night: Mapping[Urgency, tuple[NoticeWay, ...]]
    steps: Mapping[NoticeOccasion, tuple[Step, ...]]

    @field_validator("steps", mode="before")
    @classmethod
    def _with_the_ledger(cls, steps: Any) -> Any:
        """Older editions do not know of it."""
        return {NoticeOccasion.LEDGER.value: ON_LEDGER, **steps} if isinstance(steps, Mapping) else steps

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if set(self.steps) != set(NoticeOccasion) or set(self.at_night) != set(Urgency):
            raise ValueError("every occasion and every urgency is named")
        for occasion, steps in self.steps.items():
            if [step.after for step in steps] != sorted(step.after for step in steps):
                raise ValueError("steps stand in the order of time")
            if occasion != NoticeOccasion.NEW and any(NoticeWay.CALL in step.by for step in steps):
                raise ValueError("only new cases can be signed in a call")
        return self

    def silent_until(self, moment: datetime, urgency: Urgency, ways: Sequence[NoticeWay]) -> datetime | None:
        """When the night ends in which one of these ways is silent for this urgency; None if none is."""
        return None if set(ways) <= set(self.at_night[urgency]) else self.night.end_after(moment)

    @property
    def pause(self) -> timedelta:
        return timedelta(minutes=self.pause_minutes)


_IN_FORCE = InForce(KIND, NoticeRule.model_validate)
current, shipped = _IN_FORCE.current, _IN_FORCE.shipped
