"""What is known of the whole year while it is played, and what its other files share."""

import random
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from hotline.seeds.letters import Letter
from hotline.seeds.year.acting import YearCast
from hotline.seeds.year.people import Opinion
from models import Contact
from models.base import CITY_TIME

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
AGENTS, ON_DUTY, MOST_OPEN = 24, 8, 2
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦许何吕施张孔曹严华金魏陶姜"
FROM_HOUR, TO_HOUR = 8, 20

Life = Iterator[datetime]
Part = Generator[datetime, None, datetime]  # gives the moment at which it ended


@dataclass
class Wave:
    """One kind of harm of the storm: its cases, gathered at one moment, follow the first of them."""

    gathers_at: datetime
    cases: list[UUID] = field(default_factory=list)
    follow: set[UUID] = field(default_factory=set)


@dataclass
class World:
    chance: random.Random
    cast: YearCast
    # From this moment on the life is played too.
    expect: Callable[[datetime, Life], None]
    closes_months: bool = True
    opinions: dict[UUID, Opinion] = field(default_factory=dict)
    letters: dict[UUID, Letter] = field(default_factory=dict)
    # Closed cases of a unit that will answer in its citizens' place.
    to_pretend: list[UUID] = field(default_factory=list)
    open_contacts: dict[str, int] = field(default_factory=lambda: {f"agent{n}": 0 for n in range(1, AGENTS + 1)})
    on_duty: Sequence[str] = ()
    citizens: int = 0
    contacts: int = 0
    calls: int = 0
    filed: list[datetime] = field(default_factory=list)

    def begin_day(self, cast: YearCast) -> None:
        self.cast = cast
        self.on_duty = self.chance.sample(list(self.open_contacts), ON_DUTY)

    def agent(self) -> str | None:
        """For a text; when all on duty have enough, a colleague is called in."""
        return self._pick(most=MOST_OPEN - 1)

    def idle_agent(self) -> str | None:
        """For a call."""
        return self._pick(most=0)

    def _pick(self, *, most: int) -> str | None:
        free = [name for name, count in self.open_contacts.items() if count <= most]
        here = [name for name in free if name in self.on_duty]
        return self.chance.choice(here or free) if free else None

    def busy(self) -> list[str]:
        return [name for name, count in self.open_contacts.items() if count]

    def contact(self, contact_id: UUID) -> Contact:
        return self.cast.session.get_one(Contact, contact_id)


def name_of(chance: random.Random) -> str:
    return chance.choice(SURNAMES) + chance.choice(["女士", "先生"])


def number_of(citizen: int) -> str:
    """Ten thousand different ones, one after another."""
    return f"1380902{citizen * 7919 % 10_000:04}"


def at_work(at: datetime) -> datetime:
    """Then, or at the beginning of the next day's work."""
    local = at.astimezone(CITY_TIME)
    if FROM_HOUR <= local.hour < TO_HOUR:
        return at
    morning = local.replace(hour=FROM_HOUR, minute=local.minute)
    return morning if local.hour < FROM_HOUR else morning + DAY
