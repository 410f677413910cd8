"""How much is written to citizens by itself: quiet hours, the day's cap, lengths, patience. Data, edited by administrators."""

from datetime import datetime, time, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Self
from uuid import UUID

import yaml
from pydantic import BaseModel, Field, model_validator
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.services import segments
from models import Rule
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


# An edition is never changed, so that it need not be read twice.
_known: dict[UUID, TextingRule] = {}


def current(session: Session) -> TextingRule:
    """The edition in force; a database without one yet is served by the one that ships."""
    edition = session.execute(
        select(Rule.id).where(Rule.kind == KIND, Rule.code == "default", Rule.current).order_by(Rule.edition.desc()).limit(1)
    ).scalar()
    if edition is None:
        return shipped()
    if edition not in _known:
        _known[edition] = TextingRule.model_validate(session.get_one(Rule, edition).body)
    return _known[edition]


@lru_cache(maxsize=1)
def shipped() -> TextingRule:
    return TextingRule.model_validate(yaml.safe_load(files("hotline").joinpath("reference/texting.yaml").read_bytes()))
