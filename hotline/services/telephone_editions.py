"""The telephone's rule as a form that administrators fill in, and the editions that came of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid
from hotline.services import administration
from hotline.services.access import Me
from hotline.services.telephone_rule import KIND, TelephoneRule
from models import AccessLog, Rule, Staff

MOST_EDITIONS = 30
# A field called callbacks_tries is `tries` of the rule's `callbacks`.
GROUPS = ("flows", "callbacks", "recordings")
CLOCKS = ("callbacks_from", "callbacks_to")
# Beyond these a date cannot be reckoned with.
MOST = {"callbacks_again_after_minutes": 7 * 24 * 60, "recordings_days": 36500, "recordings_archive_after_days": 36500}
NUMBER, CLOCK = "Please give a whole number.", "Please give a time such as 08:30."
TOO_MUCH = "Please give at most {le}."
SENTENCES = {
    "greater_than": "Please give a number above {gt}.",
    "greater_than_equal": "Please give at least {ge}.",
    "less_than_equal": TOO_MUCH,
    "too_short": NUMBER,
}
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")

Typed = Annotated[str, Field(max_length=64)]
Listed = Annotated[list[Typed], Field(max_length=140)]


class TelephoneForm(BaseModel):
    """As typed, right or wrong: it is shown again beside what is wrong with it."""

    longest_wait: Typed = ""
    short_abandon: Typed = ""
    wrap_up: Typed = ""
    missed_rings: Typed = ""
    offer: Typed = ""
    # Stretches of the week: a beginning and an end each, and days as "row:day".
    hours_from: Listed = []
    hours_to: Listed = []
    hours_days: Listed = []
    flows_menu: bool = False
    flows_progress: bool = False
    flows_survey: bool = False
    callbacks_from: Typed = ""
    callbacks_to: Typed = ""
    callbacks_tries: Typed = ""
    callbacks_again_after_minutes: Typed = ""
    callbacks_lines: Typed = ""
    recordings_days: Typed = ""
    recordings_archive_after_days: Typed = ""


class FormRefused(Invalid):
    """Each field's problem, beside it."""

    def __init__(self, problems: Mapping[str, Invalid]) -> None:
        self.problems = problems
        first = next(iter(problems.values()))
        super().__init__(first.text, field=first.field, **first.values)


@dataclass(frozen=True)
class Edition:
    number: int
    at: datetime
    current: bool
    by: str
    # Parts of the rule that differ from the edition before.
    changed: Sequence[str]


def current(session: Session) -> Rule:
    return session.scalars(select(Rule).where(Rule.kind == KIND, Rule.current).order_by(Rule.edition.desc()).limit(1)).one()


def form_of(body: Mapping[str, Any]) -> TelephoneForm:
    values: dict[str, Any] = {}
    for name in TelephoneForm.model_fields:
        group, _, part = name.partition("_")
        if group in GROUPS:
            values[name] = body[group].get(part, False)
        elif name in body:
            values[name] = body[name]
    values["callbacks_again_after_minutes"] = " ".join(map(str, body["callbacks"]["again_after_minutes"]))
    shown = {name: value if isinstance(value, bool) else str(value) for name, value in values.items()}
    stretches = body["hours"]
    days = [(row, stretch.get("days", range(1, 8))) for row, stretch in enumerate(stretches)]
    return TelephoneForm.model_validate(
        {
            **shown,
            "hours_from": [stretch["from"] for stretch in stretches],
            "hours_to": [stretch["to"] for stretch in stretches],
            "hours_days": [f"{row}:{day}" for row, each in days for day in each],
        }
    )


def change(session: Session, form: TelephoneForm, *, by: Me) -> Rule:
    """A new edition in force at once; what the form does not show stays as it is."""
    former = current(session)
    body = _body(form, former.body)
    if problems := _problems(form, body):
        raise FormRefused(problems)
    return administration.new_edition(session, former, body, by=by)


