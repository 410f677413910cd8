"""What citizens hold in their hands: one thread a channel, with what they wrote and what the service sent them."""

import json
import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from time import time
from typing import Any

import httpx

from hotline.sandbox.mail import Mail
from hotline.sandbox.police import Police
from hotline.sandbox.stand_in import Sent, WebStandIn
from hotline.sandbox.unit_system import UnitSystem
from hotline.sandbox.wechat import Received, Wechat

SMS, WECHAT, MAIL = "sms", "wechat", "mail"
# Of the gateways; the others carry words only.
CARRYING_PICTURES = frozenset({"twilio"})
MOST_LINES = 500
NATIONAL = 11
MARKS = {
    "picture": "［图片］",
    "voice": "［语音］",
    "video": "［视频］",
    "link": "［链接］",
    "position": "［位置］",
    "follow": "［关注］",
    "unfollow": "［取消关注］",
    "menu": "［菜单］",
}
DELIVERED = frozenset({"delivered", "3", "SUCCESS"})


@dataclass(frozen=True)
class Wish:
    """Something that a citizen does on the page; which fields count depends on `what`."""

    what: str
    who: str
    text: str = ""
    gateway: str = ""
    content: bytes = b""
    key: str = ""
    latitude: float = 0.0
    longitude: float = 0.0


@dataclass(frozen=True)
class Line:
    """One line of a thread. `status`: what the service answered to it, 0 for nothing; None where that is not known."""

    at: float
    who: str
    text: str
    is_ours: bool = False
    state: str = ""
    by: str = ""
    status: int | None = None
    picture: str = ""


