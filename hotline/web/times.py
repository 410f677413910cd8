"""Times as people read them: local clock, time ago, time left with the share of it that is used."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from hotline.services.queueing import Waiting
from models import now
from models.base import CITY_TIME

MINUTE, HOUR, DAY = 60, 3600, 86400
WARN_FROM = 66  # percent of a clock


@dataclass(frozen=True)
class Left:
    """What is left of a clock: words, the share used in percent, and how bad that is."""

    words: str
    used: int
    level: str  # good, warn, bad


def local(at: datetime | None, form: str = "") -> str:
    """11-21 10:04 in the city's time; the year only when it is another one; `form` is a strftime pattern."""
    if at is None:
        return ""
    there = at.astimezone(CITY_TIME)
    same_year = there.year == now().astimezone(CITY_TIME).year
    return there.strftime(form or ("%m-%d %H:%M" if same_year else "%Y-%m-%d %H:%M"))


def in_city(at: datetime) -> datetime:
    """A browser sends the clock on the wall without its zone: it is the city's."""
    return at if at.tzinfo else at.replace(tzinfo=CITY_TIME)


def ago(at: datetime | None) -> str:
    if at is None:
        return ""
    seconds = (now() - at).total_seconds()
    if seconds < MINUTE:
        return "刚刚"
    return f"{int(seconds) // MINUTE} 分前" if seconds < HOUR else f"{in_words(seconds)}前"


def left(due: datetime | None, since: datetime | None = None) -> Left | None:
    """How much of the time from `since` to `due` is left; nothing without a due time."""
    if due is None:
        return None
    whole = (due - since).total_seconds() if since else timedelta(days=1).total_seconds()
    return left_of((due - now()).total_seconds(), whole)


def left_of(seconds: float, whole: float) -> Left:
    used = 100 if seconds <= 0 else max(0, min(100, round(100 * (1 - seconds / max(whole, 1)))))
    level = "bad" if seconds <= 0 else "warn" if used >= WARN_FROM else "good"
    return Left(f"{'超' if seconds <= 0 else '剩'} {in_words(abs(seconds))}", used, level)


def clock_of(waiting: Waiting) -> Left:
    """The clock of a contact that waits in the queue."""
    if waiting.share >= 1:
        return left_of(waiting.seconds_left, 1)
    return left_of(waiting.seconds_left, waiting.seconds_left / (1 - waiting.share))


def span(length: timedelta) -> str:
    return in_words(length.total_seconds())


def in_words(seconds: float) -> str:
    """0:58, 24 分, 2 小时 10 分, 3 天: two steps at most."""
    whole = int(seconds)
    if whole < 10 * MINUTE:
        return f"{whole // MINUTE}:{whole % MINUTE:02d}"
    if whole < HOUR:
        return f"{whole // MINUTE} 分"
    if whole < DAY:
        minutes = whole % HOUR // MINUTE
        return f"{whole // HOUR} 小时" + (f" {minutes} 分" if minutes and whole < 10 * HOUR else "")
    hours = whole % DAY // HOUR
    return f"{whole // DAY} 天" + (f" {hours} 小时" if hours and whole < 3 * DAY else "")
