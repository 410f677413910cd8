"""taxonomy.yaml into tables: units, and an edition of the category tree with its routing rules."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from hotline.seeds import files
from hotline.services.reference import categories, tree, units
from models import Category, RoutingRule, TaxonomyVersion, Unit, UnitKind

FILE = "taxonomy.yaml"
# A matter that a township has to do with cannot be filed without its place.
NEEDS_PLACE = {"area_leads", "area_assists"}


def load_units(session: Session) -> int:
    """Bureaus and townships from the taxonomy, their communities below them from the city; returns how many were added.

    Units that are gone from the files are closed, never deleted: cases point at them. Those of grids follow the areas, and what
    an administrator has changed stays as it is.
    """
    kept = units.changed_by_people(session)
    known = {unit.code: unit for unit in session.scalars(select(Unit))}
    wanted = [_main_unit(body) for body in files.read(FILE)["units"] if body["code"] not in kept]
    added = _store(session, known, wanted)
    parents = {unit.code: unit for unit in session.scalars(select(Unit))}
    communities = [_community_unit(parents, township, community) for township, community in _communities()]
    added += _store(session, known, communities)
    codes = [row["code"] for row in (*wanted, *communities)]
    session.execute(update(Unit).where(Unit.code.not_in([*codes, *kept]), Unit.kind != UnitKind.GRID).values(active=False))
    return added


def _store(session: Session, known: Mapping[str, Unit], rows: list[dict[str, Any]]) -> int:
    new = [row for row in rows if row["code"] not in known]
    if new:
        session.execute(insert(Unit), new)
    for row in rows:
        if unit := known.get(row["code"]):
            for field, value in row.items():
                setattr(unit, field, value)
    return len(new)


def _main_unit(body: Mapping[str, Any]) -> dict[str, Any]:
    code = body["code"]
    return {
        "code": code,
        "name": body["name"],
        "short": body["short"],
        "kind": UnitKind(body["kind"]),
        "duties": body.get("duties", ""),
        "formerly": body.get("formerly", []),
        "path": f"/{code}/",
        "active": True,
    }


def _communities() -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for township in files.read("city.yaml")["townships"]:
        for community in township["communities"]:
            yield township, community


def _community_unit(parents: Mapping[str, Unit], township: Mapping[str, Any], community: Mapping[str, Any]) -> dict[str, Any]:
    parent = parents[township["unit"]]
    committee = "村民委员会" if community["kind"] == "village" else "居民委员会"
    return {
        "code": community["code"],
        "name": township["name"] + community["name"] + committee,
        "short": community["name"],
        "kind": UnitKind.COMMUNITY,
        "duties": "属地管理",
        "parent_id": parent.id,
        "path": f"{parent.path}{community['code']}/",
        "active": True,
    }


def load_categories(session: Session) -> bool:
    """A new edition of the tree; it becomes the current one unless an administrator made that. Cases keep theirs."""
    edition = files.digest(FILE)
    if session.scalar(select(TaxonomyVersion.id).where(TaxonomyVersion.digest == edition)):
        return False
    stays = categories.was_edited(session)
    version = TaxonomyVersion(digest=edition, note=f"schema {files.read(FILE)['schema_version']}", current=False)
    session.add(version)
    session.flush()
    if not stays:
        tree.put_in_force(session, version)
    tops = files.read(FILE)["categories"]
    session.execute(insert(Category), [{"taxonomy_id": version.id, **row} for top in tops for row in _categories(top)])
    session.execute(insert(RoutingRule), [{"taxonomy_id": version.id, **row} for top in tops for row in _routes(top)])
    return True


def _categories(
    body: Mapping[str, Any], *, level: int = 1, parent: str | None = None, inherited: Mapping[str, Any] | None = None
) -> Iterator[dict[str, Any]]:
    """A category and those below it; the third level takes urgency, routing and required fields from the second."""
    rules = {
        "urgency": body.get("urgency", "normal"),
        "routing_hint": body.get("routing_hint", ""),
        "required": ["place"] if body.get("territorial") in NEEDS_PLACE else [],
    }
    own = dict(inherited or rules)
    yield {
        "code": body["code"],
        "name": body["name"],
        "level": level,
        "parent_code": parent,
        "keywords": body.get("keywords", []),
        "formerly": body.get("formerly", []),
        **own,
    }
    for child in body.get("children", ()):
        yield from _categories(child, level=level + 1, parent=body["code"], inherited=own if level == 2 else None)


def _routes(tree: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for body in tree["children"]:
        yield {
            "category_code": body["code"],
            "area_code": "",
            "lead_unit_code": body["lead_unit"],
            "assist_unit_codes": body.get("assist_units", []),
            "territorial": body.get("territorial", "none"),
        }
