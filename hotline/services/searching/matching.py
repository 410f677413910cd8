"""What was asked as conditions of a query, within what the person may see."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Uuid,
    and_,
    any_,
    func,
    literal,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.orm import Session

from hotline.services import core
from hotline.services.access import Me
from hotline.services.importing import old_numbers
from hotline.services.searching import sight
from hotline.services.searching.asking import OVERDUE, Asked, Query, State
from hotline.services.searching.indexing import channel_word, unit_word
from models import Case, CaseStatus, CaseWords, Category, Mark, Measure, Unit, now
from models.base import CITY_TIME
from models.search import Words
from models.workflow import CASE_FINAL, CASE_OPEN

# Fewer cases than these are fetched and looked at one by one, whatever else is asked.
FEW = 1000
# Of frequent words a page is full long before so many of the newest were read, unless something else asked is rare.
NEWEST = 4000
# A unit with more below it sees most of the city; its name helps nobody to find what is rare.
MOST_UNITS = 200
NEWEST_FIRST = (Case.created_at.desc(), Case.id.desc())
ENDED = CASE_FINAL | {CaseStatus.CLOSED}


@dataclass(frozen=True)
class Place:
    """Where a page ends: the next begins after it, however many cases have come since."""

    filed_at: datetime
    case_id: UUID

    def __str__(self) -> str:
        return f"{self.filed_at.astimezone(UTC).isoformat()}~{self.case_id.hex}"

    @classmethod
    def of(cls, written: str) -> "Place | None":
        """None for what is no place: the page then begins with the newest."""
        at, _, case_id = written.partition("~")
        try:
            place = cls(datetime.fromisoformat(at), UUID(case_id))
        except ValueError:
            return None
        return place if place.filed_at.tzinfo else None

    def comes_before(self, at: Any, case_id: Any) -> ColumnElement[bool]:
        return tuple_(at, case_id) < tuple_(literal(self.filed_at), literal(self.case_id))


class Matching:
    """The ids of the cases that match, as a query still to be ordered and limited."""

    def __init__(self, session: Session, me: Me, query: Query, asked: Asked) -> None:
        self._session = session
        self._words = sorted(asked.words)
        if query.channel:
            self._words.append(channel_word(query.channel))
        self._on_sqlite = core.is_sqlite(session)
        self._audiences = sight.audiences(me)
        own, led = sight.own_units(session, me), [*_leading(session, asked, query)]
        visible = sight.is_visible(me, own, named=bool(asked.number or asked.old_number), by_person=asked.number_hash is not None)
        of_units = [Case.lead_unit_id.in_(units) for units in led]
        self._conditions = [*visible, *_asked_for(asked), *of_units, *_filters(query)]
        # Of each of these groups one word at least.
        self._either = [sorted(areas) for areas in asked.areas]
        if self._words or self._either:
            self._either += [sorted(map(unit_word, units)) for units in (own, *led) if 0 < len(units) <= MOST_UNITS]

    def ways(self, after: Place | None) -> Iterator[Select[UUID]]:
        """Each the newest first. The next one finds more, and takes longer where the words are frequent."""
        if not (self._words or self._either):
            yield self._ids().order_by(*NEWEST_FIRST)
        elif self._on_sqlite:
            yield self._joined(self._hits().subquery())
        else:
            yield self._among_newest(after, NEWEST)
            if len(few := self._first_hits()) < FEW:
                yield self._ids().where(Case.id == any_(literal(few, ARRAY(Uuid())))).order_by(*NEWEST_FIRST)
            else:
                yield self._newest_of_hits(after)
                yield self._joined(self._hits().subquery())

    def all(self) -> Select[UUID]:
        *_, last = self.ways(None)
        return last

    def _hits(self, *more: Any) -> Select[UUID]:
        return select(CaseWords.case_id, *more).where(CaseWords.audience.in_(self._audiences), *self._having())

    def _first_hits(self) -> list[UUID]:
        """Statistics know how frequent each word is, not how rare several are together: the index is asked.

        Planned as if all were read, that is by the index, and read only as far as they are wanted.
        """
        hits = self._hits().cte("hits").prefix_with("MATERIALIZED")
        return list(self._session.scalars(select(hits.c.case_id).limit(FEW)))

    def _joined(self, hits: FromClause) -> Select[UUID]:
        return self._ids().join(hits, hits.c.case_id == Case.id).order_by(*NEWEST_FIRST)

    def _among_newest(self, after: Place | None, many: int) -> Select[UUID]:
        """In the order of the words' own index, so that the reading ends when the page is full."""
        newest = select(CaseWords.case_id, CaseWords.filed_at, CaseWords.words).where(CaseWords.audience.in_(self._audiences))
        if after is not None:
            newest = newest.where(after.comes_before(CaseWords.filed_at, CaseWords.case_id))
        latest = newest.order_by(CaseWords.filed_at.desc(), CaseWords.case_id.desc()).limit(many).subquery()
        found = self._ids().join(latest, latest.c.case_id == Case.id).where(*self._holding(latest.c.words))
        return found.order_by(latest.c.filed_at.desc(), latest.c.case_id.desc())

    def _newest_of_hits(self, after: Place | None) -> Select[UUID]:
        """Few of them are looked at beyond their words."""
        hits = self._hits(CaseWords.filed_at).cte("hits").prefix_with("MATERIALIZED")
        wanted = [after.comes_before(hits.c.filed_at, hits.c.case_id)] if after else []
        latest = select(hits).where(*wanted).order_by(hits.c.filed_at.desc(), hits.c.case_id.desc()).limit(FEW).subquery()
        found = self._ids().join(latest, latest.c.case_id == Case.id)
        return found.order_by(latest.c.filed_at.desc(), latest.c.case_id.desc())

    def _ids(self) -> Select[UUID]:
        return select(Case.id).where(*self._conditions)

    def _having(self) -> list[ColumnElement[bool]]:
        if not self._on_sqlite:
            return self._holding(CaseWords.words)
        asked = [f'"{word}"' for word in self._words]
        asked += [f"({' OR '.join(group)})" for group in self._either]
        rows = text("SELECT rowid FROM case_words_fts WHERE case_words_fts MATCH :asked")
        return [CaseWords.id.in_(rows.bindparams(asked=" AND ".join(asked)).columns(rowid=Integer))]

    def _holding(self, words: Any) -> list[ColumnElement[bool]]:
        """PostgreSQL: the array holds all of these words, and one of each group."""
        wanted = [words.op("@>", is_comparison=True)(literal(self._words, Words()))] if self._words else []
        return [*wanted, *(words.op("&&", is_comparison=True)(literal(group, Words())) for group in self._either)]


