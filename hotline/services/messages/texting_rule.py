"""How much is written to citizens by itself: quiet hours, the day's cap, lengths, patience. Data, edited by administrators."""

from datetime import datetime, time, timedelta
from typing import Self

from pydantic import BaseModel, Field, model_validator

from hotline.services.in_force import InForce
from hotline.services.messages import segments
from models.base import CITY_TIME

KIND = "texting"
SMS = "sms"


class QuietHours(BaseModel):
    """A stretch of each day, over midnight if it ends before it begins; none if both are the same."""

    from_: time = Field(alias="from")
    to: time

    def end_after(self, moment: datetime) -> datetime | None:
        """When the quiet ends that the moment lies in; None if it lies in none."""
        local = moment.astimezone(CITY_TIME)
        clock = local.time()
        over_midnight = self.from_ > self.to
        is_quiet = clock >= self.from_ or clock < self.to if over_midnight else self.from_ <= clock < self.to
        if not is_quiet:
            return None
        day = local.date() + timedelta(days=over_midnight and clock >= self.from_)
        return datetime.combine(day, self.to, CITY_TIME)


class TextingRule(BaseModel):
    quiet: QuietHours
    daily_cap: int = Field(ge=1, le=100)
    gather_seconds: int = Field(ge=0, le=3600)
    most_segments: int = Field(ge=1, le=10)
    most_characters: int = Field(ge=70, le=2000)
    tries: int = Field(ge=1, le=50)
    patience_hours: int = Field(ge=1, le=72)

    @model_validator(mode="after")
    def _leaves_a_day(self) -> Self:
        """Somewhen it must be allowed to text."""
        begin, end = (clock.hour * 60 + clock.minute for clock in (self.quiet.from_, self.quiet.to))
        if (end - begin) % (24 * 60) > 16 * 60:
            raise ValueError("the quiet hours leave too little of the day")
        return self

    @property
    def patience(self) -> timedelta:
        return timedelta(hours=self.patience_hours)

    def fits(self, channel: str, text: str) -> bool:
        return (
            segments.count(text, in_china=True).parts <= self.most_segments
            if channel == SMS
            else len(text) <= self.most_characters
        )


_IN_FORCE = InForce(KIND, TextingRule.model_validate)
current, shipped = _IN_FORCE.current, _IN_FORCE.shipped
