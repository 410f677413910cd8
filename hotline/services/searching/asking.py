"""What a person asks for: one field that takes numbers, places, units and words alike, and filters beside it."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hotline.errors import Invalid
from hotline.services import numbering, phones, search_words
from hotline.services.importing import old_numbers
from hotline.services.searching.indexing import area_word
from models import Area, AreaKind, CaseStatus, MarkKind, Measure, RequestType, Unit, UnitKind, Urgency
from models.privacy import mask_number

LONGEST = 100
# What stands in quotes is meant as words, whatever else it may be the name of.
_PIECE = re.compile(r'[“"]([^”"]*)[”"]|(\S+)')
_LONG_NUMBER = re.compile(r"\+?[\d-]{7,20}")
TOO_SHORT = "Please write at least two characters of a word."


class State(StrEnum):
    """Several states under one name, beside the states themselves."""

    OPEN = "open"
    ENDED = "ended"


STATES: Sequence[str] = (*State, *CaseStatus)
OVERDUE = "overdue"  # by the clock, whatever has been marked
SHOWN_MARKS = (MarkKind.URGED, MarkKind.SUPERVISION, MarkKind.REPEAT, MarkKind.LEDGER, MarkKind.INSTRUCTION)
MARKS: Sequence[str] = (OVERDUE, *SHOWN_MARKS, *Measure)
# A shorter name, 公安 or 教育, is a word that citizens use as well.
SHORTEST_UNIT = 3


@dataclass(frozen=True)
class Query:
    """As it stands in the address of a page and in a saved view; what is empty does not matter."""

    q: str = ""
    state: str = ""
    unit: str = ""
    category: str = ""
    type: str = ""
    urgency: str = ""
    channel: str = ""
    since: str = ""
    until: str = ""
    mark: str = ""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Query":
        """Only what is known and possible; the rest of an address is left out, not refused."""
        known = {name: str(values.get(name) or "").strip()[:LONGEST] for name in cls.__dataclass_fields__}
        allowed = {"state": STATES, "mark": MARKS, "urgency": tuple(Urgency), "type": tuple(RequestType)}
        for name, words in allowed.items():
            known[name] = known[name] if known[name] in words else ""
        for name in ("since", "until"):
            known[name] = known[name] if _day(known[name]) else ""
        return cls(**known)

    @property
    def given(self) -> dict[str, str]:
        return {name: value for name, value in asdict(self).items() if value}

    @property
    def first_day(self) -> date | None:
        return _day(self.since)

    @property
    def last_day(self) -> date | None:
        return _day(self.until)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@dataclass(frozen=True)
class Asked:
    """The field as it was understood. `chips` says so to whoever typed it: (what kind of thing, the words typed)."""

    number: str = ""
    old_number: str = ""  # of a system that the city had before
    number_hash: bytes | None = None
    words: frozenset[str] = frozenset()
    unit_paths: Sequence[str] = ()
    areas: Sequence[frozenset[str]] = ()  # for each place named, the words of the areas with that name
    chips: Sequence[tuple[str, str]] = field(default=())


def understand(session: Session, query: Query) -> Asked:
    """A piece that is the whole name of an area or unit means that; any other is words, of which all must occur."""
    pieces = [(quoted or plain, bool(quoted)) for quoted, plain in _PIECE.findall(unicodedata.normalize("NFKC", query.q))]
    named = [piece for piece, quoted in pieces if not quoted]
    numbers = {piece: kind for piece in named if (kind := _kind_of_number(piece))}
    numbers |= dict.fromkeys(old_numbers.among(session, named), "old")
    areas = _areas(session, [piece for piece in named if piece not in numbers])
    units = _units(session, [piece for piece in named if piece not in areas and piece not in numbers])
    texts = [piece for piece, quoted in pieces if quoted or not (piece in numbers or piece in areas or piece in units)]
    words = search_words.words_of(*texts)
    if texts and not (words or numbers or areas or units):
        raise Invalid(TOO_SHORT, field="q")
    phone = next((piece for piece, kind in numbers.items() if kind == "phone"), None)
    return Asked(
        number=next((piece for piece, kind in numbers.items() if kind == "case"), ""),
        old_number=next((piece for piece, kind in numbers.items() if kind == "old"), ""),
        number_hash=phones.number_hash(phones.normalise(phone) or "") if phone else None,
        words=words,
        unit_paths=[path for paths in units.values() for path in paths],
        areas=[frozenset(map(area_word, codes)) for codes in areas.values()],
        chips=[
            *((kind, mask_number(piece) if kind == "phone" else piece) for piece, kind in numbers.items()),
            *(("place", piece) for piece in areas),
            *(("unit", piece) for piece in units),
            *(("words", text) for text in texts),
        ],
    )


def _kind_of_number(piece: str) -> str:
    if numbering.REFERENCE.fullmatch(piece):
        return "case"
    return "phone" if _LONG_NUMBER.fullmatch(piece) and phones.normalise(piece) else ""


def _areas(session: Session, pieces: Sequence[str]) -> dict[str, set[str]]:
    """Of names and codes, today's and those of areas that were cut anew since."""
    if not pieces:
        return {}
    named = or_(Area.name.in_(pieces), Area.code.in_(pieces))
    rows = session.execute(select(Area.name, Area.code).where(named, Area.kind != AreaKind.COUNTY))
    return _grouped(pieces, rows)


def _units(session: Session, pieces: Sequence[str]) -> dict[str, set[str]]:
    pieces = [piece for piece in pieces if len(piece) >= SHORTEST_UNIT]
    if not pieces:
        return {}
    named = or_(Unit.name.in_(pieces), Unit.short.in_(pieces))
    rows = session.execute(select(Unit.name, Unit.short, Unit.path).where(named, Unit.kind != UnitKind.GRID))
    return _grouped(pieces, rows)


def _grouped(pieces: Sequence[str], rows: Iterable[Any]) -> dict[str, set[str]]:
    """By the piece that names it, what stands last in each row."""
    found: dict[str, set[str]] = {}
    for row in rows:
        for piece in set(pieces) & set(row):
            found.setdefault(piece, set()).add(row[-1])
    return found
