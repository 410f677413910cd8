"""The documents keep up: every setting, event, handler, state and command is written down, and nothing that is gone."""

import re
import subprocess
import sys
from itertools import pairwise

from hotline import events, settings, tasks
from hotline.services.profiles import profiles
from hotline.services.scores import formulas
from hotline.services.scores.rule import Measure
from models import workflow
from tests.house import profile_docs
from tests.house.source import ROOT

EXAMPLE_SETTING = re.compile(r"^#?\s?(HOTLINE_[A-Z0-9_]+)=", re.MULTILINE)


def test_the_example_names_every_setting_and_no_other() -> None:
    example = EXAMPLE_SETTING.findall((ROOT / ".env.example").read_text())

    assert sorted(example) == sorted(settings.names())


def test_the_example_says_why_each_setting_exists() -> None:
    """A line of why stands above a setting, or above the settings that belong together."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    unexplained = [line for before, line in pairwise(["", *lines]) if EXAMPLE_SETTING.match(line) and not before.strip()]

    assert unexplained == []


def documented_handlers() -> dict[str, set[str]]:
    """The rows `| Event | when | handlers |` of docs/events.md."""
    rows = re.findall(r"^\| `(\w+)` \|.*\|([^|]*)\|$", (ROOT / "docs" / "events.md").read_text(), re.MULTILINE)
    return {event: set(re.findall(r"`(\w+)`", handlers)) for event, handlers in rows}


def test_every_event_is_documented_with_what_follows_from_it() -> None:
    real = {event.__name__: {handler.name for handler in tasks.HANDLERS[event]} for event in events.ALL.values()}

    assert documented_handlers() == real


def test_every_event_says_when_it_is_true() -> None:
    assert [event for event in events.ALL.values() if not (event.__doc__ or "").strip().endswith(".")] == []


def test_the_drawing_of_the_states_is_fresh() -> None:
    assert workflow.diagram().strip() in (ROOT / "docs" / "workflow.md").read_text()


def test_the_table_and_the_drawings_of_the_profiles_are_fresh() -> None:
    assert profile_docs.section() in profile_docs.PAGE.read_text()


def test_the_profiles_that_ship_are_the_files_that_are_there() -> None:
    files = {path.stem for path in (ROOT / "hotline" / "reference" / "profiles").glob("*.yaml")}

    assert files == set(profiles.SHIPPED)


def test_each_shipped_profile_has_its_story_with_pictures() -> None:
    folder = ROOT / "docs" / "zh"
    _, *stories = (folder / "stories.md").read_text().split("<!-- profile: ")
    pictures = {story.partition(" ")[0]: re.findall(r"\]\((\S+/stories/\S+\.png)\)", story) for story in stories}

    assert set(pictures) == set(profiles.SHIPPED)
    assert [code for code, shown in pictures.items() if not 2 <= len(shown) <= 4] == []
    assert [each for shown in pictures.values() for each in shown if not (folder / each).is_file()] == []


def test_the_readme_names_every_command() -> None:
    shown = subprocess.run([sys.executable, "-m", "hotline", "--help"], capture_output=True, text=True, check=True, cwd=ROOT)
    choices = re.search(r"\{([a-z,_-]+)\}", shown.stdout)
    readme = (ROOT / "README.md").read_text()

    assert choices, shown.stdout
    assert [name for name in choices[1].split(",") if f"hotline {name}" not in readme] == []


def test_contributing_names_every_make_command() -> None:
    commands = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    contributing = (ROOT / "CONTRIBUTING.md").read_text()

    assert [name for name in commands if f"make {name}" not in contributing] == []


def test_the_formulas_of_the_scores_are_fresh() -> None:
    assert formulas.table() in (ROOT / "docs" / "scores.md").read_text()
    assert set(formulas.FORMULAS) == {*profiles.Indicator, *Measure}
