"""What the demo has beside single cases: an incident of three, a case asked after again, an order for 110, a refused number."""

from datetime import datetime, timedelta

from hotline.seeds.cast import Cast
from hotline.seeds.letters import Letter
from models import now

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

NO_WATER = (
    ("6栋停水", "福星小区6栋早上起来就没有水，电话打不通，到底什么时候来水？"),
    ("全楼没水", "福星小区9栋整栋楼没水，家里有老人和孩子，请问是不是爆管了，什么时候来水？"),
    ("小区停水没有通知", "福星小区今天停水没有任何通知，早上到现在一滴水都没有，什么时候来水？"),
)
NEWS = "福星小区门前主管爆管，抢修人员已在现场，预计今晚恢复供水，小区门口有应急送水车。"
COVER = Letter(
    kind="help",
    category="0202",
    place="供销巷30号",
    title="井盖松动",
    text="供销巷30号门口的井盖松了，车一过就响，晚上骑车差点摔倒，请来固定一下。",
    answer="",
)
COVER_AGAIN = COVER.model_copy(
    update={"title": "井盖还没有修", "text": "昨天反映过供销巷30号门口的井盖松动，到今天还没有人来修，请尽快固定。"}
)
FIGHT = Letter(
    kind="help",
    category="1303",
    place="钟楼菜市场",
    title="摊主之间动手",
    text="钟楼菜市场门口两个摊主为占位子动手打起来了，有人手里拿着秤杆，围了很多人。",
    answer="",
)
NOTHING = "在吗在吗在吗"
NUISANCES = 3


def play(cast: Cast) -> int:
    """Returns how many contacts there are of all this."""
    begin = now()
    _incident(cast, begin)
    _repeat(cast, begin)
    _for_the_police(cast, begin)
    _refused(cast, begin)
    return len(NO_WATER) + 2 + 1 + NUISANCES


def _incident(cast: Cast, begin: datetime) -> None:
    found = []
    for number, (title, text) in enumerate(NO_WATER):
        letter = Letter(kind="help", category="0401", place="福星小区", title=title, text=text, answer="")
        at = begin - 3 * HOUR + number * 8 * MINUTE
        found.append(cast.filed(letter, at=at, by="agent1", number=f"1380901000{number}", name="林女士"))
    cast.gather(found, title="福星小区爆管停水", news=NEWS, at=begin - 145 * MINUTE)
    cast.sign(found[0], at=begin - 140 * MINUTE)


def _repeat(cast: Cast, begin: datetime) -> None:
    first = cast.filed(COVER, at=begin - 26 * HOUR, by="agent1", number="13809010010", name="江先生")
    cast.sign(first, at=begin - 25 * HOUR)
    cast.filed(COVER_AGAIN, at=begin - 25 * MINUTE, by="agent1", number="13809010010", name="江先生", same_as=first)


def _for_the_police(cast: Cast, begin: datetime) -> None:
    at = begin - 20 * MINUTE
    contact = cast.write(FIGHT, at=at, channel="mailbox", name="方女士", number="13809010020")
    cast.take(contact, by="agent2", at=at + 2 * MINUTE)
    cast.file(contact, FIGHT, by="agent2", at=at + 4 * MINUTE, how="redirect", door="police")


def _refused(cast: Cast, begin: datetime) -> None:
    letter = COVER.model_copy(update={"text": NOTHING, "place": ""})
    for before in range(NUISANCES, 0, -1):
        at = begin - before * DAY - 2 * HOUR
        contact = cast.write(letter, at=at, channel="sms", name="", number="13809010030")
        cast.take(contact, by="agent3", at=at + MINUTE)
        cast.void(contact, by="agent3", at=at + 3 * MINUTE, code="nuisance", note="反复发送无关内容，已劝阻")
    cast.refuse(contact, by="agent3", at=begin - HOUR)
