"""Alerts in words, for screens and messages."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from hotline.words import say
from models import Alert, AlertKind
from models.base import CITY_TIME

Facts = Mapping[str, Any]


def headline(alert: Alert) -> str:
    return _HEADLINES[alert.kind](alert.facts)


def details(alert: Alert) -> str:
    return _DETAILS[alert.kind](alert.facts)


def _since(facts: Facts) -> str:
    return f"{datetime.fromisoformat(facts['since']).astimezone(CITY_TIME):%m-%d %H:%M}"


_HEADLINES: Mapping[AlertKind, Callable[[Facts], str]] = {
    AlertKind.CLUSTER: lambda facts: say("Sudden cluster: {place}, {category}", **facts),
    AlertKind.CONNECTION: lambda facts: say("Connection rate below {bar} %", **facts),
    AlertKind.PROMPT: lambda facts: say("Calls answered within 15 seconds below {bar} %", **facts),
    AlertKind.STUCK: lambda facts: say("Unit stuck: {unit}", **facts),
    AlertKind.TELEPHONY: lambda _: say("The telephone is down"),
}
_DETAILS: Mapping[AlertKind, Callable[[Facts], str]] = {
    AlertKind.CLUSTER: lambda facts: say("{count} cases within {minutes} minutes (usually {usual})", **facts),
    AlertKind.CONNECTION: lambda facts: say("{percent} %: {kept} of {of} calls of the last 24 hours", **facts),
    AlertKind.PROMPT: lambda facts: say("{percent} %: {kept} of {of} calls of today", **facts),
    AlertKind.STUCK: lambda facts: say("{overdue} overdue, nothing done since {at}", at=_since(facts), **facts),
    AlertKind.TELEPHONY: lambda facts: say("Since {at}; calls wait at the exchange by themselves", at=_since(facts)),
}
