"""How an old system's columns and codes read here: a YAML file, written once for each old system."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hotline.errors import Invalid


class Column(StrEnum):
    OLD_NUMBER = "old_number"
    FILED_AT = "filed_at"
    CLOSED_AT = "closed_at"
    REQUEST_TYPE = "request_type"
    CATEGORY = "category"
    UNIT = "unit"
    AREA = "area"
    TITLE = "title"
    CONTENT = "content"
    PLACE = "place"
    REQUESTER = "requester"
    NUMBER = "number"
    CONFIDENTIAL = "confidential"
    STATE = "state"
    CLOSURE = "closure"
    ANSWER = "answer"
    OPINION = "opinion"
    RECORDINGS = "recordings"


NEEDED = frozenset({Column.OLD_NUMBER, Column.FILED_AT, Column.REQUEST_TYPE, Column.CATEGORY, Column.CONTENT, Column.STATE})


class LineColumn(StrEnum):
    OLD_NUMBER = "old_number"
    AT = "at"
    WHAT = "what"
    WHO = "who"
    NOTE = "note"


NEEDED_OF_LINES = frozenset({LineColumn.OLD_NUMBER, LineColumn.AT, LineColumn.WHAT})


class Coded(StrEnum):
    """Columns that hold a code of theirs."""

    REQUEST_TYPE = "request_type"
    CATEGORY = "category"
    UNIT = "unit"
    AREA = "area"
    CONFIDENTIAL = "confidential"
    STATE = "state"
    CLOSURE = "closure"


class OldState(StrEnum):
    """What becomes of a row, by the state that its case had."""

    ENDED = "ended"
    LEAVE_OUT = "leave_out"


class OldSystem(BaseModel):
    """`codes` say what each of their codes is here; one that is ours already need not be named."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(pattern=r"^[\w.-]{1,32}$")
    columns: Mapping[Column, str]
    history: Mapping[LineColumn, str] = {}
    codes: Mapping[Coded, Mapping[str, str]] = {}
    otherwise: Mapping[Coded, str] = {}  # for what is empty or stands nowhere
    times: str = ""  # as strptime reads it; ISO 8601 if left out

    def code(self, column: Coded, theirs: str) -> str:
        known = self.codes.get(column, {})
        return known.get(theirs) or (theirs if not known else "") or self.otherwise.get(column, "")


def read(path: Path) -> OldSystem:
    try:
        found = OldSystem.model_validate(yaml.safe_load(path.read_text()))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Invalid("The mapping cannot be read: {why}", why=error) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise Invalid("The mapping is wrong at {where}: {why}", where=where, why=first["msg"]) from error
    lacking = NEEDED - set(found.columns) | ((NEEDED_OF_LINES - set(found.history)) if found.history else set())
    if lacking:
        raise Invalid("The mapping lacks {columns}.", columns=", ".join(sorted(lacking)))
    return found
