"""What administrators fill in to change the categories, and what such a form may say."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from hotline.errors import Invalid
from hotline.services.plain_text import clean
from models import Urgency

LONGEST_WORD, MOST_WORDS = 32, 80


class Act(StrEnum):
    ADD = "add"
    CHANGE = "change"
    MERGE = "merge"
    SPLIT = "split"
    RETIRE = "retire"
    AREA = "area"  # who leads it in one area; nobody named: as everywhere


class Territorial(StrEnum):
    """Who leads where a matter has a township: that, with the unit's help; or the unit, with the township's or without."""

    NONE = "none"
    AREA_ASSISTS = "area_assists"
    AREA_LEADS = "area_leads"


class Hint(StrEnum):
    """Instead of dispatching."""

    TRANSFER = "transfer"
    REDIRECT = "redirect"
    VOID = "void"


class Needed(StrEnum):
    PLACE = "place"
    OCCURRED = "occurred"
    OBJECT = "object"


Code = Annotated[str, Field(max_length=32)]
Codes = Annotated[list[Code], Field(max_length=40)]


class CategoryForm(BaseModel):
    """One change. `code` is whom it befalls; a new category stands below `parent`, what is merged goes into `into`."""

    model_config = ConfigDict(extra="ignore")

    act: Act
    code: Code = ""
    parent: Code = ""
    into: Code = ""
    name: Annotated[str, Field(max_length=200)] = ""
    keywords: Annotated[str, Field(max_length=4000)] = ""
    lead: Code = ""
    area: Code = ""
    assists: Codes = []
    territorial: Territorial = Territorial.NONE
    urgency: Urgency = Urgency.NORMAL
    hint: Hint | Annotated[str, Field(max_length=0)] = ""
    required: Annotated[list[Needed], Field(max_length=3)] = []
    # Of a split: categories below that go along.
    moving: Codes = []
    reason: Annotated[str, Field(max_length=250)] = ""

    def named(self) -> str:
        name = clean(self.name).strip()
        if not 1 <= len(name) <= 64:
            raise Invalid("Please give a name of at most 64 characters.", field="name")
        return name

    def words(self) -> tuple[str, ...]:
        """Once each, in their order."""
        typed = clean(self.keywords)
        for comma in "，,、；;":
            typed = typed.replace(comma, " ")
        words = tuple(dict.fromkeys(typed.split()))
        if len(words) > MOST_WORDS or max(map(len, words), default=0) > LONGEST_WORD:
            raise Invalid(
                "Please give at most {most} words of at most {longest} characters.",
                field="keywords",
                most=MOST_WORDS,
                longest=LONGEST_WORD,
            )
        return words
