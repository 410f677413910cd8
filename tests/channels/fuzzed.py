"""Genuine bodies of each callback with some of them mangled, and signed as the provider would, so that they are read at all."""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from hotline.sandbox.wechat_callbacks import Account, Callbacks, written
from tests.channels.providers import (
    ALIYUN,
    FORM,
    GENERIC,
    SECRET,
    TENCENT,
    TWILIO,
    generic_headers,
    twilio_form,
    twilio_signature,
)
from tests.channels.wechat import PLAIN, SAFE

ANYBODY = "oOpenIdOfACitizen_0000000001"
TEXT = {"phone_number": "13800138000", "content": "路灯坏了", "send_time": "2026-11-23 10:00:00", "sequence_id": 1}
ENTRY = {"ToUserName": "gh_1", "FromUserName": ANYBODY, "CreateTime": 1795399200, "MsgId": 1}
GENUINE: Mapping[str, tuple[bytes, ...]] = {
    "twilio": (
        urlencode(twilio_form()).encode(),
        urlencode(twilio_form(NumMedia="1", MediaUrl0="http://127.0.0.1:9/1", OptOutType="STOP")).encode(),
        urlencode({"MessageSid": "SM1", "MessageStatus": "delivered"}).encode(),
    ),
    "aliyun": (
        json.dumps([TEXT, {**TEXT, "sequence_id": 2}]).encode(),
        json.dumps([{"phone_number": "13800138000", "success": True, "err_code": "DELIVERED", "biz_id": "1^0"}]).encode(),
    ),
    "tencent": (
        json.dumps({"mobile": "13800138000", "nationcode": "86", "text": "路灯坏了", "time": 1795399200}).encode(),
        json.dumps([{"mobile": "13800138000", "report_status": "SUCCESS", "errmsg": "DELIVRD", "sid": "5000:1"}]).encode(),
    ),
    "generic": (
        json.dumps({"id": "1", "from": "13800138000", "text": "路灯坏了", "time": 1795399200}).encode(),
        json.dumps({"id": "1", "state": "delivered"}).encode(),
    ),
    "wechat": (
        written({**ENTRY, "MsgType": "text", "Content": "路灯坏了"}),
        written({**ENTRY, "MsgType": "location", "Location_X": "35.05", "Location_Y": "110.0", "Scale": 15, "Label": "桥头"}),
        written({**ENTRY, "MsgType": "voice", "MediaId": "m", "Format": "amr", "Recognition": "路灯"}),
        written({**ENTRY, "MsgType": "event", "Event": "CLICK", "EventKey": "k"}),
        written({**ENTRY, "MsgType": "event", "Event": "TEMPLATESENDJOBFINISH", "MsgID": 2, "Status": "success"}),
    ),
}
PIECES = (
    *(b"\0", b"\xff", b"[", b"{", b'"', b"null", b"1e999", b"-1", b"\\ud800", b"%", b"&", b"=", b"+"),
    *(b"<", b"]]>", b"<![CDATA[", b"</xml>", b"&#0;", b"&lt;", b"<!DOCTYPE x>"),
    *(b"9" * 5000, b"[" * 2000, b"<a>" * 2000, "退订".encode()),
)


@dataclass(frozen=True)
class Fuzzed:
    target: str
    body: bytes
    headers: Mapping[str, str]


Sign = Callable[[bytes], Fuzzed]


def requests(callback: str, count: int) -> Iterator[Fuzzed]:
    """The same ones each time."""
    sign, genuine = CALLBACKS[callback]
    chance = random.Random(callback)
    for _ in range(count):
        yield sign(_mangled(chance, chance.choice(genuine)))


def _mangled(chance: random.Random, genuine: bytes) -> bytes:
    """With some of it cut out, doubled, replaced by what parsers stumble over, or an id of its own."""
    body = bytearray(genuine)
    for _ in range(chance.randint(0, 4)):
        start = chance.randrange(len(body) + 1)
        end = min(len(body), start + chance.randrange(12))
        body[start:end] = chance.choice((b"", bytes(body[start:end]) * 2, chance.choice(PIECES), b"%d" % chance.randrange(10**6)))
    return bytes(body)


def _twilio(body: bytes) -> Fuzzed:
    try:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict"))
    except ValueError:
        fields = {}
    return Fuzzed(TWILIO, body, {"x-twilio-signature": twilio_signature(fields), "content-type": FORM})


def _generic(body: bytes) -> Fuzzed:
    return Fuzzed(GENERIC, body, generic_headers(body))


def _at(path: str) -> Sign:
    return lambda body: Fuzzed(f"{path}/{SECRET}", body, {})


def _wechat(account: Account) -> Sign:
    callbacks = Callbacks(account)

    def sign(body: bytes) -> Fuzzed:
        made = callbacks.wrap(ANYBODY, body)
        at = urlsplit(made.url)
        return Fuzzed(f"{at.path}?{at.query}", made.body, {"content-type": "text/xml"})

    return sign


CALLBACKS: Mapping[str, tuple[Sign, tuple[bytes, ...]]] = {
    "twilio": (_twilio, GENUINE["twilio"]),
    "aliyun": (_at(ALIYUN), GENUINE["aliyun"]),
    "tencent": (_at(TENCENT), GENUINE["tencent"]),
    "generic": (_generic, GENUINE["generic"]),
    "wechat_plain": (_wechat(PLAIN), GENUINE["wechat"]),
    "wechat_safe": (_wechat(SAFE), GENUINE["wechat"]),
}
