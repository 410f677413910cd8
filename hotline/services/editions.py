"""Rules that administrators fill in as forms: what is common to reading the fields, to refusing them, and to the editions."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid
from models import AccessLog, Rule, Staff

MOST_EDITIONS = 30
NUMBER, TOO_MUCH = "Please give a whole number.", "Please give at most {le}."
STRETCH = "Each stretch needs days, a beginning and an end."
SENTENCES = {
    "greater_than": "Please give a number above {gt}.",
    "greater_than_equal": "Please give at least {ge}.",
    "less_than_equal": TOO_MUCH,
    "too_short": NUMBER,
}
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")

# As typed, right or wrong: it is shown again beside what is wrong with it.
Typed = Annotated[str, Field(max_length=64)]
Listed = Annotated[list[Typed], Field(max_length=140)]


class FormRefused(Invalid):
    """Each field's problem, beside it."""

    def __init__(self, problems: Mapping[str, Invalid]) -> None:
        self.problems = problems
        first = next(iter(problems.values()))
        super().__init__(first.text, field=first.field, **first.values)


@dataclass(frozen=True)
class Stretch:
    """Of the week, as typed."""

    days: list[int]
    begin: str
    end: str

    def body(self) -> dict[str, Any]:
        """As `opening_hours.Hours` reads it."""
        return {"days": self.days, "from": self.begin, "to": self.end}


@dataclass(frozen=True)
class Edition:
    number: int
    at: datetime
    current: bool
    by: str
    # Parts of the rule that differ from the edition before.
    changed: Sequence[str]


def number(typed: str) -> int | str:
    """A text that is none is left for the rule to refuse."""
    typed = typed.strip()
    return int(typed) if typed.isdecimal() else ""


def stretches(begins: Sequence[str], ends: Sequence[str], ticked: Sequence[str]) -> list[Stretch]:
    """Days are ticked as "row:day"; rows without times are not meant."""
    rows = enumerate(zip(begins, ends, strict=False))
    return [
        Stretch([day for day in range(1, 8) if f"{row}:{day}" in ticked], begin, end)
        for row, (begin, end) in rows
        if begin or end
    ]


def are_whole(typed: Sequence[Stretch]) -> bool:
    return all(each.days and are_times(each.begin, each.end) for each in typed)


def are_times(*typed: str) -> bool:
    return all(map(_CLOCK.fullmatch, typed))


def refused(rule: type[BaseModel], body: Mapping[str, Any]) -> Sequence[tuple[Sequence[int | str], Invalid]]:
    """What the rule itself does not allow, by the place in its body."""
    try:
        rule.model_validate(body)
    except ValidationError as refusal:
        errors = refusal.errors()
        return [(each["loc"], Invalid(SENTENCES.get(each["type"], NUMBER), **each.get("ctx", {}))) for each in errors]
    return []


def current(session: Session, kind: str) -> Rule:
    return session.scalars(select(Rule).where(Rule.kind == kind, Rule.current).order_by(Rule.edition.desc()).limit(1)).one()


def of_kind(session: Session, kind: str) -> list[Edition]:
    """The latest first; one that nobody is named for came from the reference files."""
    rows = session.execute(
        select(Rule, Staff.name)
        .outerjoin(AccessLog, (AccessLog.subject_id == Rule.id) & (AccessLog.subject_kind == "rule"))
        .outerjoin(Staff, Staff.id == AccessLog.staff_id)
        .where(Rule.kind == kind)
        .order_by(Rule.edition.desc())
        .limit(MOST_EDITIONS)
    ).all()
    former = [*(rule.body for rule, _ in rows[1:]), None][: len(rows)]
    return [
        Edition(rule.edition, rule.created_at, rule.current, name or "", _differences(rule.body, before))
        for (rule, name), before in zip(rows, former, strict=True)
    ]


def _differences(body: Mapping[str, Any], before: Mapping[str, Any] | None) -> list[str]:
    return [part for part in body if body[part] != before.get(part)] if before is not None else []
