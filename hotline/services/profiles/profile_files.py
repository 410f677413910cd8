"""Profiles that may be put in force: those that come with the service, and the city's own files in `profiles` of the data folder.

A city's file of the same name stands in the place of the one that comes with the service.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hotline.errors import NotFound
from hotline.services.profiles import profiles
from hotline.services.profiles.profiles import Profile
from hotline.settings import Settings
from hotline.words import say, word
from ivr_flows import line_to_mend
from models.workflow import row_names

CODE = re.compile(r"[a-z][a-z0-9_]{1,31}")
MOST_BYTES = 64 * 1024
MOST_FILES = 50
SENTENCES = {
    "unknown_rows": "There are no such steps to switch off: {rows}.",
    "no_limit": "The time limit of {stages} is missing: each urgency needs one.",
    "stuck": "A case would never get out of {states}: switch a step on that leads towards the closing.",
    "asking": "Steps that ask the citizen go with ask_citizen: before_close, and with it alone: {rows}.",
    "needed_rows": "These steps cannot be switched off: {rows}. A citizen who is not satisfied could not be answered.",
    "no_weight": "The weights add up to nothing.",
    "missing": "{place} is missing.",
    "extra_forbidden": "{place} is not known here.",
}
NOT_RIGHT = "{place} is not right: {value}."


@dataclass(frozen=True)
class Offered:
    """A file: the profile that it holds, or what is wrong with it."""

    code: str
    own: bool  # the city's
    body: Mapping[str, Any]
    profile: Profile | None
    problem: str = ""

    @property
    def digest(self) -> str:
        return profiles.digest_of(self.body)

    @property
    def name(self) -> str:
        return self.profile.name if self.profile else self.code


def offered(settings: Settings) -> list[Offered]:
    """The shipped ones in the order of their names, then the city's own."""
    own = {path.stem: path for path in _own_files(settings)}
    shipped = {code: profiles.shipped(code) for code in profiles.SHIPPED if code not in own}
    found = [Offered(code, False, body, Profile.model_validate(body)) for code, body in shipped.items()]
    return [*found, *(_read_own(code, path) for code, path in own.items())]


def find(code: str, settings: Settings) -> Offered:
    for each in offered(settings):
        if each.code == code:
            return each
    raise NotFound()


def _own_files(settings: Settings) -> list[Path]:
    return sorted((settings.data_dir / "profiles").glob("*.yaml"))[:MOST_FILES]


def _read_own(code: str, path: Path) -> Offered:
    if not CODE.fullmatch(code):
        return _broken(code, say("The file's name has small letters, digits and _ only."))
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
    except OSError:
        return _broken(code, say("This file cannot be read at the moment."))
    if len(text) > MOST_BYTES:
        return _broken(code, say("The file is longer than 64 KB."))
    return _read(code, text)


def _read(code: str, text: bytes) -> Offered:
    try:
        body = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        return _broken(code, say("The file cannot be read from line {line} on.", line=line_to_mend(error)))
    if not isinstance(body, dict):
        return _broken(code, say("The file cannot be read from line {line} on.", line=1))
    try:
        return Offered(code, True, body, Profile.model_validate(body))
    except ValidationError as refusal:
        return _broken(code, " ".join(_in_words(error) for error in refusal.errors()[:5]))


def _broken(code: str, problem: str) -> Offered:
    return Offered(code, True, {}, None, problem)


def _in_words(error: ErrorDetails) -> str:
    values = {name: "、".join(_named(each) for each in str(text).split(", ")) for name, text in error.get("ctx", {}).items()}
    values["place"] = ".".join(str(part) for part in error["loc"])
    values["value"] = str(error["input"])[:60]
    return say(SENTENCES.get(error["type"], NOT_RIGHT), **values)


def _named(text: str) -> str:
    """A row, a state or a clock by the word that people know it by, with the word of the file beside it."""
    if text in row_names():
        return f"{row_in_words(text)}（{text}）"
    for context in ("case_status", "clock"):
        if (known := word(context, text)) != text:
            return known
    return text


def row_in_words(row: str) -> str:
    """case:answered:close as 已反馈→办结."""
    table, origin, action = row.split(":")
    state = word("profile", "filing") if origin == "new" else word(f"{table}_status", origin)
    whose = word("profile", "of_unit") if table == "assignment" else ""
    return f"{whose}{state}→{word('action', action)}"
