"""A tree of categories and what a form would make of it; nothing is written."""

from typing import Any

import pytest

from hotline.errors import HotlineError, Invalid, NotFound, RuleBroken
from hotline.services.reference import editing
from hotline.services.reference.differences import differences
from hotline.services.reference.forms import CategoryForm
from hotline.services.reference.tree import Duty, Entry

WASTE = Entry(
    "0102",
    "垃圾",
    2,
    "01",
    keywords=("垃圾", "清运"),
    required=("place",),
    duties=(Duty("CGJ", ("ZJJ",)), Duty("T001", area="9")),
)
SWEEPING = Entry("0103", "保洁", 2, "01", keywords=("落叶",), formerly=("0109",), duties=(Duty("CGJ"),))
HOUSEHOLD = Entry("010201", "生活垃圾", 3, "0102", required=("place",))
BINS = Entry("010202", "垃圾桶", 3, "0102", required=("place",))
SWEPT = Entry("010301", "路面", 3, "0103")
TREE = {each.code: each for each in (Entry("01", "市容", 1), WASTE, HOUSEHOLD, BINS, SWEEPING, SWEPT)}
RETIRED = "0104"


def edited(**form: Any) -> dict[str, Entry]:
    return editing.edited(TREE, CategoryForm(**form), used={*TREE, RETIRED})


def test_a_new_category_gets_a_code_that_none_ever_had() -> None:
    after = edited(
        act="add", parent="01", name="油烟", keywords="油烟、呛人 油烟", lead="STJ", urgency="urgent", required=["place"]
    )

    new = after["0101"]
    assert RETIRED not in after
    assert (new.name, new.level, new.keywords, new.urgency) == ("油烟", 2, ("油烟", "呛人"), "urgent")
    assert (new.duty.lead, new.required) == ("STJ", ("place",))
    assert {code: each for code, each in after.items() if code != "0101"} == TREE


def test_what_is_below_has_urgency_and_needs_from_above() -> None:
    third = edited(act="add", parent="0102", name="大件")["010203"]
    changed = edited(act="change", code="0102", name="垃圾", keywords="垃圾", lead="CGJ", urgency="urgent")

    assert (third.level, third.required, third.duties) == (3, ("place",), ())
    assert {changed[code].urgency for code in ("0102", "010201", "010202")} == {"urgent"}
    assert changed["0103"].urgency == "normal"


def test_a_renamed_category_keeps_its_code_and_the_rules_of_areas() -> None:
    after = edited(
        act="change",
        code="0102",
        name="垃圾清运",
        keywords="垃圾 清运",
        lead="ZJJ",
        assists=["CGJ", "", "ZJJ"],
        territorial="area_leads",
    )

    assert after["0102"].name == "垃圾清运"
    assert after["0102"].duties == (Duty("ZJJ", ("CGJ",), "area_leads"), Duty("T001", area="9"))


def test_the_merged_one_leaves_words_past_and_what_is_below_to_the_other() -> None:
    after = edited(act="merge", code="0102", into="0103")

    assert "0102" not in after
    assert after["0103"].keywords == ("落叶", "垃圾", "清运")
    assert after["0103"].formerly == ("0109", "0102")
    assert {(each.code, each.name, each.formerly) for each in after.values() if each.parent == "0103"} == {
        ("010301", "路面", ()),
        ("010302", "生活垃圾", ("010201",)),
        ("010303", "垃圾桶", ("010202",)),
    }


def test_one_that_both_have_is_one_afterwards() -> None:
    tree = {**TREE, "010302": Entry("010302", "垃圾桶", 3, "0103")}

    after = editing.edited(tree, CategoryForm(act="merge", code="0102", into="0103"), used=set(tree))

    assert after["010302"].formerly == ("010202",)


def test_a_split_takes_words_and_some_of_what_is_below_and_is_led_alike() -> None:
    after = edited(act="split", code="0102", name="垃圾桶", keywords="清运，满溢", moving=["010202", "010301"])

    new = after["0101"]
    assert (new.keywords, new.duties, new.required, new.formerly) == (("清运", "满溢"), WASTE.duties, WASTE.required, ())
    assert after["0102"].keywords == ("垃圾",)
    assert (after["010101"].name, after["010101"].formerly) == ("垃圾桶", ("010202",))
    assert {"010201", "010301"} <= after.keys()
    assert "010202" not in after


def test_a_retired_category_is_gone_with_what_is_below() -> None:
    assert edited(act="retire", code="0102").keys() == {"01", "0103", "010301"}


@pytest.mark.parametrize(
    ("form", "error", "field"),
    [
        ({"act": "change", "code": "0102", "name": "垃圾", "keywords": "垃圾、清运", "lead": ""}, Invalid, "lead"),
        ({"act": "change", "code": "0102", "name": "保洁", "lead": "CGJ"}, Invalid, "name"),
        ({"act": "change", "code": "0102", "name": " ", "lead": "CGJ"}, Invalid, "name"),
        ({"act": "change", "code": "0102", "name": "垃圾", "keywords": "字" * 33, "lead": "CGJ"}, Invalid, "keywords"),
        ({"act": "change", "code": "9999", "name": "垃圾"}, NotFound, ""),
        ({"act": "change", "code": "010301", "name": "路面"}, RuleBroken, ""),
        ({"act": "add", "parent": "010301", "name": "更细"}, Invalid, "parent"),
        ({"act": "merge", "code": "0102", "into": "0102"}, Invalid, "into"),
        ({"act": "merge", "code": "0102", "into": "010301"}, Invalid, "into"),
        ({"act": "merge", "code": "0102", "into": "9999"}, Invalid, "into"),
        ({"act": "split", "code": "0102", "name": "垃圾"}, Invalid, "name"),
        ({"act": "split", "code": "010201", "name": "厨余"}, Invalid, "code"),
        ({"act": "retire", "code": "01"}, RuleBroken, ""),
    ],
)
def test_what_makes_no_sense_is_refused(form: dict[str, Any], error: type[HotlineError], field: str) -> None:
    with pytest.raises(error) as refused:
        edited(**form)

    assert refused.value.field == field


def test_a_unit_takes_the_place_of_another_wherever_it_leads_or_assists() -> None:
    after = editing.with_unit(TREE, "CGJ", "ZJJ")

    assert after["0102"].duties == (Duty("ZJJ"), Duty("T001", area="9"))
    assert after["0103"].duty.lead == "ZJJ"


def test_people_see_old_and_new_of_what_changes_and_nothing_else() -> None:
    after = edited(
        act="change", code="0102", name="垃圾清运", keywords="垃圾 清运", lead="CGJ", assists=["ZJJ"], required=["place"]
    )

    (name,) = differences(TREE, after, {"CGJ": "城管"}, {})

    assert (name.of, name.part, name.before, name.after) == ("0102 垃圾清运", "名称", "垃圾", "垃圾清运")


def test_people_see_all_of_what_is_new_or_gone() -> None:
    found = differences(TREE, edited(act="retire", code="0103"), {"CGJ": "城管"}, {})

    assert ("主办单位", "城管", "") in {(each.part, each.before, each.after) for each in found}
    assert {each.of for each in found} == {"0103 保洁", "010301 路面"}
