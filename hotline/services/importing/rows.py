"""One row of an old system as a case here, or what is wrong with it. Knows the city's codes and no database."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.services import phones
from hotline.services.importing.mapping import Coded, Column, LineColumn, OldState, OldSystem
from models import Area, AreaKind, Category, ClosureKind, RequestType, TaxonomyVersion, Unit, now
from models.base import CITY_TIME

LONGEST_OLD_NUMBER = 64
LONGEST_TITLE, LONGEST_TEXT = 200, 20_000
YES = frozenset({"yes", "true", "1", "是"})
NO = frozenset({"", "no", "false", "0", "否"})


class Problem(NamedTuple):
    line: int
    field: str
    why: str


@dataclass(frozen=True)
class City:
    """The codes that a row may name."""

    taxonomy_id: UUID
    categories: frozenset[str]
    units: Mapping[str, UUID]
    areas: Mapping[str, Mapping[AreaKind, str]]  # itself and what it lies in


@dataclass(frozen=True)
class OldCase:
    line: int
    old_number: str
    filed_at: datetime
    closed_at: datetime
    request_type: RequestType
    category: str
    unit_id: UUID | None
    area: Mapping[AreaKind, str]
    title: str
    content: str
    place: str
    requester: str
    number: str | None
    typed_number: str  # where it is no full number
    confidential: bool
    closure: ClosureKind | None
    answer: str
    state: str  # in their words
    opinion: str
    recordings: tuple[str, ...]


@dataclass(frozen=True)
class OldLine:
    line: int
    old_number: str
    at: datetime
    text: str


def city(session: Session) -> City:
    taxonomy_id = session.scalars(select(TaxonomyVersion.id).where(TaxonomyVersion.current)).one()
    codes = session.scalars(select(Category.code).where(Category.taxonomy_id == taxonomy_id))
    units = session.execute(select(Unit.code, Unit.id))
    areas = session.execute(select(Area.code, Area.kind, Area.parent_code).order_by(Area.valid_from))
    above = {code: (AreaKind(kind), parent) for code, kind, parent in areas}
    return City(
        taxonomy_id,
        frozenset(codes),
        {code: unit_id for code, unit_id in units},
        {code: dict(_upwards(above, code)) for code in above},
    )


def _upwards(above: Mapping[str, tuple[AreaKind, str | None]], code: str | None) -> Iterator[tuple[AreaKind, str]]:
    seen: set[str] = set()
    while code in above and code is not None and code not in seen:
        seen.add(code)
        kind, parent = above[code]
        yield kind, code
        code = parent


@dataclass
class Reader:
    """Reads the rows of one old system."""

    system: OldSystem
    city: City
    _problems: list[Problem] = field(default_factory=list)
    _line: int = 0

    def case(self, line: int, values: Mapping[str, str]) -> OldCase | list[Problem] | None:
        """None for a row that the mapping leaves out."""
        given = {column: values.get(theirs, "") for column, theirs in self.system.columns.items()}
        self._problems, self._line = [], line
        state = self._state(given.get(Column.STATE, ""))
        if state == OldState.LEAVE_OUT:
            return None
        old = self._case(given)
        return self._problems or old

    def line(self, line: int, values: Mapping[str, str]) -> OldLine | list[Problem]:
        given = {column: values.get(theirs, "") for column, theirs in self.system.history.items()}
        self._problems, self._line = [], line
        old_number = self._old_number(given[LineColumn.OLD_NUMBER])
        at = self._time(LineColumn.AT, given[LineColumn.AT])
        if not given[LineColumn.WHAT]:
            self._amiss(LineColumn.WHAT, "nothing says what was done")
        words = (given.get(LineColumn.WHO, ""), given[LineColumn.WHAT], given.get(LineColumn.NOTE, ""))
        return self._problems or OldLine(line, old_number, at, " ".join(filter(None, words))[:LONGEST_TEXT])

    def _case(self, given: Mapping[Column, str]) -> OldCase:
        content = given[Column.CONTENT]
        if not 0 < len(content) <= LONGEST_TEXT:
            self._amiss(Column.CONTENT, f"a case needs a text of at most {LONGEST_TEXT} characters")
        filed_at, closed_at = self._times(given)
        typed = given.get(Column.NUMBER, "")
        number = phones.normalise(typed) if typed else None
        title = given.get(Column.TITLE) or content.partition("\n")[0]
        return OldCase(
            line=self._line,
            old_number=self._old_number(given[Column.OLD_NUMBER]),
            filed_at=filed_at,
            closed_at=closed_at,
            request_type=RequestType(self._code(Coded.REQUEST_TYPE, given, set(RequestType)) or RequestType.OTHER),
            category=self._code(Coded.CATEGORY, given, self.city.categories),
            unit_id=self.city.units.get(self._code(Coded.UNIT, given, self.city.units, needed=False)),
            area=self.city.areas.get(self._code(Coded.AREA, given, self.city.areas, needed=False), {}),
            title=title[:LONGEST_TITLE],
            content=content,
            place=given.get(Column.PLACE, ""),
            requester=given.get(Column.REQUESTER, ""),
            number=number,
            typed_number="" if number else typed,
            confidential=self._is_confidential(given),
            closure=self._closure(given),
            answer=given.get(Column.ANSWER, ""),
            state=given[Column.STATE],
            opinion=given.get(Column.OPINION, ""),
            recordings=self._recordings(given.get(Column.RECORDINGS, "")),
        )

    def _amiss(self, field: str, why: str) -> None:
        self._problems.append(Problem(self._line, field, why))

    def _state(self, theirs: str) -> str:
        state = self.system.code(Coded.STATE, theirs)
        if state not in set(OldState):
            self._amiss(Column.STATE, f"the mapping does not say whether {theirs!r} is {' or '.join(OldState)}")
        return state

    def _old_number(self, text: str) -> str:
        if not 0 < len(text) <= LONGEST_OLD_NUMBER or len(text.split()) != 1:
            self._amiss(Column.OLD_NUMBER, f"{text!r} is no number of 1 to {LONGEST_OLD_NUMBER} characters without spaces")
        return text

    def _times(self, given: Mapping[Column, str]) -> tuple[datetime, datetime]:
        filed_at = self._time(Column.FILED_AT, given[Column.FILED_AT])
        closed = given.get(Column.CLOSED_AT, "")
        closed_at = self._time(Column.CLOSED_AT, closed) if closed else filed_at
        if closed_at < filed_at:
            self._amiss(Column.CLOSED_AT, "it was closed before it was filed")
        return filed_at, closed_at

    def _time(self, field: str, text: str) -> datetime:
        """Without a zone it is the city's time."""
        try:
            found = datetime.strptime(text, self.system.times) if self.system.times else datetime.fromisoformat(text)  # noqa: DTZ007 -- next line
            at = found if found.tzinfo else found.replace(tzinfo=CITY_TIME)
            if at <= now() and at.year >= 1970:
                return at
            self._amiss(field, f"{text!r} is not a time in the past")
        except ValueError:
            self._amiss(field, f"{text!r} is not a time as {self.system.times or 'ISO 8601'} writes it")
        return now()

    def _code(self, column: Coded, given: Mapping[Column, str], known: Container[str], *, needed: bool = True) -> str:
        theirs = given.get(Column(column), "")
        if not theirs and not needed:
            return ""
        ours = self.system.code(column, theirs)
        if ours in known:
            return str(ours)
        self._amiss(
            column, f"there is no {column} {ours!r} here" if ours else f"the mapping does not say what {theirs!r} is here"
        )
        return ""

    def _is_confidential(self, given: Mapping[Column, str]) -> bool:
        theirs = given.get(Column.CONFIDENTIAL, "")
        said = self.system.code(Coded.CONFIDENTIAL, theirs).lower()
        if said not in YES | NO:
            self._amiss(Column.CONFIDENTIAL, f"{theirs!r} is neither yes nor no")
        return said in YES

    def _closure(self, given: Mapping[Column, str]) -> ClosureKind | None:
        theirs = given.get(Column.CLOSURE, "")
        ours = self.system.code(Coded.CLOSURE, theirs)
        if ours and ours not in set(ClosureKind):
            self._amiss(Column.CLOSURE, f"{ours!r} is none of {', '.join(ClosureKind)}")
            return None
        return ClosureKind(ours) if ours else None

    def _recordings(self, text: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(name.strip() for name in text.replace(",", ";").split(";") if name.strip()))
        for name in names:
            if "/" in name or "\\" in name or name.startswith("."):
                self._amiss(Column.RECORDINGS, f"{name!r} is not the name of a file in the folder")
        return names
