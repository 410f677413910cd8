"""Plays the year moment by moment: whatever comes next, whoever's it is."""

import gc
import heapq
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import count

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.seeds.year import arrivals, lives, rounds
from hotline.seeds.year.acting import YearCast
from hotline.seeds.year.arrivals import DAY
from hotline.seeds.year.matters import Matters, storm_letters
from hotline.seeds.year.world import Life, Wave, World
from hotline.services import triage
from hotline.settings import Settings
from models import Area, AreaKind
from models.base import CITY_TIME, as_if, ids_drawn_by

# One storm each year: this township, counted from one.
STORM_TOWNSHIP = 2
BEFORE_GATHERING = timedelta(minutes=25)
# Whoever turned to the hotline has been heard when the year ends: what waits then waits for somebody.
QUIET = timedelta(minutes=40)

Days = Callable[[], AbstractContextManager[Session]]


@dataclass(frozen=True)
class Played:
    contacts: int
    # A next cast goes on counting from here.
    acts: int
    storm: date | None = None
    township: str = ""


class _Year:
    """The moments that are still to come, the nearest first."""

    def __init__(self, end: datetime) -> None:
        self._end = end
        self._order = count()
        self._coming: list[tuple[datetime, int, Life]] = []

    def add(self, at: datetime, life: Life) -> None:
        if at < self._end:
            heapq.heappush(self._coming, (at, next(self._order), life))

    def play_until(self, moment: datetime) -> None:
        while self._coming and self._coming[0][0] < moment:
            _, _, life = heapq.heappop(self._coming)
            following = next(life, None)
            if following is not None:
                self.add(following, life)


def play(
    days: Days, settings: Settings, *, first: datetime, end: datetime, contacts: int, seed: int, closes_months: bool = True
) -> Played:
    """`days`: opens the session in which a day, or part of one, is played; the same one each time, or a transaction for each.

    `closes_months`: not where more of the same months is to come.
    """
    # As it is at the beginning: what it would learn on the way depends on how fast the machine is.
    triage.use(triage.start(settings))
    chance = random.Random(seed)  # noqa: S311 -- the same year every time
    with _collected_seldom(), ids_drawn_by(random.Random(seed)):  # noqa: S311
        return _play(days, chance, first=first, end=end, contacts=contacts, closes_months=closes_months)


def _play(days: Days, chance: random.Random, *, first: datetime, end: datetime, contacts: int, closes_months: bool) -> Played:
    year = _Year(end)
    day = arrivals.storm_day(first, end)
    with days() as session:
        world = World(chance, YearCast(session, acts=0, seated={}), year.add, closes_months)
        townships = _townships(session)
        township = townships[STORM_TOWNSHIP % len(townships)]
        _plan(world, Matters(session, chance), day, township, first=first, end=end, contacts=contacts)
    start = datetime.combine(first.astimezone(CITY_TIME).date(), time(rounds.MORNING), CITY_TIME) + DAY
    for midnight in _midnights(first, end):
        with days() as session:
            world.begin_day(_cast_in(session, world.cast))
            if midnight < start < midnight + DAY:
                year.add(start, rounds.rounds(world, start))
                year.add(start, rounds.watch(world, start))
            year.play_until(min(midnight + DAY, end))
    with days() as session, as_if(end):
        world.cast = _cast_in(session, world.cast)
        world.cast.go_home()
        world.cast.receive_receipts()
        world.cast.add_up()
    return Played(contacts=world.contacts, acts=world.cast.acts, storm=day, township=township)


def _cast_in(session: Session, before: YearCast) -> YearCast:
    return before if before.session is session else YearCast(session, acts=before.acts, seated=before.seated)


def _plan(world: World, matters: Matters, day: date, township: str, *, first: datetime, end: datetime, contacts: int) -> None:
    """Whoever turns to the hotline by itself."""
    chance, letters = world.chance, storm_letters()
    waves = arrivals.storm(day, contacts, len(letters), chance)
    for moments, letter in zip(waves, letters, strict=True):
        wave = Wave(moments[-1] + BEFORE_GATHERING)
        world.expect(wave.gathers_at, lives.gather(world, wave))
        for at in moments:
            world.expect(at, lives.life(world, matters.at_township(letter, township), at, "mailbox", wave))
    for at in arrivals.usual(first, end - QUIET, max(0, contacts - sum(map(len, waves))), chance):
        channel = chance.choices(list(lives.CHANNELS), list(lives.CHANNELS.values()))[0]
        world.expect(at, lives.life(world, matters.letter(at, channel), at, channel))


@contextmanager
def _collected_seldom() -> Iterator[None]:
    """Each act makes many objects, few of them in circles: to look for these as often as usual takes a tenth of the time."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _townships(session: Session) -> list[str]:
    known = select(Area.code).where(Area.kind == AreaKind.TOWNSHIP, Area.valid_to.is_(None)).order_by(Area.code)
    return list(session.scalars(known))


def _midnights(first: datetime, end: datetime) -> Iterator[datetime]:
    """By the city's clock."""
    day = datetime.combine(first.astimezone(CITY_TIME).date(), time(), CITY_TIME)
    while day < end:
        yield day
        day += DAY
