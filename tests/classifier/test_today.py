"""A model outlives the city that it was trained for: renamed, merged, gone and new categories and units."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from classifier import City, Move, Prediction, Routing, load
from classifier.model import Classifier
from tests.factories_model import LAMP, NOISE, THEN, WATER, small_model

Knowing = Callable[..., Classifier]
CHARGER = "0499"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("small"))


@pytest.fixture
def knowing(folder: Path) -> Knowing:
    """The model in a city whose routing differs as named from the one of its training."""

    def make(city: Mapping[str, Any] | None = None, **routing: Any) -> Classifier:
        classifier = load(folder, None)
        classifier.know(City(replace(THEN, **routing), **(city or {})))
        return classifier

    return make


def codes(found: Prediction) -> list[str]:
    return [one.code for one in found.category]


def units(found: Prediction) -> list[str]:
    return [one.code for one in found.unit]


def without(code: str, **more: str) -> dict[str, str]:
    return {key: name for key, name in THEN.names.items() if key != code} | more


def test_in_the_city_of_its_training_a_model_says_what_it_always_said(folder: Path, knowing: Knowing) -> None:
    for text in ("路灯坏了", "停水三天", "夜里吵"):
        assert knowing().predict(text) == load(folder, None).predict(text)


def test_a_category_that_is_gone_is_never_suggested(knowing: Knowing) -> None:
    gone = knowing(names=without(NOISE)).predict("夜里噪声大，吵得睡不着")

    assert NOISE not in codes(gone)
    assert NOISE not in {each.code for each in gone.neighbours}
    assert gone.category[0].confidence < 0.5
    assert "GAJ" not in units(gone)


def test_a_renamed_category_takes_over_what_was_learnt(folder: Path, knowing: Knowing) -> None:
    before = load(folder, None).predict("夜里噪声大").category[0]
    routing: dict[str, Any] = {"names": without(NOISE, **{"0901": "声环境"}), "duties": {**THEN.duties, "STJ": ["环保局"]}}
    routing["lead_units"] = {**THEN.lead_units, "0901": "STJ"}

    said = knowing({"categories_now": {NOISE: "0899", "0899": "0901"}}, **routing).predict("夜里噪声大")

    assert said.category[0].code == "0901"
    assert said.category[0].confidence == pytest.approx(before.confidence)
    assert said.category[0].words == before.words
    assert said.unit[0].code == "STJ"


def test_a_category_of_the_same_name_needs_no_telling(knowing: Knowing) -> None:
    said = knowing(names=without(NOISE, **{"0901": "噪声"})).predict("夜里噪声大")

    assert codes(said)[0] == "0901"


def test_merged_categories_add_up(folder: Path, knowing: Knowing) -> None:
    before = {one.code: one.confidence for one in load(folder, None).predict("自来水和路灯都坏了").category}
    names = {NOISE: "噪声", "0500": "市政设施"}

    said = knowing({"categories_now": {LAMP: "0500", WATER: "0500"}}, names=names).predict("自来水和路灯都坏了")

    assert said.category[0].code == "0500"
    assert said.category[0].confidence == pytest.approx(before[LAMP] + before[WATER], abs=1e-3)


def test_a_new_category_is_suggested_by_its_keywords_from_the_day_it_is_added(knowing: Knowing) -> None:
    routing = {
        "names": {**THEN.names, CHARGER: "充电设施"},
        "words": {**THEN.words, CHARGER: ["充电设施", "充电桩", "充电站"]},
        "lead_units": {**THEN.lead_units, CHARGER: "FGJ"},
        "duties": {**THEN.duties, "FGJ": ["发改局"]},
        "urgencies": {**THEN.urgencies, CHARGER: "urgent"},
    }

    said = knowing(**routing).predict("小区的充电桩坏了半个月")

    assert said.category[0].code == CHARGER
    assert said.category[0].words == ("充电桩",)
    assert said.unit[0].code == "FGJ"
    assert said.urgency.level == "urgent"
    assert not said.sure
    assert sum(one.confidence for one in said.category) <= 1 + 1e-6


def test_a_keyword_that_is_said_of_everything_says_little(knowing: Knowing) -> None:
    routing = {"names": {**THEN.names, CHARGER: "设施损坏"}, "words": {**THEN.words, CHARGER: ["坏了"]}}

    said = knowing(**routing).predict("路灯坏了")

    assert codes(said)[0] == LAMP


def test_a_new_keyword_of_a_known_category_is_heard(knowing: Knowing) -> None:
    before, after = (knowing(words={**THEN.words, NOISE: words}).predict("广场舞") for words in (["噪声"], ["噪声", "广场舞"]))

    assert codes(after)[0] == NOISE
    assert after.category[0].confidence > before.category[0].confidence
    assert "广场舞" in after.category[0].words


def test_a_word_inside_a_longer_one_of_the_city_is_not_heard(knowing: Knowing) -> None:
    names = {**THEN.names, CHARGER: "电桩"}
    words = {**THEN.words, CHARGER: ["电桩"], LAMP: ["路灯", "充电桩"]}

    inside, alone = (knowing(names=names, words=words).predict(text) for text in ("充电桩坏了", "换一根电桩"))

    assert codes(inside)[0] != CHARGER
    assert codes(alone)[0] == CHARGER


def test_a_new_unit_is_suggested_by_its_duties(knowing: Knowing) -> None:
    said = knowing(duties={**THEN.duties, "SJJ": ["数据局", "公共数据", "政务网站"]}).predict("政务网站打不开")

    assert (said.unit[0].code, said.unit[0].words) == ("SJJ", ("政务网站",))


def test_a_unit_that_is_gone_is_followed_by_the_one_that_took_its_place(knowing: Knowing) -> None:
    duties = {code: words for code, words in THEN.duties.items() if code != "GAJ"}

    gone = knowing(duties=duties).predict("夜里噪声大")
    followed = knowing({"units_now": {"GAJ": "CGJ"}}, duties={**duties, "CGJ": ["城管局"]}).predict("夜里噪声大")

    assert "GAJ" not in units(gone)
    assert units(followed)[0] == "CGJ"


def test_a_unit_that_returns_have_shown_to_be_the_wrong_one_gives_way(knowing: Knowing) -> None:
    here, everywhere = Move(NOISE, "GAJ", "GSG", "990181001"), Move(NOISE, "GAJ", "ZJJ")

    asked = knowing({"moves": (everywhere, here)})

    assert units(asked.predict("夜里噪声大"))[0] == "ZJJ"
    assert units(asked.predict("夜里噪声大", area="990181001005"))[0] == "GSG"
    assert units(asked.predict("夜里噪声大", area="990181002"))[0] == "ZJJ"


def test_a_rule_for_an_area_goes_before_the_usual_unit() -> None:
    routing = Routing(
        lead_units={"01": "A"},
        area_leads=frozenset({"01"}),
        township_units={"990": "T"},
        area_units={"01": {"991": "B", "99100": "C"}},
    )

    assert [routing.unit("01", area) for area in (None, "990001", "991", "991100", "99100")] == ["A", "T", "B", "B", "C"]
    assert routing.unit("02", None) == ""
