"""Texts that are learned from name no person, no number and no door."""

import pytest

from hotline.services.learning.deidentifying import masked


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("请打我电话13800138000", "138"),
        ("电话１３８００１３８０００", "138"),
        ("座机0900-6234567转8", "623"),
        ("电话一三八零零一三八零零零", "一三八"),
        ("身份证990181199001011234", "9901"),
        ("车牌京A12345占道", "a12"),
        ("微信号: abc_xyz", "abc_xyz"),
        ("写信到 someone@example.org", "someone"),
        ("见https://example.org/p?u=1", "example"),
        ("我叫孟晓军，家里停水", "孟晓军"),
        ("姓名：欧阳明月，诉求如下", "明月"),
        ("联系人 王小明", "小明"),
        ("找过刘建国主任", "建国"),
        ("张师傅说不管", "张"),
        ("王小明欠我三个月工资不给", "小明"),
        ("和我签合同的是李建国", "建国"),
        ("我叫安小军随时可以打", "安小军"),
        ("老板姓王，态度很差", "王"),
        ("买买提·阿不都家的路灯", "阿不都"),
        ("3号楼2单元501室漏水", "501"),
        ("三号楼二单元五〇一室漏水", "五〇一"),
        ("阳光花园十二栋", "十二"),
    ],
)
def test_what_tells_of_a_person_is_gone(text: str, gone: str) -> None:
    assert gone not in masked(text)


def test_names_that_the_service_knows_are_taken_out_wherever_they_stand() -> None:
    assert masked("孟晓军家门口的路灯坏了，孟晓军", ["孟晓军", None, ""]) == "某人家门口的路灯坏了,某人"


@pytest.mark.parametrize(
    "text",
    [
        "路灯坏了三天没人修",
        "小区停水了,请尽快处理",
        "半夜施工太吵",
        "要求退还预付卡余额",
        "金马路口红绿灯坏了",
        "对方总是推脱",
        "老百姓何时能用上水",
    ],
)
def test_the_matter_itself_stays(text: str) -> None:
    assert masked(text) == text


def test_any_text_is_masked_once_and_for_all() -> None:
    once = masked("我叫孟晓军，电话13800138000，住滨江路12号三单元")

    assert masked(once) == once
