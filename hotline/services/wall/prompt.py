"""Who was taken within the clock: the one condition behind the wall's rates for what is written, and behind their lists."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, and_, case, cast, extract, or_
from sqlalchemy.orm import InstrumentedAttribute

from models import Contact

TEXTS = ("sms", "wechat")
LETTERS = ("mailbox", "email")


def epoch_of(column: InstrumentedAttribute[Any]) -> ColumnElement[int]:
    return cast(extract("epoch", column), Integer)


def in_time(limits: Mapping[str, float]) -> ColumnElement[bool]:
    waited = epoch_of(Contact.taken_at) - epoch_of(Contact.received_at)
    return and_(Contact.taken_at.is_not(None), waited <= _limit(limits))


def decided(limits: Mapping[str, float], at: datetime) -> ColumnElement[bool]:
    """It is known whether it was in time: somebody took it, or the clock has run out."""
    return or_(Contact.taken_at.is_not(None), int(at.timestamp()) - epoch_of(Contact.received_at) > _limit(limits))


def _limit(limits: Mapping[str, float]) -> ColumnElement[int]:
    return case(*((Contact.channel == channel, int(seconds)) for channel, seconds in limits.items()), else_=0)
