"""How the service talks with citizens who write, as a form that administrators fill in."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from hotline.errors import Invalid
from hotline.services import administration, editions
from hotline.services.access import Me
from hotline.services.conversations import canned
from hotline.services.conversations.conversation_rule import (
    KIND,
    LONGEST_SENTENCE,
    LONGEST_TITLE,
    MOST_CANNED,
    ConversationRule,
    Question,
)
from hotline.services.editions import FormRefused, Listed, Typed
from hotline.services.messages import texts
from models import Rule

NUMBERS = ("quiet_hours", "tries", "code_minutes", "codes_a_day")
_CODE = re.compile(r"[a-z0-9-]{1,32}")

# One for each row of the sentences, and those that are empty to write new ones in.
Rows = Annotated[list[Typed], Field(max_length=MOST_CANNED + 10)]
Texts = Annotated[list[Annotated[str, Field(max_length=2000)]], Field(max_length=MOST_CANNED + 10)]


class ConversationForm(BaseModel):
    """As typed, right or wrong: it is shown again beside what is wrong with it."""

    hours_from: Listed = []
    hours_to: Listed = []
    hours_days: Listed = []
    asks: Annotated[list[Question], Field(max_length=3)] = []
    quiet_hours: Typed = ""
    tries: Typed = ""
    code_minutes: Typed = ""
    codes_a_day: Typed = ""
    canned_place: Rows = []
    canned_code: Rows = []
    canned_title: Rows = []
    canned_text: Texts = []

    def sentences(self) -> dict[int, dict[str, str]]:
        """By row, in the order that is wished; rows without a word are not meant."""
        columns = zip(self.canned_code, self.canned_title, self.canned_text, strict=False)
        rows = {
            row: {"code": code.strip(), "title": title.strip(), "text": text.strip()}
            for row, (code, title, text) in enumerate(columns)
            if (code + title + text).strip()
        }
        return dict(sorted(rows.items(), key=lambda each: self._place(each[0])))

    def _place(self, row: int) -> tuple[int, bool, bool]:
        """What is moved up stands before what had that place, what is moved down behind it; what has no place comes last."""
        typed = editions.number(self.canned_place[row]) if row < len(self.canned_place) else ""
        place = typed if isinstance(typed, int) else len(self.canned_code)
        return place, place > row + 1, place >= row + 1


def form_of(body: Mapping[str, Any]) -> ConversationForm:
    rule = ConversationRule.model_validate(body)
    return ConversationForm(
        hours_from=[f"{each.from_:%H:%M}" for each in rule.hours],
        hours_to=[f"{each.to:%H:%M}" for each in rule.hours],
        hours_days=[f"{row}:{day}" for row, each in enumerate(rule.hours) for day in each.days],
        asks=list(rule.asks),
        canned_place=[str(place) for place in range(1, len(rule.canned) + 1)],
        canned_code=[each.code for each in rule.canned],
        canned_title=[each.title for each in rule.canned],
        canned_text=[each.text for each in rule.canned],
        **{name: str(getattr(rule, name)) for name in NUMBERS},
    )


def change(session: Session, form: ConversationForm, *, by: Me) -> Rule:
    """A new edition in force at once; the same again adds none."""
    stretches, sentences = editions.stretches(form.hours_from, form.hours_to, form.hours_days), form.sentences()
    body = {
        "hours": [each.body() for each in stretches],
        "asks": list(form.asks),
        "canned": list(sentences.values()),
        **{name: editions.number(getattr(form, name)) for name in NUMBERS},
    }
    problems = _problems_of_sentences(sentences)
    if not editions.are_whole(stretches):
        problems["hours"] = Invalid(editions.STRETCH, field="hours")
    for place, problem in editions.refused(ConversationRule, body):
        # Hours and sentences have been looked at row by row.
        if (name := str(place[0])) not in ("hours", "canned"):
            problems.setdefault(name, Invalid(problem.text, field=name, **problem.values))
    if problems:
        raise FormRefused(problems)
    return administration.new_edition(session, editions.current(session, KIND), body, by=by)


def _problems_of_sentences(sentences: Mapping[int, Mapping[str, str]]) -> dict[str, Invalid]:
    if len(sentences) > MOST_CANNED:
        return {"canned": Invalid("There are at most {most} sentences.", field="canned", most=MOST_CANNED)}
    problems: dict[str, Invalid] = {}
    codes: list[str] = []
    for row, sentence in sentences.items():
        for problem in _problems_of(row, sentence, codes):
            problems[problem.field] = problem
        codes.append(sentence["code"])
    return problems


def _problems_of(row: int, sentence: Mapping[str, str], codes: Sequence[str]) -> list[Invalid]:
    found = []
    if not _CODE.fullmatch(sentence["code"]):
        found.append(Invalid("A code has small letters, digits and dashes.", field=f"canned_code-{row}"))
    elif sentence["code"] in codes:
        found.append(Invalid("Another sentence has this code.", field=f"canned_code-{row}"))
    if not 1 <= len(sentence["title"]) <= LONGEST_TITLE:
        found.append(Invalid("Please write 1 to {most} characters.", field=f"canned_title-{row}", most=LONGEST_TITLE))
    if not 1 <= len(sentence["text"]) <= LONGEST_SENTENCE:
        found.append(Invalid("Please write 1 to {most} characters.", field=f"canned_text-{row}", most=LONGEST_SENTENCE))
    else:
        found += _unknown(row, sentence["text"])
    return found


def _unknown(row: int, text: str) -> list[Invalid]:
    try:
        texts.check_variables(canned.VARIABLES, text, field=f"canned_text-{row}")
    except Invalid as problem:
        return [problem]
    return []
