"""The migrations lead to the models and back, on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect

from hotline.db import engine_for
from tests.components import Postgres
from tests.house.source import ROOT


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'hotline.db'}"
    server: Postgres = request.getfixturevalue("postgres_server")
    return server.create_database("migrations")


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = engine_for(url)
    yield engine
    engine.dispose()


@pytest.fixture
def alembic(engine: Engine) -> Config:
    config = Config(ROOT / "alembic.ini")
    config.attributes["engine"] = engine
    return config


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def test_upgrading_leads_to_exactly_the_models(alembic: Config) -> None:
    command.upgrade(alembic, "head")

    command.check(alembic)


def test_the_last_migration_can_be_taken_back_and_applied_again(alembic: Config, engine: Engine) -> None:
    command.upgrade(alembic, "head")
    after = tables(engine)

    command.downgrade(alembic, "-1")
    command.upgrade(alembic, "head")

    assert tables(engine) == after


def test_all_migrations_can_be_taken_back(alembic: Config, engine: Engine) -> None:
    command.upgrade(alembic, "head")

    command.downgrade(alembic, "base")

    assert tables(engine) <= {"alembic_version"}


def test_the_history_of_migrations_has_one_head(alembic: Config) -> None:
    assert len(ScriptDirectory.from_config(alembic).get_heads()) == 1
