"""The words by which a citizen wants no more texts, or wants them again."""

import re
import unicodedata
from dataclasses import replace

from hotline.ports import Inbound, Parsed, Signal, SignalKind

# What operators, advertisements and providers have taught people to answer.
OUT = frozenset({"td", "t", "r", "退订", "退", "拒收", "取消订阅", "stop", "stopall", "unsubscribe", "end", "quit", "cancel"})
IN = frozenset({"start", "unstop", "恢复", "恢复订阅", "订阅"})

_AROUND = re.compile(r"[\W_]+")


def kind_of(text: str) -> SignalKind | None:
    """None as soon as anything more is written: “退订，路灯还没修” is a message."""
    word = _AROUND.sub("", unicodedata.normalize("NFKC", text)).casefold()
    if word in OUT:
        return SignalKind.OPTED_OUT
    return SignalKind.OPTED_IN if word in IN else None


def told_apart(parsed: Parsed) -> Parsed:
    """The same callback, with messages that are only such a word as signals."""
    kinds = {message: None if message.media else kind_of(message.text) for message in parsed.messages}
    signals = tuple(_signal(message, kind) for message, kind in kinds.items() if kind)
    messages = tuple(message for message, kind in kinds.items() if not kind)
    return replace(parsed, messages=messages, signals=(*parsed.signals, *signals))


def _signal(message: Inbound, kind: SignalKind) -> Signal:
    return Signal(kind, message.channel, message.external_id, message.sender, message.received_at, value=message.text.strip())
