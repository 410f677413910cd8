"""What the service refuses to start with, in one line, before anything is stored: other keys, a database that is not its own."""

import base64
import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hotline.db import Database
from tests.cli.running import command, environment
from tests.components import free_port
from tests.conftest import KEY
from tests.factories_contacts import make_contact

ANOTHER_KEY = base64.b64encode(bytes(32)).decode()


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """One contact is stored, with its number; no service runs."""
    own = base64.b64encode(KEY).decode()
    env = environment(tmp_path, HOTLINE_DEMO="false", HOTLINE_PRIVACY__KEY=own, HOTLINE_WEB__PORT=str(free_port()))
    migrated = command("up", "--only", "migrate", env=env)
    assert migrated.returncode == 0, migrated.stderr
    database = Database(f"sqlite:///{stored_in(env)}")
    with database.unit_of_work() as session:
        make_contact(session, number="13800138000")
    database.dispose()
    return env


def stored_in(env: dict[str, str]) -> Path:
    return Path(env["HOTLINE_DATA_DIR"]) / "hotline.db"


def with_keys(env: dict[str, str], key: str, *old: str) -> dict[str, str]:
    return env | {"HOTLINE_PRIVACY__KEY": key, "HOTLINE_PRIVACY__OLD_KEYS": json.dumps(old)}


def digest_of(env: dict[str, str]) -> str:
    """Of all that is stored."""
    with closing(sqlite3.connect(stored_in(env))) as database:
        return hashlib.sha256("\n".join(database.iterdump()).encode()).hexdigest()


@pytest.mark.parametrize("words", [("up",), ("up", "--only", "web")], ids=" ".join)
def test_nothing_starts_with_a_key_that_does_not_fit_what_is_stored(env: dict[str, str], words: tuple[str, ...]) -> None:
    before = digest_of(env)

    refused = command(*words, env=env | {"HOTLINE_PRIVACY__KEY": ANOTHER_KEY})

    assert refused.returncode == 1
    assert refused.stderr.startswith("HOTLINE_PRIVACY__KEY does not fit what is stored (")
    assert refused.stderr.count("\n") == 1
    assert digest_of(env) == before


def test_a_replaced_key_is_taken_with_the_former_one_and_only_in_this_order(env: dict[str, str]) -> None:
    former = env["HOTLINE_PRIVACY__KEY"]
    oldest = base64.b64encode(bytes(33)).decode()

    replaced = command("up", "--only", "migrate", env=with_keys(env, ANOTHER_KEY, former))
    disordered = command("up", "--only", "migrate", env=with_keys(env, former, oldest))

    assert replaced.returncode == 0, replaced.stderr
    assert disordered.returncode == 1
    assert "(contact.number_hash)" in disordered.stderr


def test_a_database_that_cannot_be_used_is_named_in_one_line(tmp_path: Path) -> None:
    env = environment(tmp_path, HOTLINE_WEB__PORT=str(free_port()))
    stored = stored_in(env)
    stored.parent.mkdir(exist_ok=True)
    stored.write_bytes(b"no database" * 100)

    refused = command("up", env=env)
    away = command("seed", env=env | {"HOTLINE_DATABASE__URL": f"postgresql+psycopg://h:hidden@127.0.0.1:{free_port()}/h"})

    assert (refused.returncode, away.returncode) == (1, 1)
    assert refused.stderr == f"The database sqlite:///{stored} cannot be used: file is not a database\n"
    assert away.stderr.count("\n") == 1
    assert "Connection refused" in away.stderr
    assert away.stderr.endswith("; start it, or mend HOTLINE_DATABASE__URL\n")
    assert "hidden" not in away.stderr


def test_a_database_of_a_later_release_is_left_alone(env: dict[str, str]) -> None:
    with closing(sqlite3.connect(stored_in(env))) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.commit()

    refused = command("up", env=env)

    assert refused.returncode == 1
    assert refused.stderr.startswith("The database was used by a newer release")
    assert "fail  database     sqlite, of a newer release" in command("doctor", env=env).stdout