def _body(form: TelephoneForm, former: Mapping[str, Any]) -> dict[str, Any]:
    body = {**former, **{group: dict(former[group]) for group in GROUPS}}
    for name, value in form.model_dump(exclude={"hours_from", "hours_to", "hours_days"}).items():
        group, _, part = name.partition("_")
        into, key = (body[group], part) if group in GROUPS else (body, name)
        into[key] = value if isinstance(value, bool) or name in CLOCKS else _number(value)
    minutes = re.split(r"[\s,，、]+", form.callbacks_again_after_minutes.strip())
    body["callbacks"]["again_after_minutes"] = [_number(each) for each in minutes]
    body["hours"] = _hours(form)
    return body


def _number(typed: str) -> int | str:
    typed = typed.strip()
    return int(typed) if typed.isdecimal() else ""


def _hours(form: TelephoneForm) -> list[dict[str, Any]]:
    """Rows without times are not meant."""
    rows = zip(form.hours_from, form.hours_to, strict=False)
    days = [[day for day in range(1, 8) if f"{row}:{day}" in form.hours_days] for row in range(len(form.hours_from))]
    return [{"days": days[row], "from": begin, "to": end} for row, (begin, end) in enumerate(rows) if begin or end]


def _problems(form: TelephoneForm, body: Mapping[str, Any]) -> dict[str, Invalid]:
    """By field, the first of each."""
    problems: dict[str, Invalid] = {}
    if not all(stretch["days"] and _are_times(stretch["from"], stretch["to"]) for stretch in body["hours"]):
        problems["hours"] = Invalid("Each stretch needs days, a beginning and an end.", field="hours")
    for name in CLOCKS:
        if not _are_times(getattr(form, name)):
            problems[name] = Invalid(CLOCK, field=name)
    if not problems.keys() & set(CLOCKS) and form.callbacks_from >= form.callbacks_to:
        problems["callbacks_to"] = Invalid("The end must be after the beginning.", field="callbacks_to")
    for name, problem in _refused(body):
        problems.setdefault(name, problem)
    for name, most in MOST.items():
        group, _, part = name.partition("_")
        value = body[group][part]
        if any(number > most for number in (value if isinstance(value, list) else [value]) if isinstance(number, int)):
            problems.setdefault(name, Invalid(TOO_MUCH, field=name, le=most))
    return problems


def _are_times(*typed: str) -> bool:
    return all(map(_CLOCK.fullmatch, typed))


def _refused(body: Mapping[str, Any]) -> Sequence[tuple[str, Invalid]]:
    """What the rule itself does not allow, under the name of the field."""
    try:
        TelephoneRule.model_validate(body)
    except ValidationError as refusal:
        named = [(_field(error["loc"]), error) for error in refusal.errors()]
        return [
            (name, Invalid(SENTENCES.get(error["type"], NUMBER), field=name, **error.get("ctx", {}))) for name, error in named
        ]
    return []


def _field(place: Sequence[int | str]) -> str:
    return "hours" if place[0] == "hours" else "_".join(part for part in place if isinstance(part, str))


def editions(session: Session) -> list[Edition]:
    """The latest first; one that nobody is named for came from the reference files."""
    rows = session.execute(
        select(Rule, Staff.name)
        .outerjoin(AccessLog, (AccessLog.subject_id == Rule.id) & (AccessLog.subject_kind == "rule"))
        .outerjoin(Staff, Staff.id == AccessLog.staff_id)
        .where(Rule.kind == KIND)
        .order_by(Rule.edition.desc())
        .limit(MOST_EDITIONS)
    ).all()
    former = [*(rule.body for rule, _ in rows[1:]), None]
    return [
        Edition(rule.edition, rule.created_at, rule.current, name or "", _differences(rule.body, before))
        for (rule, name), before in zip(rows, former, strict=True)
    ]


def _differences(body: Mapping[str, Any], before: Mapping[str, Any] | None) -> list[str]:
    return [part for part in body if body[part] != before.get(part)] if before is not None else []
