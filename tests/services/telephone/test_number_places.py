"""Where a number comes from."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers.geodata import GEOCODE_DATA

from hotline.services.telephone import number_places


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("places")
    number_places.prepare(made)
    return made


@pytest.mark.parametrize(
    ("number", "place"),
    [
        ("+8613800100172", "北京市 · 移动"),
        ("+861062345678", "北京市"),
        ("+8651212345678", "江苏省苏州市"),
        ("", ""),
        ("+14155550100", ""),
        ("+86", ""),
    ],
)
def test_a_number_tells_its_place_and_its_operator(folder: Path, number: str, place: str) -> None:
    assert number_places.place_of(number, folder=folder) == place


@given(prefix=st.sampled_from(sorted(each for each in GEOCODE_DATA if each.startswith("86"))))
def test_every_prefix_of_the_plan_is_found(folder: Path, prefix: str) -> None:
    names = GEOCODE_DATA[prefix]

    found = number_places.place_of(f"+{prefix}", folder=folder)

    assert found.startswith(names.get("zh") or names["en"])


def test_before_anything_is_prepared_a_number_has_no_place(tmp_path: Path) -> None:
    assert number_places.place_of("+8613800100172", folder=tmp_path) == ""


def test_preparing_again_writes_nothing(folder: Path) -> None:
    before = (folder / number_places.FILES["places"]).stat().st_mtime_ns

    number_places.prepare(folder)

    assert (folder / number_places.FILES["places"]).stat().st_mtime_ns == before