def _asked_for(asked: Asked) -> Iterator[ColumnElement[bool]]:
    if asked.number:
        yield Case.number == asked.number
    if asked.old_number:
        yield Case.id.in_(old_numbers.cases_of(asked.old_number))
    if asked.number_hash is not None:
        yield Case.number_hash == asked.number_hash


def _leading(session: Session, asked: Asked, query: Query) -> Iterator[Sequence[UUID]]:
    """Of each unit asked for, itself and those below. By their ids, of which the database knows how many cases each has."""
    if asked.unit_paths:
        paths = [Unit.path.startswith(path, autoescape=True) for path in asked.unit_paths]
        yield session.scalars(select(Unit.id).where(or_(*paths))).all()
    if query.unit:
        path = select(Unit.path).where(Unit.code == query.unit).scalar_subquery()
        below = func.substr(Unit.path, 1, func.length(path)) == path
        yield session.scalars(select(Unit.id).where(below)).all()


def _filters(query: Query) -> Iterator[ColumnElement[bool]]:
    if query.state:
        yield Case.status.in_(_STATES.get(query.state) or [CaseStatus(query.state)])
    if query.category:
        yield Case.category_code.in_(_category_and_below(query.category))
    if query.mark:
        yield _is_marked(query.mark)
    yield from (column == value for column, value in ((Case.urgency, query.urgency), (Case.request_type, query.type)) if value)
    yield from _within(query.first_day, query.last_day)


def _within(first: date | None, last: date | None) -> Iterator[ColumnElement[bool]]:
    """Days of the city, both included."""
    if first:
        yield Case.created_at >= _midnight(first)
    if last:
        yield Case.created_at < _midnight(last + timedelta(days=1))


_STATES = {str(State.OPEN): sorted(CASE_OPEN), str(State.ENDED): sorted(ENDED)}


def _category_and_below(code: str) -> Select[str]:
    return select(Category.code).where(or_(Category.code == code, Category.parent_code == code)).distinct()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), CITY_TIME)


def _is_marked(mark: str) -> ColumnElement[bool]:
    if mark == OVERDUE:
        return and_(Case.due_at < now(), Case.status.in_(CASE_OPEN))
    kind = Mark.measure == mark if mark in tuple(Measure) else Mark.kind == mark
    return Case.id.in_(select(Mark.case_id).where(kind, Mark.cleared_at.is_(None)))
