"""The city as the classifier has to know it: today's categories, units and rules, and what returns have taught."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from classifier import City, Routing
from classifier.city import duty_words, urgency_of_hint
from hotline.services.learning import duties
from models import Area, AreaKind, Category, RoutingRule, TaxonomyVersion, Unit, UnitKind

SUGGESTED_LEVEL = 2
AREA_LEADS = "area_leads"
# Reached through their township, or doors that no case is given to.
NEVER_SUGGESTED = (UnitKind.COMMUNITY, UnitKind.REDIRECT)


def load(session: Session) -> City | None:
    """None before the city's reference data is there."""
    edition = session.scalar(select(TaxonomyVersion.id).where(TaxonomyVersion.current))
    if edition is None:
        return None
    categories = session.scalars(select(Category).where(Category.taxonomy_id == edition).order_by(Category.code)).all()
    rules = session.scalars(select(RoutingRule).where(RoutingRule.taxonomy_id == edition)).all()
    units = session.scalars(select(Unit).where(Unit.active, Unit.kind.not_in(NEVER_SUGGESTED)).order_by(Unit.code)).all()
    second = [category for category in categories if category.level == SUGGESTED_LEVEL]
    usual = _usual_rules(second, rules)
    return City(
        routing=Routing(
            lead_units={code: rule.lead_unit_code for code, rule in usual.items()},
            area_leads=frozenset(code for code, rule in usual.items() if rule.territorial == AREA_LEADS),
            township_units=_township_units(session),
            urgencies={each.code: _urgency(each) for each in second},
            names={each.code: each.name for each in second},
            words=_words(second, categories),
            duties={unit.code: duty_words(unit.name, unit.duties) for unit in units},
            area_units=_area_units(rules),
        ),
        categories_now=_former(second),
        units_now=_former(units),
        moves=duties.moves(session),
    )


def _usual_rules(categories: Sequence[Category], rules: Sequence[RoutingRule]) -> dict[str, RoutingRule]:
    """Of each category the most particular rule that holds everywhere."""
    everywhere = sorted((rule for rule in rules if not rule.area_code), key=lambda rule: len(rule.category_code))
    return {each.code: rule for rule in everywhere for each in categories if each.code.startswith(rule.category_code)}


def _words(categories: Sequence[Category], every: Sequence[Category]) -> dict[str, list[str]]:
    below: dict[str | None, list[str]] = {}
    for each in every:
        below.setdefault(each.parent_code, []).append(each.name)
    return {each.code: [each.name, *below.get(each.code, ()), *each.keywords] for each in categories}


def _township_units(session: Session) -> dict[str, str]:
    rows = session.execute(select(Area.code, Area.unit_code).where(Area.kind == AreaKind.TOWNSHIP, Area.valid_to.is_(None)))
    return {code: unit for code, unit in rows if unit}


def _urgency(category: Category) -> str:
    return urgency_of_hint(category.routing_hint) if category.routing_hint else category.urgency


def _area_units(rules: Sequence[RoutingRule]) -> dict[str, dict[str, str]]:
    """Where the area leads by a rule of its own, its township follows from the place as everywhere."""
    found: dict[str, dict[str, str]] = {}
    for rule in rules:
        if rule.area_code and rule.territorial != AREA_LEADS:
            found.setdefault(rule.category_code, {})[rule.area_code] = rule.lead_unit_code
    return found


def _former(rows: Iterable[Category | Unit]) -> dict[str, str]:
    return {code: row.code for row in rows for code in row.formerly}
