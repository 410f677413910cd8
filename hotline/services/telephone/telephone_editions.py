"""The telephone's rule as a form that administrators fill in."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from sqlalchemy.orm import Session

from hotline.errors import Invalid
from hotline.services import administration, editions
from hotline.services.access import Me
from hotline.services.editions import FormRefused, Listed, Typed
from hotline.services.telephone.telephone_rule import KIND, TelephoneRule
from models import Rule

# A field called callbacks_tries is `tries` of the rule's `callbacks`.
GROUPS = ("flows", "callbacks", "recordings")
CLOCKS = ("callbacks_from", "callbacks_to")
# Beyond these a date cannot be reckoned with.
MOST = {"callbacks_again_after_minutes": 7 * 24 * 60, "recordings_days": 36500, "recordings_archive_after_days": 36500}
CLOCK = "Please give a time such as 08:30."


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
    former = editions.current(session, KIND)
    body = _body(form, former.body)
    if problems := _problems(form, body):
        raise FormRefused(problems)
    return administration.new_edition(session, former, body, by=by)


def _body(form: TelephoneForm, former: Mapping[str, Any]) -> dict[str, Any]:
    body = {**former, **{group: dict(former[group]) for group in GROUPS}}
    for name, value in form.model_dump(exclude={"hours_from", "hours_to", "hours_days"}).items():
        group, _, part = name.partition("_")
        into, key = (body[group], part) if group in GROUPS else (body, name)
        into[key] = value if isinstance(value, bool) or name in CLOCKS else editions.number(value)
    minutes = re.split(r"[\s,，、]+", form.callbacks_again_after_minutes.strip())
    body["callbacks"]["again_after_minutes"] = [editions.number(each) for each in minutes]
    stretches = editions.stretches(form.hours_from, form.hours_to, form.hours_days)
    body["hours"] = [each.body() for each in stretches]
    return body


def _problems(form: TelephoneForm, body: Mapping[str, Any]) -> dict[str, Invalid]:
    """By field, the first of each."""
    problems: dict[str, Invalid] = {}
    if not editions.are_whole(editions.stretches(form.hours_from, form.hours_to, form.hours_days)):
        problems["hours"] = Invalid(editions.STRETCH, field="hours")
    for name in CLOCKS:
        if not editions.are_times(getattr(form, name)):
            problems[name] = Invalid(CLOCK, field=name)
    if not problems.keys() & set(CLOCKS) and form.callbacks_from >= form.callbacks_to:
        problems["callbacks_to"] = Invalid("The end must be after the beginning.", field="callbacks_to")
    for place, problem in editions.refused(TelephoneRule, body):
        name = _field(place)
        problems.setdefault(name, Invalid(problem.text, field=name, **problem.values))
    for name, most in MOST.items():
        group, _, part = name.partition("_")
        value = body[group][part]
        if any(number > most for number in (value if isinstance(value, list) else [value]) if isinstance(number, int)):
            problems.setdefault(name, Invalid(editions.TOO_MUCH, field=name, le=most))
    return problems


def _field(place: Sequence[int | str]) -> str:
    return "hours" if place[0] == "hours" else "_".join(part for part in place if isinstance(part, str))
