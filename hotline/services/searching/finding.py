"""Cases that match what was asked, the newest first, a page at a time, within what the person may see."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from hotline.services import reading_units
from hotline.services.access import Me
from hotline.services.city import gazetteer
from hotline.services.searching import sight
from hotline.services.searching.asking import Asked, Query, understand
from hotline.services.searching.matching import NEWEST_FIRST, Matching, Place
from models import Case, Category, Contact, Unit

PAGE = 50
MOST_COUNTED = 1000
# As many of a cursor's rows are held at once.
BATCH = 500


@dataclass(frozen=True)
class Row:
    case: Case
    channel: str
    unit: str
    category: str
    title: str
    place: str
    person: tuple[str | None, str | None]
    marked: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Page:
    asked: Asked
    rows: Sequence[Row]
    next: Place | None


def page(session: Session, me: Me, query: Query, *, after: Place | None = None) -> Page:
    asked = understand(session, query)
    found: Sequence[UUID] = ()
    for ids in Matching(session, me, query, asked).ways(after):
        found = _ids(session, ids, after, PAGE + 1)
        if len(found) > PAGE:
            break
    rows = rows_of(session, me, session.execute(_select(select(Case.id).where(Case.id.in_(found[:PAGE])))).all())
    last = rows[-1].case if len(found) > PAGE else None
    return Page(asked, rows, Place(last.created_at, last.id) if last else None)


def count(session: Session, me: Me, query: Query) -> int:
    """How many cases it finds, at most `MOST_COUNTED`."""
    ids = Matching(session, me, query, understand(session, query)).all().order_by(None).limit(MOST_COUNTED)
    return session.scalar(select(func.count()).select_from(ids.subquery())) or 0


def every(session: Session, me: Me, query: Query, *, most: int) -> Iterator[Sequence[Row]]:
    """All that is found, in batches from a cursor, so that a hundred thousand need no more memory than a few hundred."""
    matching = Matching(session, me, query, understand(session, query))
    found = _select(matching.all().limit(most))
    for batch in session.execute(found, execution_options={"yield_per": BATCH}).partitions():
        yield rows_of(session, me, batch)


def rows_of(session: Session, me: Me, found: Sequence[Any]) -> list[Row]:
    cases = [case for case, *_ in found]
    names = gazetteer.names_of(session, cases)
    marks = reading_units.marked(session, [case.id for case in cases])
    return [
        Row(
            case=case,
            channel=channel,
            unit=unit or "",
            category=category or case.category_code,
            title=sight.title_for(me, case),
            place=" ".join(names[case.id][code] for code in (case.township_code, case.community_code) if code in names[case.id]),
            person=sight.person_for(me, case),
            marked=marks.get(case.id, frozenset()),
        )
        for case, channel, unit, category in found
    ]


def _ids(session: Session, ids: Select[UUID], after: Place | None, limit: int) -> Sequence[UUID]:
    if after is not None:
        ids = ids.where(after.comes_before(Case.created_at, Case.id))
    return session.scalars(ids.limit(limit)).all()


def _select(ids: Select[UUID]) -> Select[Case, str, str, str]:
    """What a list shows is read of those cases alone that it shows."""
    found = ids.subquery()
    return (
        select(Case, Contact.channel, Unit.short, Category.name)
        .join(found, found.c.id == Case.id)
        .join(Contact, Contact.id == Case.contact_id)
        .outerjoin(Unit, Unit.id == Case.lead_unit_id)
        .outerjoin(Category, (Category.taxonomy_id == Case.taxonomy_id) & (Category.code == Case.category_code))
        .order_by(*NEWEST_FIRST)
    )