@dataclass
class Telephones:
    """`gateways`, `wechat` and `mail` are the stand-ins that the service is led to; the rest is not played here."""

    gateways: Mapping[str, WebStandIn]
    wechat: Wechat | None
    mail: Mail | None
    police: Police | None = None
    unit_system: UnitSystem | None = None
    pictures: dict[str, bytes] = field(default_factory=dict)
    _written: dict[str, deque[Line]] = field(default_factory=dict)
    _serial: Any = field(default_factory=lambda: count(1))

    @property
    def channels(self) -> Sequence[str]:
        there = {SMS: self.gateways, WECHAT: self.wechat, MAIL: self.mail}
        return [name for name, played in there.items() if played]

    def can(self, channel: str, wish: Wish) -> bool:
        """Whether there is such a telephone, and everything is there that the wish needs."""
        if channel not in self.channels or not wish.who or (channel == SMS and wish.gateway not in self.gateways):
            return False
        if channel != WECHAT and wish.what not in ("text", "picture"):
            return False
        if channel == SMS and wish.what == "picture" and wish.gateway not in CARRYING_PICTURES:
            return False
        return {"text": bool(wish.text), "link": bool(wish.key), **dict.fromkeys(("picture", "video"), bool(wish.content))}.get(
            wish.what, wish.what in MARKS
        )

    def act(self, channel: str, wish: Wish) -> int:
        """What the service answered; 0 if it did not. Slow: it is sent while the page waits."""
        acts = {SMS: self._text, WECHAT: self._by_wechat, MAIL: self._mail}
        at, status = time(), 0
        with suppress(httpx.HTTPError):
            status = acts[channel](wish)
        kept = self._keep(wish.content) if wish.what == "picture" else ""
        line = Line(at, wish.who, _shown(wish), by=wish.gateway, status=status, picture=kept)
        self._written.setdefault(channel, deque(maxlen=MOST_LINES)).append(line)
        return status

    def _text(self, wish: Wish) -> int:
        number = _national(wish.who) if wish.gateway == "aliyun" else _international(wish.who)
        return self.gateways[wish.gateway].inject(number, wish.text, _pictures(wish))

    def _mail(self, wish: Wish) -> int:
        return self.mail.inject(wish.who, wish.text, _pictures(wish)) if self.mail else 0

    def _by_wechat(self, wish: Wish) -> int:
        played = self.wechat
        if played is None:
            return 0
        acts = {
            "text": lambda: played.inject(wish.who, wish.text),
            "picture": lambda: played.inject(wish.who, wish.text, _pictures(wish)),
            "voice": lambda: played.inject_voice(wish.who, wish.content, wish.text),
            "video": lambda: played.inject_video(wish.who, wish.content),
            "link": lambda: played.inject_link(wish.who, wish.key, wish.text),
            "position": lambda: played.inject_location(wish.who, wish.latitude, wish.longitude, wish.text),
            "follow": lambda: played.inject_event(wish.who, "subscribe"),
            "unfollow": lambda: played.inject_event(wish.who, "unsubscribe"),
            "menu": lambda: played.inject_event(wish.who, "VIEW" if wish.key.startswith("http") else "CLICK", wish.key),
        }
        return acts[wish.what]()

    def _keep(self, content: bytes) -> str:
        """Under a name for the page; the oldest goes when there are too many."""
        name = str(next(self._serial))
        self.pictures[name] = content
        if len(self.pictures) > MOST_LINES // 10:
            del self.pictures[next(iter(self.pictures))]
        return name

    def thread(self, channel: str, who: str) -> Sequence[Line]:
        readers = {SMS: self._texts_to, WECHAT: self._by_wechat_to, MAIL: self._mail_to}
        written = (line for line in self._written.get(channel, ()) if _is_one(line.who, who))
        return sorted([*written, *readers[channel](who)], key=lambda line: line.at)[-MOST_LINES:]

    def _texts_to(self, who: str) -> Iterable[Line]:
        for name, gateway in self.gateways.items():
            yield from _lines((sent for sent in gateway.received if _is_one(sent.recipient, who)), by=name)

    def _mail_to(self, who: str) -> Iterable[Line]:
        yield from _lines((sent for sent in self.mail.received if _is_one(sent.recipient, who)) if self.mail else ())

    def _by_wechat_to(self, who: str) -> Iterable[Line]:
        for each in self.wechat.received if self.wechat else ():
            if each.recipient == who:
                yield Line(each.at, who, each.text, is_ours=True, state="delivered", picture=self._picture_of(each))

    def _picture_of(self, received: Received) -> str:
        return str(received.body["image"]["media_id"]) if received.kind == "image" else ""

    def picture(self, name: str) -> bytes | None:
        found = self.wechat.media.get(name) if self.wechat else None
        return found[0] if found else self.pictures.get(name)


def _lines(sent: Iterable[Sent], *, by: str = "") -> Iterable[Line]:
    for each in sent:
        state = "delivered" if each.state in DELIVERED or not each.state else "sent"
        yield Line(each.at, each.recipient, _words(each.text), is_ours=True, state=state, by=by)


def _words(text: str) -> str:
    """Where a provider fills a template, the words that were put in."""
    try:
        values = json.loads(text)
    except ValueError:
        return text
    return str(values.get("text") or "，".join(map(str, values.values()))) if isinstance(values, dict) else text


def _shown(wish: Wish) -> str:
    return f"{MARKS.get(wish.what, '')}{wish.text or (wish.key if wish.what == 'link' else '')}"


def _pictures(wish: Wish) -> tuple[bytes, ...]:
    return (wish.content,) if wish.what == "picture" else ()


def _international(number: str) -> str:
    return number if number.startswith("+") else f"+86{number}"


def _national(number: str) -> str:
    return number.removeprefix("+86")


def _is_one(one: str, other: str) -> bool:
    return _bare(one) == _bare(other)


def _bare(name: str) -> str:
    """A number without its country, so that every gateway's spelling of it is one citizen's."""
    digits = re.sub(r"\D", "", name)
    return digits[-NATIONAL:] if re.fullmatch(r"\+?[\d\s-]+", name) else name
