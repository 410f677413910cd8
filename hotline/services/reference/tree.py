"""An edition of the category tree as one value, from its tables and back into new ones; an edition is never changed."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from models import Category, RoutingRule, TaxonomyVersion, new_id

TOP, SUGGESTED, LOWEST = 1, 2, 3


@dataclass(frozen=True)
class Duty:
    """Who leads a category in an area, or everywhere."""

    lead: str
    assists: tuple[str, ...] = ()
    territorial: str = "none"
    area: str = ""


@dataclass(frozen=True)
class Entry:
    """A category with its rules, the one that holds everywhere first."""

    code: str
    name: str
    level: int
    parent: str = ""
    urgency: str = "normal"
    hint: str = ""
    keywords: tuple[str, ...] = ()
    formerly: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    duties: tuple[Duty, ...] = ()

    @property
    def duty(self) -> Duty:
        """That which holds everywhere."""
        return next((each for each in self.duties if not each.area), Duty(""))

    def led(self, duty: Duty) -> "Entry":
        """With another one that holds everywhere; those of areas stay."""
        return replace(self, duties=(duty, *(each for each in self.duties if each.area)))

    def led_in(self, area: str, lead: str) -> "Entry":
        """With another one of this area, which needs no help by rule; without a lead as everywhere."""
        kept = [each for each in self.duties if each.area != area]
        own = [Duty(lead, area=area)] if lead else []
        return replace(self, duties=tuple(sorted([*kept, *own], key=attrgetter("area"))))


Tree = Mapping[str, Entry]


def current(session: Session, *, locked: bool = False) -> TaxonomyVersion | None:
    query = select(TaxonomyVersion).where(TaxonomyVersion.current)
    return session.scalars(query.with_for_update() if locked else query).one_or_none()


def read(session: Session, edition: UUID) -> dict[str, Entry]:
    duties: dict[str, list[Duty]] = {}
    rules = session.scalars(
        select(RoutingRule).where(RoutingRule.taxonomy_id == edition).order_by(RoutingRule.category_code, RoutingRule.area_code)
    )
    for rule in rules:
        duty = Duty(rule.lead_unit_code, tuple(rule.assist_unit_codes), rule.territorial, rule.area_code)
        duties.setdefault(rule.category_code, []).append(duty)
    rows = session.scalars(select(Category).where(Category.taxonomy_id == edition).order_by(Category.code))
    return {row.code: _entry(row, tuple(duties.get(row.code, ()))) for row in rows}


def _entry(row: Category, duties: tuple[Duty, ...]) -> Entry:
    return Entry(
        code=row.code,
        name=row.name,
        level=row.level,
        parent=row.parent_code or "",
        urgency=row.urgency,
        hint=row.routing_hint,
        keywords=tuple(row.keywords),
        formerly=tuple(row.formerly),
        required=tuple(row.required),
        duties=duties,
    )


def codes_ever(session: Session) -> set[str]:
    """A code that any edition had means that category for ever: cases name it."""
    return set(session.scalars(select(Category.code).distinct()))


def write(session: Session, tree: Tree, *, former: UUID, note: str) -> TaxonomyVersion:
    """A new edition, in force at once; cases keep theirs."""
    digest = hashlib.sha256(repr((str(former), [asdict(tree[code]) for code in sorted(tree)])).encode()).hexdigest()
    edition = TaxonomyVersion(id=new_id(), digest=digest, note=note[:255], current=False)
    session.add(edition)
    session.flush()
    whole = insert(Category).execution_options(render_nulls=True)  # else a statement for each change between some and no parent
    session.execute(whole, [{"taxonomy_id": edition.id, **_row(each)} for each in tree.values()])
    if rules := [{"taxonomy_id": edition.id, **_rule(each, duty)} for each in tree.values() for duty in each.duties]:
        session.execute(insert(RoutingRule), rules)
    put_in_force(session, edition)
    return edition


def put_in_force(session: Session, edition: TaxonomyVersion) -> None:
    session.execute(update(TaxonomyVersion).where(TaxonomyVersion.current).values(current=False))
    edition.current = True
    session.flush()


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "code": entry.code,
        "name": entry.name,
        "level": entry.level,
        "parent_code": entry.parent or None,
        "urgency": entry.urgency,
        "routing_hint": entry.hint,
        "keywords": list(entry.keywords),
        "formerly": list(entry.formerly),
        "required": list(entry.required),
    }


def _rule(entry: Entry, duty: Duty) -> dict[str, Any]:
    return {
        "category_code": entry.code,
        "area_code": duty.area,
        "lead_unit_code": duty.lead,
        "assist_unit_codes": list(duty.assists),
        "territorial": duty.territorial,
    }


def below(tree: Tree, code: str) -> list[Entry]:
    return sorted((each for each in tree.values() if each.parent == code), key=attrgetter("code"))
