"""Urgent words: none missed, and few raised without reason."""

import pytest

from classifier.rules import UrgencyRules
from classifier.types import Level


@pytest.fixture(scope="module")
def rules() -> UrgencyRules:
    return UrgencyRules()


@pytest.mark.parametrize(
    "text",
    [
        "三楼着火了快来人",
        "厨房里煤 气 泄 漏",
        "有人触电倒在地上",
        "工棚坍塌压着人",
        "老人突然晕倒了",
        "他站在楼顶要跳楼",
        "有个男的持刀追人",
        "小孩落水了",
        "隔壁爆炸了",
        "之前报修过没人来，现在漏气着火了",
        "你们回复说煤气泄漏已处理，现在又闻到煤气味",
        "培训班着火了",
        "正在搞消防演练，突然真的着火了",
        "没有人管，房子塌了",
        "没有煤气报警器，厨房里一股煤气味",
        "不是第一次了，" * 400 + "现在着火了",
    ],
)
def test_danger_to_life_now_is_an_emergency(rules: UrgencyRules, text: str) -> None:
    assert rules.judge(text).level == Level.EMERGENCY


@pytest.mark.parametrize(
    "text",
    [
        "我奶奶吃汤圆卡住了，脸憋得通红说不出话",
        "隔壁阳台上站着个小姑娘，一只脚已经跨到外面了",
        "骑车的被大货车拖了十几米，人在轮子底下",
        "女儿在卫生间洗澡没声音了",
        "热水器是烧气的，一家人都头晕想吐",
        "我孩子把一瓶洁厕灵喝下去了",
        "一个小孩从水库边滑下去了，没冒上来",
        "厂房顶棚整个砸下来，工友还在底下",
        "沼气池里下去一个就没动静，又下去一个也没动静",
        "化工厂的罐子在漏，工人眼睛睁不开都往外跑",
        "电梯猛地往下掉，我们四个人在里面",
        "有人去碰变压器，被弹飞了",
        "我被老板关在宿舍，他们不让我走",
    ],
)
def test_danger_told_by_what_is_seen_is_an_emergency(rules: UrgencyRules, text: str) -> None:
    assert rules.judge(text).level == Level.EMERGENCY


@pytest.mark.parametrize(
    "text",
    [
        "肚子饿得快不行了，食堂还不开门",
        "停一晚上要八十，简直是抢劫",
        "孩子想不开网课，怎么退费",
        "公园里大爷打起来太极，音响声音大",
        "换乘倒地铁要走二十分钟",
        "水泥路压烂了，下雨出不去",
        "前几天那个跳楼的新闻是真的吗",
        "半夜睡着了又被楼下的店吵醒",
    ],
)
def test_words_of_danger_in_everyday_talk_are_no_emergency(rules: UrgencyRules, text: str) -> None:
    assert rules.judge(text).level != Level.EMERGENCY


def test_a_line_may_offer_words_to_choose_from_and_say_who_they_stand_for() -> None:
    rules = UrgencyRules(["着火\temergency", "{人}\t孩子|老人", "掉进|滑进+河|塘+{人}\temergency\t落水"])

    assert rules.judge("有个老人滑进塘里了").reason == "因“滑进”“老人”“塘”升为特急"
    assert rules.judge("手机滑进塘里了").level == Level.NORMAL


@pytest.mark.parametrize(
    "text",
    [
        "下周社区的消防演练，模拟着火逃生，封不封路",
        "幸好没有着火",
        "商场跳楼价大甩卖是假的",
        "燃气灶打不着火",
        "不是煤气泄漏，是下水道的味道",
        "没有着火" * 900,
        "气炸了，物业不理人",
    ],
)
def test_denied_practised_and_figurative_danger_is_no_emergency(rules: UrgencyRules, text: str) -> None:
    assert rules.judge(text).level == Level.NORMAL


@pytest.mark.parametrize(
    "text",
    [
        "电瓶车在楼道充电，担心着火",
        "去年这里着火过，一直没修好",
        "父亲去年中风，现在靠我打零工",
        "回复：您反映的煤气泄漏问题已处理，我不满意",
        "网上传的爆炸是假的吧",
        "万一坍塌了谁负责",
        "已经停电一天了",
        "半夜还在施工",
    ],
)
def test_feared_or_past_danger_and_outages_are_urgent(rules: UrgencyRules, text: str) -> None:
    assert rules.judge(text).level == Level.URGENT


def test_the_reason_names_the_words_without_repeating_their_parts(rules: UrgencyRules) -> None:
    assert rules.judge("厨房有煤气味").reason == "因“煤气味”升为特急"
    assert rules.judge("墙塌了，老人昏迷了").reason == "因“塌了”“昏迷”升为特急"


def test_an_ordinary_matter_is_normal_without_a_reason(rules: UrgencyRules) -> None:
    judged = rules.judge("请问公积金怎么提取")

    assert (judged.level, judged.reason) == (Level.NORMAL, "")


def test_the_highest_level_of_all_sentences_counts(rules: UrgencyRules) -> None:
    assert rules.judge("停电两天了。变压器爆炸了！").level == Level.EMERGENCY
