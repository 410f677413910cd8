"""Who may commit, move a case, publish to Celery, read the environment; which files a reader can still hold in mind."""

import ast
import subprocess
import sys

import pytest

from tests.house import source
from tests.house.source import ROOT, breaches, calls_of, imports_of

publishes = calls_of("send_task", "delay", "apply_async")
commits = calls_of("commit", "begin")

LONGEST_FILE = 400


def test_only_the_database_module_begins_and_commits() -> None:
    # Alembic's environment stands outside the service: it has a connection of its own.
    assert breaches(commits, allowed={"hotline/db.py", "models/migrations/env.py"}) == []


def test_only_one_module_moves_a_case() -> None:
    assert breaches(source.sets_status, allowed={"hotline/services/acts.py"}) == []


def test_only_the_relay_publishes_to_celery() -> None:
    assert breaches(publishes, allowed={"hotline/posting.py"}) == []


def test_only_the_settings_read_the_environment() -> None:
    assert breaches(source.reads_environment, allowed={"hotline/settings.py"}) == []


def test_days_are_the_citys() -> None:
    """The day of `now()` is UTC's: `today()` is the city's."""
    files = source.python_files(*source.ROOMS, "tests")
    assert [path.name for path in files if "now()" + ".date()" in path.read_text()] == []


def test_the_service_never_imports_the_gpl_telephone() -> None:
    in_command_line = {path.relative_to(ROOT).as_posix() for path in source.python_files("hotline/cli")}

    assert breaches(imports_of("pyVoIP"), allowed=in_command_line) == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (commits, "session.commit()"),
        (commits, "with engine.begin() as connection: pass"),
        (source.sets_status, "case.status = Status.CLOSED"),
        (source.sets_status, "case.status, case.version = Status.CLOSED, 2"),
        (source.sets_status, "setattr(case, 'status', Status.CLOSED)"),
        (source.sets_status, "session.execute(update(Case).values(status='closed'))"),
        (publishes, "app.send_task('run', [1])"),
        (publishes, "run.delay(1)"),
        (source.reads_environment, "import os\nos.environ['HOTLINE_DEMO']"),
        (source.reads_environment, "from os import getenv"),
        (imports_of("pyVoIP"), "from pyVoIP.VoIP import VoIPPhone"),
    ],
)
def test_each_rule_sees_what_it_forbids(rule: source.Rule, text: str) -> None:
    assert list(source.breaches_in(text, rule)) != []


@pytest.mark.parametrize("text", ["self.status = 404", "if case.status == Status.FILED: pass", "status = case.status"])
def test_reading_a_status_is_free(text: str) -> None:
    assert list(source.breaches_in(text, source.sets_status)) == []


def test_every_mapped_module_is_imported_with_models() -> None:
    mapped = {path.stem for path in (ROOT / "models").glob("*.py") if "__tablename__" in path.read_text()}
    tree = ast.parse((ROOT / "models" / "__init__.py").read_text())
    imported = {
        node.module.removeprefix("models.") for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module
    }

    assert mapped - imported == set()


def test_no_file_outgrows_its_purpose() -> None:
    files = source.python_files(*source.ROOMS, "tests", "bench", "tools")
    long = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in files}

    assert {name: lines for name, lines in long.items() if lines > LONGEST_FILE} == {}


def test_no_module_is_a_drawer_for_leftovers() -> None:
    names = {"utils", "util", "helpers", "helper", "common", "misc"}

    assert [path for path in source.python_files(*source.ROOMS, "tests", "bench", "tools") if path.stem in names] == []


def test_the_import_contract_names_every_module_of_the_service() -> None:
    assert set(source.modules_of("hotline")) - set(source.contract_rows()) == set()


def test_the_service_starts_without_waiting_for_the_models_libraries() -> None:
    told = "import sys, hotline.cli.serve; print('sklearn' in sys.modules)"

    found = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "False"
