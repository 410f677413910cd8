"""Reads the filing form: what was typed, laid over the draft as it was kept, so that a form may send a part of it only."""

import re
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import ValidationError
from starlette.datastructures import FormData

from hotline.errors import Invalid
from hotline.services.draft_form import DraftForm

# Fields that are taken as they come; the others are chosen from lists.
CHOSEN = {"category", "unit", "assist_units", "number", "same_as"}
PLAIN = frozenset(DraftForm.model_fields) - CHOSEN
CHOICE = re.compile(r"([0-9A-Za-z_-]+) \S")


async def _posted(request: Request) -> FormData:
    return await request.form(max_files=0, max_fields=80)


Posted = Annotated[FormData, Depends(_posted)]


def text_of(form: FormData, name: str) -> str:
    """The last value of that name: a checked box comes after the hidden field that says no."""
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


def merged(kept: DraftForm, form: FormData) -> DraftForm:
    """The draft with the fields that were sent. An empty number keeps the one that is known: it is shown masked."""
    values: dict[str, Any] = kept.model_dump()
    values.update({name: text_of(form, name) for name in PLAIN if name in form})
    for name in ("category", "unit"):
        if chosen := _code(text_of(form, f"{name}_pick")) or text_of(form, name):
            values[name] = chosen
    if number := text_of(form, "number"):
        values["number"] = number
    if "assists" in form:
        picked = [_code(text_of(form, "assist_pick")), *(str(code) for code in form.getlist("assist_units"))]
        values["assist_units"] = [code for code in dict.fromkeys(picked) if code and code != values["unit"]]
    try:
        return DraftForm.model_validate(values)
    except ValidationError as error:
        raise Invalid(field=str(error.errors()[0]["loc"][0])) from error


def picked_area(form: FormData) -> str:
    """An area chosen by hand: the answer to the question about places of one name, or one that was looked for."""
    return text_of(form, "place_choice")


def _code(picked: str) -> str:
    """Lists offer "0302 城市建设 › 井盖": the code is the first word. A word that is still being typed is no choice."""
    found = CHOICE.match(picked)
    return found[1] if found else ""
