"""WeChat's messages and events in our words. What is not known yet is kept as a readable note; nothing is dropped."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from hotline.errors import Invalid
from hotline.ports import HttpAnswer, Inbound, Media, Parsed, Position, Receipt, ReceiptState, Signal, SignalKind

KIND = "wechat"
# Anything else makes WeChat tell the citizen that the service is out of order.
ANSWER = HttpAnswer(body=b"success")
LONGEST_NOTE = 1000
# The key of the menu that asks for a person, and what the citizen says by pressing it.
PERSON, WANTS_PERSON = "person", "转人工"
ENVELOPE = frozenset({"ToUserName", "FromUserName", "CreateTime", "MsgType", "MsgId", "MsgDataId", "Idx", ""})

_OPEN_ID = re.compile(r"[\w@.-]{1,64}", re.ASCII)
_ID = re.compile(r"[\w-]{1,40}", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,10}")
_DEGREES = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,20})?")

SIGNALS = {
    "subscribe": SignalKind.SUBSCRIBED,
    "unsubscribe": SignalKind.UNSUBSCRIBED,
    "SCAN": SignalKind.SCANNED,
    "LOCATION": SignalKind.LOCATED,
    "CLICK": SignalKind.MENU,
    "VIEW": SignalKind.OPENED,
    "view_miniprogram": SignalKind.OPENED,
    "scancode_push": SignalKind.OPENED,
    "scancode_waitmsg": SignalKind.OPENED,
    "pic_sysphoto": SignalKind.OPENED,
    "pic_photo_or_album": SignalKind.OPENED,
    "pic_weixin": SignalKind.OPENED,
    "location_select": SignalKind.OPENED,
}

Words = Mapping[str, str]


def parsed(words: Words, *, at: datetime) -> Parsed:
    if _word(words, "MsgType", _ID) != "event":
        return Parsed(messages=(_message(words, at),), answer=ANSWER)
    event = _word(words, "Event", _ID)
    if event in RECEIPTS:
        return Parsed(receipts=(RECEIPTS[event](words),), answer=ANSWER)
    if event == "CLICK" and words.get("EventKey", "").strip() == PERSON:
        return Parsed(messages=(_request(words, at),), answer=ANSWER)
    return Parsed(signals=(_signal(words, event, at),), answer=ANSWER)


def _message(words: Words, at: datetime) -> Inbound:
    kind = words["MsgType"]
    media_id = words.get("MediaId", "")
    return Inbound(
        channel=KIND,
        external_id=_word(words, "MsgId", _ID),
        sender=_word(words, "FromUserName", _OPEN_ID),
        text=TEXTS.get(kind, _note)(words),
        received_at=at,
        sent_at=_sent_at(words),
        media=(Media(media_id, _media_type(words)),) if media_id else (),
        position=_position(words) if kind == "location" else None,
    )


def _request(words: Words, at: datetime) -> Inbound:
    sender, sent_at = _word(words, "FromUserName", _OPEN_ID), _sent_at(words)
    return Inbound(KIND, _event_id(sender, sent_at, "CLICK"), sender, WANTS_PERSON, at, sent_at=sent_at)


def _signal(words: Words, event: str, at: datetime) -> Signal:
    sender, sent_at = _word(words, "FromUserName", _OPEN_ID), _sent_at(words)
    return Signal(
        kind=SIGNALS.get(event, SignalKind.OTHER),
        channel=KIND,
        external_id=_event_id(sender, sent_at, event),
        sender=sender,
        at=min(sent_at, at),
        value=words.get("EventKey", "").strip() if event in SIGNALS else event,
    )


def _event_id(sender: str, sent_at: datetime, event: str) -> str:
    """Events have no id of their own; WeChat names these three."""
    return f"{sender}:{sent_at.timestamp():.0f}:{event}"


def _word(words: Words, name: str, form: re.Pattern[str]) -> str:
    word = words.get(name, "").strip()
    if not form.fullmatch(word):
        raise Invalid("A field is missing or malformed.", field=name)
    return word


def _sent_at(words: Words) -> datetime:
    return datetime.fromtimestamp(int(_word(words, "CreateTime", _SECONDS)), UTC)


def _position(words: Words) -> Position | None:
    latitude, longitude = words.get("Location_X", "").strip(), words.get("Location_Y", "").strip()
    if not _DEGREES.fullmatch(latitude) or not _DEGREES.fullmatch(longitude):
        return None
    if abs(float(latitude)) > 90 or abs(float(longitude)) > 180:
        return None
    return Position(float(latitude), float(longitude), words.get("Label", "").strip())


def _media_type(words: Words) -> str:
    kind = words["MsgType"]
    if kind == "voice":
        return f"audio/{words.get('Format', '').strip().lower() or 'amr'}"
    return {"image": "image", "video": "video/mp4", "shortvideo": "video/mp4"}.get(kind, "")


def _link(words: Words) -> str:
    return "\n".join(filter(None, ["［链接］" + words.get("Title", ""), words.get("Description", ""), words.get("Url", "")]))


def _place(words: Words) -> str:
    where = words.get("Label", "").strip() or f"{words.get('Location_X', '')}, {words.get('Location_Y', '')}"
    return "［位置］" + where


def _note(words: Words) -> str:
    told = (f"{name}：{text.strip()}" for name, text in words.items() if name not in ENVELOPE and text.strip())
    return "\n".join([f"［{words['MsgType']}］", *told])[:LONGEST_NOTE]


TEXTS: Mapping[str, Callable[[Words], str]] = {
    "text": lambda words: words.get("Content", ""),
    "image": lambda _: "［图片］",
    "voice": lambda words: words.get("Recognition", "").strip() or "［语音］",
    "video": lambda _: "［视频］",
    "shortvideo": lambda _: "［小视频］",
    "location": _place,
    "link": _link,
}


def _template_receipt(words: Words) -> Receipt:
    status = words.get("Status", "").strip()
    state = ReceiptState.DELIVERED if status == "success" else ReceiptState.REFUSED
    return Receipt(state, _word(words, "MsgID", _ID), "" if state == ReceiptState.DELIVERED else status[:LONGEST_NOTE])


def _subscribe_receipt(words: Words) -> Receipt:
    at = "SubscribeMsgSentEvent/List/"
    state = ReceiptState.DELIVERED if words.get(f"{at}ErrorCode", "").strip() == "0" else ReceiptState.REFUSED
    reason = "" if state == ReceiptState.DELIVERED else words.get(f"{at}ErrorStatus", "").strip()[:LONGEST_NOTE]
    return Receipt(state, _word(words, f"{at}MsgID", _ID), reason)


RECEIPTS: Mapping[str, Callable[[Words], Receipt]] = {
    "TEMPLATESENDJOBFINISH": _template_receipt,
    "subscribe_msg_sent_event": _subscribe_receipt,
}
