"""The reference files and the tables: loaded once, and again where a file has changed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from hotline import seeds
from hotline.seeds import files
from hotline.services.profiles import profiles
from models import AccessLog, Area, AreaKind, CalendarDay, Category, PlaceName, RoutingRule, Rule, TaxonomyVersion, Unit
from tests.factories import make_staff


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The reference files as an administrator may edit them."""
    folder = tmp_path / "reference"
    folder.mkdir()
    for path in files.FOLDER.glob("*.yaml"):
        (folder / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(files, "FOLDER", folder)
    files.read.cache_clear()
    yield folder
    files.read.cache_clear()


def edit(path: Path, **changes: Any) -> None:
    body = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
    path.write_text(yaml.safe_dump({**body, **changes}, allow_unicode=True))
    files.read.cache_clear()


def count(session: Session, entity: type[Any]) -> int:
    return session.scalar(select(func.count()).select_from(entity)) or 0


def test_the_city_is_loaded_whole(session: Session) -> None:
    kinds = {kind: number for kind, number in session.execute(select(Area.kind, func.count()).group_by(Area.kind))}

    assert kinds == {AreaKind.COUNTY: 1, AreaKind.TOWNSHIP: 6, AreaKind.COMMUNITY: 31, AreaKind.GRID: 202}
    assert count(session, CalendarDay) >= 3 * 365
    assert session.scalar(select(func.count()).select_from(Category).where(Category.level == 2)) == count(session, RoutingRule)


def test_an_alias_of_a_road_leads_to_the_same_grids(session: Session) -> None:
    def grids(name: str) -> set[str]:
        return set(session.scalars(select(PlaceName.area_code).where(PlaceName.name == name)))

    assert grids("银杏路") == grids("银杏大道") != set()


def test_communities_are_units_below_their_township(session: Session) -> None:
    unit = session.scalars(select(Unit).where(Unit.code == "990181001002")).one()

    assert (unit.path, unit.short) == ("/T001/990181001002/", "钟楼社区")


def test_loading_again_finds_nothing_to_do(session: Session) -> None:
    assert seeds.load_reference(session) == {}


def test_an_edited_taxonomy_is_a_new_edition_and_the_old_one_stays(session: Session, copied: Path) -> None:
    before = count(session, Category)

    edit(copied / "taxonomy.yaml", schema_version=2)
    added = seeds.load_reference(session)

    assert added == {"editions of the taxonomy": 1}
    assert count(session, Category) == 2 * before
    assert session.scalar(select(func.count()).select_from(TaxonomyVersion).where(TaxonomyVersion.current)) == 1


def test_an_edited_rule_is_a_new_edition(session: Session, copied: Path) -> None:
    edit(copied / "queue.yaml", text_share=0.25)

    assert seeds.load_reference(session) == {"editions of rules": 1}
    current = session.scalars(select(Rule).where(Rule.kind == "queue", Rule.current)).one()
    assert (current.edition, current.body["text_share"]) == (2, 0.25)


def test_what_an_administrator_wrote_is_not_undone(session: Session) -> None:
    loaded = session.scalars(select(Rule).where(Rule.kind == "queue", Rule.current)).one()
    loaded.current = False
    session.add(Rule(kind="queue", code="default", edition=2, digest="by hand", body={**loaded.body, "text_share": 0.3}))
    session.flush()

    seeds.load_reference(session)

    current = session.scalars(select(Rule).where(Rule.kind == "queue", Rule.current)).one()
    assert current.body["text_share"] == 0.3


@pytest.mark.parametrize("own", [True, False])
def test_a_profile_that_an_administrator_chose_stays_in_force(session: Session, own: bool) -> None:
    code = profiles.DEFAULT if own else "one_desk"
    body = profiles.shipped(code) | {"designate_after": 5}
    rule = profiles.install(session, code, body)
    session.add(AccessLog(staff_id=make_staff(session).id, subject_kind="rule", subject_id=rule.id, what="in force"))
    session.execute(delete(Rule).where(Rule.kind == profiles.KIND, Rule.id != rule.id))

    assert seeds.load_reference(session) == {}

    assert profiles.current(session).id == rule.id


def test_a_city_that_chose_no_profile_gets_the_newest_edition_of_the_default(session: Session) -> None:
    profiles.install(session, profiles.DEFAULT, profiles.shipped() | {"designate_after": 5})
    session.execute(delete(Rule).where(Rule.kind == profiles.KIND, ~Rule.current))

    assert seeds.load_reference(session) == {"editions of rules": 1}

    assert profiles.in_force(session).designate_after == 3


def test_a_grid_that_is_cut_anew_keeps_its_past(session: Session, copied: Path) -> None:
    city = yaml.load((copied / "city.yaml").read_bytes(), Loader=yaml.CSafeLoader)
    grid = city["townships"][0]["communities"][0]["grids"][0]
    grid["households"] += 100
    edit(copied / "city.yaml", townships=city["townships"])

    added = seeds.load_reference(session)

    past, present = session.scalars(select(Area).where(Area.code == grid["code"]).order_by(Area.valid_from)).all()
    assert added["areas"] == 1
    assert (past.valid_to, present.valid_to) == (present.valid_from, None)
    assert present.households == grid["households"]


def test_a_unit_that_is_gone_is_closed(session: Session, copied: Path) -> None:
    units = yaml.load((copied / "taxonomy.yaml").read_bytes(), Loader=yaml.CSafeLoader)["units"]
    edit(copied / "taxonomy.yaml", units=[unit for unit in units if unit["code"] != "YCJ"])

    seeds.load_reference(session)

    assert session.scalars(select(Unit.active).where(Unit.code == "YCJ")).one() is False
