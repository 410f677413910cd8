"""What is read in a reply, and what is left to a person."""

import pytest

from hotline.services.survey_plans import opinions, rule
from models import Grade

V, S, F, D, W = Grade


@pytest.mark.parametrize(
    ("text", "solved", "grade"),
    [
        ("5", True, V),
        ("１", False, W),
        ("②", False, D),
        (" 4。", True, S),
        ("5分", True, V),
        ("我选3", True, F),
        ("回复:2", False, D),
        ("满意", True, S),
        ("不满意", False, D),
        ("非常满意！", True, V),
        ("非常不满意", False, W),
        ("基本满意吧", True, F),
        ("没解决", False, D),
        ("还是没有解决", False, D),
        ("解决了，谢谢", True, S),
        ("问题没解决，但对你们还是满意", False, S),
        ("解决了，就是慢，不满意", True, D),
        ("5 满意", None, None),
        ("4，满意", True, S),
        ("满意5", None, None),
        ("5分钟就来了，没解决", False, D),
        ("5 分钟就来了，满意", True, S),
        ("3天了还没解决", False, D),
        ("3.5小时才来，不满意", False, D),
        ("1没解决", False, W),
        ("1分，一直没解决", False, W),
        ("不满意，1", None, None),
    ],
)
def test_words_and_digits(text: str, solved: bool | None, grade: Grade | None) -> None:
    said = opinions.read(text, rule.shipped())

    assert (said and said.solved, said and said.grade) == (solved, grade)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "7",
        "12345",
        "55",
        "5号楼没水了",
        "5分钟就来了",
        "3天了还没人接电话",
        "13800138000",
        "路灯又坏了",
        "不是不满意，是太慢",
        "满意吗？",
        "解决了一半",
        "楼上没解决，楼下解决了",
        "满意，不满意",
        "你好",
        "我对处理结果满意，但是现在又有一件新的事情要反映：小区东门的井盖丢了一个，晚上很危险，请你们尽快派人来看一看，地址是滨江路十二号，谢谢你们了",
    ],
)
def test_what_is_no_opinion_or_two_is_left_to_a_person(text: str) -> None:
    assert opinions.read(text, rule.shipped()) is None


@pytest.mark.parametrize(
    ("text", "remark"),
    [("不满意", ""), ("5", ""), ("没解决，3号楼还在漏", "没解决，3号楼还在漏"), ("2。没解决 还在漏", "没解决 还在漏")],
)
def test_what_is_said_beyond_the_grade_is_kept(text: str, remark: str) -> None:
    said = opinions.read(text, rule.shipped())

    assert said is not None
    assert said.remark == remark
