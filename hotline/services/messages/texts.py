"""The texts that go out by themselves: which variables each may have, and how they are filled. Data in editions."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from hotline.errors import Invalid
from hotline.services.in_force import InForce
from hotline.services.messages import texting_rule
from hotline.services.messages.texting_rule import TextingRule
from models import OutgoingMessage

KIND = "texts"
# Channels on which one writes to and fro; in the mailbox one reads.
TALKED = ("sms", "wechat", "email")
CHANNELS = (*TALKED, "mailbox")
WELCOME, OF_MENU = "welcome", "menu_"
PROGRESS, ANSWERED, ANSWERED_LINK = "progress", "answered", "answered_link"
# What a filled text may be as a draft: the answer apart, which has its own limit.
LONGEST = 500
_VARIABLE = re.compile(r"\{([^{}]*)\}")

Texts = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Occasion:
    """What may stand in a text, and what must."""

    may: frozenset[str]
    must: frozenset[str] = frozenset()
    channels: Sequence[str] = CHANNELS
    # Told on all of its channels: something would not work without.
    always: bool = False


def _occasion(*may: str, must: str = "", channels: Sequence[str] = CHANNELS, always: bool = False) -> Occasion:
    return Occasion(frozenset(may), frozenset(must.split()), channels, always)


# What answers a citizen's own message.
CONVERSING: Mapping[str, Occasion] = {
    "received": _occasion("number", "within", "hotline", "link", must="number", channels=TALKED, always=True),
    "out_of_hours": _occasion("number", "opens", "hotline", "link", must="number opens", channels=TALKED, always=True),
    "emergency": _occasion("number", "hotline", "link", channels=TALKED, always=True),
    # Only there one begins to follow before one writes.
    WELCOME: _occasion("hotline", "link", channels=("wechat",)),
    "menu_progress": _occasion("hotline", "link", "hours", channels=("wechat",)),
    "menu_talk": _occasion("hotline", "link", "hours", channels=("wechat",)),
    "menu_hours": _occasion("hotline", "link", "hours", channels=("wechat",)),
    "ask_place": _occasion("hotline", channels=TALKED, always=True),
    "ask_time": _occasion("hotline", channels=TALKED, always=True),
    "ask_who": _occasion("hotline", channels=TALKED, always=True),
    "withdraw_ask": _occasion("number", "link", must="number", channels=TALKED, always=True),
    "withdraw_late": _occasion("number", "link", must="number", channels=TALKED, always=True),
    "refused": _occasion("until", "reason", "link", "hotline", must="until", channels=TALKED, always=True),
    "appeal_heard": _occasion("link", "hotline", channels=TALKED, always=True),
    # A reply that was understood as an opinion; a letter by e-mail quotes what it answers, and is read by a person.
    "survey_thanks": _occasion("number", "hotline", must="number", channels=("sms", "wechat"), always=True),
    # How the agent was, asked when a conversation has ended.
    "rate_talk": _occasion("number", "hotline", channels=TALKED),
    "rate_thanks": _occasion("number", "hotline", channels=TALKED, always=True),
}
# What is told of a case.
OF_CASES: Mapping[str, Occasion] = {
    "filed": _occasion("number", "link", "title", must="number"),
    "dispatched": _occasion("number", "link", "title", "unit", must="number"),
    ANSWERED: _occasion("number", "link", "title", "answer", must="number answer"),
    # Without these, confidential cases and long answers could not be told at all.
    ANSWERED_LINK: _occasion("number", "link", "title", must="number link", always=True),
    "survey": _occasion("number", "link", "title", must="link"),
    "extended": _occasion("number", "link", "title", "due", must="number due"),
    "question": _occasion("number", "link", "title", "question", must="number question"),
    "withdrawn": _occasion("number", "link", "title", must="number link"),
    # What came of a citizen's appeal, where the matter stays as it was decided.
    "looked_again": _occasion("number", "link", "title", "answer", must="number answer"),
    "incident": _occasion("number", "link", "title", "news", must="number news"),
    "repeat": _occasion("number", "link", "title", "unit", "state", must="number"),
    "reopened": _occasion("number", "link", "title", must="number"),
    # Tells that there is something to see and nothing of what it is about.
    PROGRESS: _occasion("link", must="link", always=True),
}
# What units are told: that there is something, never what it is about.
TO_UNITS: Mapping[str, Occasion] = {
    "unit_notice": _occasion(
        "unit", "summary", "numbers", "link", must="unit summary link", channels=("sms", "email"), always=True
    ),
}
OCCASIONS: Mapping[str, Occasion] = {**CONVERSING, **OF_CASES, **TO_UNITS}
EXAMPLES: Mapping[str, str] = {
    "number": "990181-20261121-000123",
    "title": "小区门口路灯不亮",
    "unit": "城市管理局",
    "answer": "路灯已于今日修复，感谢您的反映。",
    "link": "https://12345.example.cn/track",
    "question": "请补充一张现场照片，并说明具体楼栋。",
    "due": "12月01日 24:00",
    "until": "12月01日 10:00",
    "reason": "多次拨打、发送与诉求无关的内容",
    "news": "抢修人员已到场，预计今晚20时恢复供水。",
    "state": "办理中",
    "within": "3 分钟",
    "opens": "11月23日 08:30",
    "hours": "周一至周五 08:30—17:30",
    "hotline": "青渡市政务服务便民热线",
    "summary": "待签收3件、即将到期1件（特急1件）",
    "numbers": "990181-20261121-000123、990181-20261121-000124等",
    "name": "王先生",
    "agent": "李晓",
}


class UnknownText(KeyError):
    """There is no such occasion, or nothing is told of it on this channel."""


def render(session: Session, purpose: str, channel: str, values: Mapping[str, str]) -> str:
    """The text of the edition in force. An answer that is too long for the channel is told by its address."""
    texts, rule = current(session), texting_rule.current(session)
    text = _filled(texts, purpose, channel, values)
    if purpose == ANSWERED and not rule.fits(channel, text):
        return _filled(texts, ANSWERED_LINK, channel, values)
    return text


def of_key(key: str) -> str:
    """The occasion of a menu's key."""
    return f"{OF_MENU}{key}" if f"{OF_MENU}{key}" in OCCASIONS else WELCOME


