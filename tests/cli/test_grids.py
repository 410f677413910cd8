"""The command that cuts grids anew: a report that changes nothing, and then all of it or nothing."""

import base64
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.running import command, environment
from tests.conftest import KEY

COMMUNITY = "990181001001"


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    env = environment(tmp_path_factory.mktemp("grids"), HOTLINE_DEMO="false", HOTLINE_PRIVACY__KEY=base64.b64encode(KEY).decode())
    seeded = command("seed", env=env)
    assert seeded.returncode == 0, seeded.stderr
    return env


def table(folder: Path, *rows: str) -> str:
    path = folder / "grids.csv"
    path.write_text("\n".join(["code,name,community,bounds", *rows]))
    return str(path)


def names(env: dict[str, str]) -> dict[str, str]:
    query = "SELECT code, name FROM area WHERE parent_code = ? AND valid_to IS NULL"
    with closing(sqlite3.connect(Path(env["HOTLINE_DATA_DIR"]) / "hotline.db")) as database:
        return dict(database.execute(query, [COMMUNITY]).fetchall())


def test_a_report_changes_nothing_and_apply_cuts(env: dict[str, str], tmp_path: Path) -> None:
    before = names(env)
    whole = table(tmp_path, f"{COMMUNITY}001,滨江社区东网格,{COMMUNITY},0 6000 660 6900")

    looked = command("grids", whole, env=env)
    after_look = names(env)
    cut = command("grids", whole, "--apply", env=env)

    assert looked.returncode == 0, looked.stderr
    assert f"0 new, 1 changed, {len(before) - 1} end" in looked.stdout
    assert "gap: " in looked.stdout
    assert after_look == before
    assert cut.returncode == 0, cut.stderr
    assert names(env) == {f"{COMMUNITY}001": "滨江社区东网格"}


def test_a_file_with_a_problem_is_not_applied(env: dict[str, str], tmp_path: Path) -> None:
    before = names(env)

    refused = command("grids", table(tmp_path, f"{COMMUNITY}001,滨江,990181999999,"), "--apply", env=env)

    assert refused.returncode == 1
    assert "problem: 2:" in refused.stdout
    assert names(env) == before


def test_a_file_that_is_not_there_is_told_in_one_line(env: dict[str, str], tmp_path: Path) -> None:
    asked = command("grids", str(tmp_path / "none.csv"), env=env)

    assert asked.returncode == 1
    assert asked.stderr == f"{tmp_path / 'none.csv'} cannot be read: No such file or directory.\n"
