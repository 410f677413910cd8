"""Which rules are written as text, and what a new edition of each must not do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotFound
from hotline.services import editions
from hotline.services.alerts import rule as alerts
from hotline.services.scores import rule as scores
from hotline.services.scores.spans import day_of, later, month_of
from hotline.services.sideways import doors, refusals
from hotline.services.survey_plans import rule as surveys
from hotline.words import word
from models import Rule, now

Body = Mapping[str, Any]


def _nothing(former: Body, body: Body) -> None:
    """Whatever the model allows."""


def _keeps_doors(former: Body, body: Body) -> None:
    """Cases carry their codes, and are counted by them."""
    kept = {each["code"] for each in body["doors"]}
    if gone := [each["code"] for each in former["doors"] if each["code"] not in kept]:
        raise Invalid("{codes}: cases carry these. Write offered: false instead.", field="text", codes="、".join(gone))


def _begins_later(former: Body, body: Body) -> None:
    """What is counted already stays as it was counted."""
    if body != former and body.get("from_month", "") < next_month():
        raise Invalid(
            "Only months to come are counted otherwise: write from_month: {month} or later.", field="text", month=next_month()
        )


def next_month() -> str:
    return f"{later(month_of(day_of(now())), 1):%Y-%m}"


@dataclass(frozen=True)
class Kind:
    name: str
    model: type[BaseModel]
    check: Callable[[Body, Body], None] = _nothing
    in_force: Callable[[Session], Rule] | None = None  # where it is not simply the newest edition

    def current(self, session: Session) -> Rule:
        return self.in_force(session) if self.in_force else editions.current(session, self.name)

    def named(self, place: Sequence[int | str]) -> str:
        """Entries of a list by their number."""
        return " › ".join(str(part + 1) if isinstance(part, int) else self._word(part) for part in place) or word(
            "rule", self.name
        )

    def _word(self, part: str) -> str:
        contexts = (f"{self.name}_rule", "indicator", "omission", "role", "grade")
        return next((known for context in contexts if (known := word(context, part)) != part), part)


KINDS: Mapping[str, Kind] = {
    each.name: each
    for each in (
        Kind(alerts.KIND, alerts.AlertRule),
        Kind(refusals.NUISANCE, refusals.NuisanceRule),
        Kind(doors.KIND, doors.DoorRule, _keeps_doors),
        Kind(scores.KIND, scores.ScoringRule, _begins_later, scores.current),
        Kind(surveys.KIND, surveys.SurveyRule),
    )
}


def find(name: str) -> Kind:
    if name not in KINDS:
        raise NotFound()
    return KINDS[name]
