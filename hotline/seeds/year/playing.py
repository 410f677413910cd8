"""Plays the year moment by moment: whatever comes next, whoever's it is; a transaction for each day."""

import gc
import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import count

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.seeds.letters import Letter
from hotline.seeds.year import arrivals, lives, rounds
from hotline.seeds.year.acting import YearCast
from hotline.seeds.year.arrivals import DAY
from hotline.seeds.year.lives import Life, World
from hotline.seeds.year.matters import Matters, storm_letters
from hotline.services import triage
from hotline.settings import Settings
from models import Area, AreaKind
from models.base import CITY_TIME

# One storm each year: this township, counted from one.
STORM_TOWNSHIP = 2


@dataclass(frozen=True)
class Played:
    contacts: int
    cases: int
    storm: date
    township: str


class _Year:
    """The moments that are still to come, the nearest first."""

    def __init__(self, world: World, end: datetime) -> None:
        self._world, self._end = world, end
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


def play(database: Database, settings: Settings, *, first: datetime, end: datetime, cases: int, seed: int) -> Played:
    triage.start(settings)
    chance = random.Random(seed)  # noqa: S311 -- the same year every time
    with database.reading() as session:
        matters = Matters(session, chance)
        townships = _townships(session)
    township = townships[STORM_TOWNSHIP % len(townships)]
    with database.unit_of_work() as session:
        world = World(chance, YearCast(session, acts=0, seated=set()))
    year = _Year(world, end)
    day = arrivals.storm_day(first, end)
    for at, letter, channel in _writings(matters, chance, day, township, first=first, end=end, cases=cases):
        year.add(at, lives.life(world, letter, at, channel))
    start = datetime.combine(first.astimezone(CITY_TIME).date(), time(rounds.MORNING), CITY_TIME) + DAY
    year.add(start, rounds.rounds(world, start, year.add))
    year.add(start, rounds.watch(world, start))
    gc.freeze()
    for midnight in _midnights(first, end):
        with database.unit_of_work() as session:
            world.cast = YearCast(session, acts=world.cast.acts, seated=set())
            year.play_until(min(midnight + DAY, end))
    with database.unit_of_work() as session:
        world.cast = YearCast(session, acts=world.cast.acts, seated=set())
        world.cast.receive_receipts()
        rounds.add_up(world)
    return Played(contacts=world.contacts, cases=len(world.letters), storm=day, township=township)


def _writings(
    matters: Matters, chance: random.Random, day: date, township: str, *, first: datetime, end: datetime, cases: int
) -> Iterator[tuple[datetime, Letter, str]]:
    letters = storm_letters()
    waves = arrivals.storm(day, cases, len(letters), chance)
    for wave, letter in zip(waves, letters, strict=True):
        for at in wave:
            yield at, matters.at_township(letter, township), "mailbox"
    for at in arrivals.usual(first, end, max(0, cases - sum(map(len, waves))), chance):
        yield at, matters.letter(at), chance.choices(list(lives.CHANNELS), list(lives.CHANNELS.values()))[0]


def _townships(session: Session) -> list[str]:
    known = select(Area.code).where(Area.kind == AreaKind.TOWNSHIP, Area.valid_to.is_(None)).order_by(Area.code)
    return list(session.scalars(known))


def _midnights(first: datetime, end: datetime) -> Iterator[datetime]:
    """By the city's clock."""
    day = datetime.combine(first.astimezone(CITY_TIME).date(), time(), CITY_TIME)
    while day < end:
        yield day
        day += DAY
