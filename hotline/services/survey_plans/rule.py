"""How citizens are asked for their opinion: data, in editions; which ways a profile uses is part of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from hotline.services.in_force import InForce
from hotline.services.profiles.request_rules import TimeLimit
from models import Grade, SurveyWay
from models.base import CITY_TIME

KIND = "surveys"
DEFAULT = "default"
ASKED = frozenset({"solved", "result", "unit"})
TWICE = "Some words stand for two things: {words}."
VARIABLES = frozenset({"unit", "number", "day"})

Phrases = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=20)], ...], Field(max_length=40)]
Sentence = Annotated[str, Field(min_length=1, max_length=200)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PlanStep(Part):
    way: SurveyWay
    after: TimeLimit | None = None
    tries: Annotated[int, Field(ge=1, le=10)] = 1
    again: TimeLimit | None = None
    share: Annotated[float, Field(ge=0, le=1)] = 1.0

    @property
    def wait(self) -> timedelta:
        return self.after.natural if self.after else timedelta()

    @property
    def pause(self) -> timedelta:
        return self.again.natural if self.again else timedelta(hours=4)

    @model_validator(mode="after")
    def _dials_itself(self) -> Self:
        if self.way != SurveyWay.PERSON and self.tries > 1:
            raise ValueError("Tries belong to calls by a person: the exchange counts its own, and a message is sent once.")
        return self


class Hours(Part):
    from_: time = Field(alias="from")
    to: time

    @model_validator(mode="after")
    def _by_day(self) -> Self:
        if self.from_ >= self.to or self.from_ < time(7) or self.to > time(22):
            raise ValueError("People are called by day: from 07:00 at the earliest, to 22:00 at the latest.")
        return self

    def allow(self, moment: datetime) -> bool:
        return self.from_ <= moment.astimezone(CITY_TIME).time() < self.to

    def next(self, moment: datetime) -> datetime:
        """The moment itself, or the next one in which people may be called."""
        if self.allow(moment):
            return moment
        local = moment.astimezone(CITY_TIME)
        day = local.date() + timedelta(days=local.time() >= self.to)
        return datetime.combine(day, self.from_, CITY_TIME).astimezone(moment.tzinfo)


class PressureRule(Part):
    in_a_row: Annotated[int, Field(ge=2, le=100)]
    within: TimeLimit
    kept: TimeLimit


class Talks(Part):
    """Who ended a conversation is rated where the citizen wrote: on these channels, as long as the citizen remembers it."""

    channels: tuple[Literal["sms", "wechat", "email"], ...] = ()
    ended_within: TimeLimit = TimeLimit(24, "h")
    heard_for: TimeLimit = TimeLimit(72, "h")


class SurveyRule(Part):
    questions: Mapping[str, Sentence]
    digits: Mapping[Annotated[str, Field(pattern=r"^[0-9]$")], Grade]
    longest_reply: Annotated[int, Field(ge=10, le=500)]
    words: Mapping[Grade, Phrases]
    solved: Phrases
    not_solved: Phrases
    unclear: Phrases = ()
    script: Annotated[tuple[Sentence, ...], Field(min_length=1, max_length=12)]
    never_categories: tuple[str, ...] = ()
    plans: Mapping[str, Annotated[tuple[PlanStep, ...], Field(max_length=8)]]
    hours: Hours
    patience: TimeLimit
    taken_for: TimeLimit
    control_share: Annotated[float, Field(ge=0, le=1)]
    pressure: PressureRule
    own_numbers: Mapping[str, tuple[str, ...]] = {}
    talks: Talks = Talks()

    @model_validator(mode="after")
    def _asks_all(self) -> Self:
        if set(self.questions) != ASKED:
            raise ValueError("The questions are solved, result and unit.")
        if set(self.digits.values()) != set(Grade) or len(self.digits) != len(Grade):
            raise ValueError("Each of the five grades has one digit.")
        if set(self.words) != set(Grade):
            raise ValueError("Each of the five grades has words.")
        if DEFAULT not in self.plans:
            raise ValueError("The plan named default is missing.")
        return self

    @model_validator(mode="after")
    def _says_each_once(self) -> Self:
        phrases = [phrase for group in (*self.words.values(), self.solved, self.not_solved, self.unclear) for phrase in group]
        if double := {phrase for phrase in phrases if phrases.count(phrase) > 1}:
            raise PydanticCustomError("sentence", TWICE, {"sentence": TWICE, "words": "、".join(sorted(double))})
        return self

    def steps(self, profile: str) -> Sequence[PlanStep]:
        return self.plans.get(profile, self.plans[DEFAULT])

    def digit(self, grade: Grade) -> str:
        return next(digit for digit, each in self.digits.items() if each == grade)


def _read(body: Mapping[str, Any]) -> SurveyRule:
    return SurveyRule.model_validate(body)


IN_FORCE: InForce[SurveyRule] = InForce(KIND, _read)
current, shipped, edition = IN_FORCE.current, IN_FORCE.shipped, IN_FORCE.edition