def is_told(session: Session, purpose: str, channel: str) -> bool:
    return bool(current(session).get(purpose, {}).get(channel))


def again(session: Session, row: OutgoingMessage, channel: str) -> str:
    """What an outgoing message says, for another channel. What stands in a thread is the same everywhere."""
    if row.message_id is None and row.purpose in OCCASIONS and is_told(session, row.purpose, channel):
        return render(session, row.purpose, channel, json.loads(row.values or "{}"))
    return row.text


def fill(text: str, values: Mapping[str, str]) -> str:
    """Values are put in as they are: braces in them are not variables. A variable without a value stands as it is."""
    return _VARIABLE.sub(lambda found: values.get(found[1], found[0]), text)


def check(purpose: str, channel: str, text: str, rule: TextingRule) -> None:
    """Refuse what could not be sent, in words for the person who writes it."""
    check_variables(OCCASIONS[purpose], text, field=f"{purpose}.{channel}")
    if len(text) > LONGEST or not (purpose == ANSWERED or rule.fits(channel, fill(text, EXAMPLES))):
        raise Invalid("The text is too long for this channel.", field=f"{purpose}.{channel}")


def check_variables(occasion: Occasion, text: str, *, field: str) -> None:
    found = set(_VARIABLE.findall(text))
    unknown, missing = sorted(found - occasion.may), sorted(occasion.must - found)
    if unknown:
        raise Invalid(
            "There is no variable {name} here; there are: {known}.",
            field=field,
            name=f"{{{unknown[0]}}}",
            known=_listed(occasion.may),
        )
    if re.search(r"[{}]", _VARIABLE.sub("", text)):
        raise Invalid("A brace is open: variables are written as {example}.", field=field, example="{number}")
    if missing:
        raise Invalid("The text must have {names}.", field=field, names=_listed(missing))


def _listed(names: frozenset[str] | list[str]) -> str:
    return " ".join(f"{{{name}}}" for name in sorted(names))


def _filled(texts: Texts, purpose: str, channel: str, values: Mapping[str, str]) -> str:
    text = texts.get(purpose, {}).get(channel)
    if not text:
        raise UnknownText(f"{purpose}.{channel}")
    return fill(text, values)


_IN_FORCE: InForce[Texts] = InForce(KIND, dict)
shipped = _IN_FORCE.shipped


def current(session: Session) -> Texts:
    """The edition in force; an occasion that it is too old to know is told as shipped."""
    return {**shipped(), **_IN_FORCE.current(session)}
