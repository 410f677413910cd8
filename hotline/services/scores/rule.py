"""How cases are counted, as data in editions: what the unanswered are worth, what is left out, groups, grades, the words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import RuleBroken
from hotline.services.profiles.profiles import Indicator
from hotline.services.scores.spans import day_of
from models import Omission, Rule, UnitKind, now

KIND = "scoring"


class Measure(StrEnum):
    """What is counted of agents beside the indicators of their cases."""

    FIRST_CONTACT = "first_contact"
    AGENT_SATISFACTION = "agent_satisfaction"
    WAIT = "wait"
    TALK = "talk"
    WRAP_UP = "wrap_up"


SECONDS = frozenset({Measure.WAIT, Measure.TALK, Measure.WRAP_UP})


class Unanswered(StrEnum):
    LEFT_OUT = "left_out"
    AS_SATISFIED = "as_satisfied"
    AS_DISSATISFIED = "as_dissatisfied"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GradeLine(_Part):
    name: Annotated[str, Field(min_length=1, max_length=16)]
    from_: Annotated[float, Field(alias="from", ge=0, le=1)]


class Group(_Part):
    code: Annotated[str, Field(pattern=r"^[a-z_]{1,24}$")]
    name: str
    kinds: frozenset[UnitKind]


class Explained(_Part):
    """What is counted, and of what."""

    counts: str
    of: str


class ScoringRule(_Part):
    # The first month that is counted by it; none: by whichever edition came before, from the beginning on.
    from_month: Annotated[str, Field(pattern=r"^(\d{4}-(0[1-9]|1[0-2]))?$")] = ""
    unanswered: Unanswered
    left_out: Mapping[Omission, frozenset[Indicator]] = {}
    least_cases: Annotated[int, Field(ge=0)]
    small: Annotated[int, Field(ge=0)]
    rest_days: Annotated[int, Field(ge=0, le=60)]
    grades: Sequence[GradeLine]
    groups: Sequence[Group]
    explained: Mapping[str, Explained]

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        kinds = [kind for group in self.groups for kind in group.kinds]
        if len(kinds) != len(set(kinds)):
            raise ValueError("a kind of units stands in one group only")
        floors = [grade.from_ for grade in self.grades]
        if not floors or floors != sorted(floors, reverse=True) or floors[-1] != 0:
            raise ValueError("grades go down to 0")
        if set(self.explained) != {*Indicator, *Measure}:
            raise ValueError("every figure needs its explanation, and nothing else has one")
        return self

    def grade(self, total: float) -> str:
        return next(grade.name for grade in self.grades if total >= grade.from_)

    def group_of(self, kind: UnitKind) -> Group | None:
        return next((group for group in self.groups if kind in group.kinds), None)


@dataclass(frozen=True)
class Editions:
    """The latest first."""

    rows: Sequence[Rule]

    def on(self, day: date) -> Rule:
        """What a day's cases are counted by: the latest edition that begins with its month, or before."""
        month = f"{day:%Y-%m}"
        rule = next((row for row in self.rows if row.body.get("from_month", "") <= month), None)
        if rule is None:
            raise RuleBroken("No rule for scores is set up yet: load the reference data.")
        return rule


def editions(session: Session) -> Editions:
    return Editions(session.scalars(select(Rule).where(Rule.kind == KIND).order_by(Rule.edition.desc())).all())


def current(session: Session) -> Rule:
    return editions(session).on(day_of(now()))


def in_force(session: Session) -> ScoringRule:
    return of_rule(current(session))


def of_rule(rule: Rule) -> ScoringRule:
    # Editions never change.
    if rule.id not in _editions:
        _editions[rule.id] = ScoringRule.model_validate(rule.body)
    return _editions[rule.id]


_editions: dict[UUID, ScoringRule] = {}
