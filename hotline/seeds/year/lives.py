"""The life of one case, act by act: each yields the moment of its next act."""

import random
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from hotline.seeds.letters import Letter
from hotline.seeds.year import people
from hotline.seeds.year.acting import YearCast
from hotline.seeds.year.people import Habits, Opinion
from hotline.services.cases import How
from hotline.services.survey_plans.traces import Origin
from models import CaseStatus, Contact, Verdict
from models.base import CITY_TIME

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
AGENTS, MOST_OPEN = 24, 2
CHANNELS = {"mailbox": 6, "wechat": 3, "sms": 1}
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦许何吕施张孔曹严华金魏陶姜"
ANSWERS_BY_ITSELF, RETURNS_GRANTED, SENT_BACK = 0.4, 0.4, 0.05
FROM_HOUR, TO_HOUR = 8, 20
HEAP_DAYS = 2

Life = Iterator[datetime]
Part = Generator[datetime, None, datetime]  # gives the moment at which it ended


@dataclass
class World:
    """What is known of the whole year while it is played."""

    chance: random.Random
    cast: YearCast
    opinions: dict[UUID, Opinion] = field(default_factory=dict)
    letters: dict[UUID, Letter] = field(default_factory=dict)
    # Closed cases of a unit that will answer in its citizens' place.
    to_pretend: list[UUID] = field(default_factory=list)
    open_contacts: dict[str, int] = field(default_factory=lambda: {f"agent{n}": 0 for n in range(1, AGENTS + 1)})
    citizens: int = 0
    contacts: int = 0
    filed: list[datetime] = field(default_factory=list)

    def agent(self) -> str | None:
        free = [name for name, count in self.open_contacts.items() if count < MOST_OPEN]
        return self.chance.choice(free) if free else None


def life(world: World, letter: Letter, at: datetime, channel: str) -> Life:
    chance = world.chance
    world.contacts += 1
    world.citizens += 1
    citizen = world.citizens
    contact_id = world.cast.write(letter, at=at, channel=channel, name=_name(chance), number=_number(citizen)).id
    at += chance.uniform(1, 14) * MINUTE
    yield at
    while (agent := world.agent()) is None:
        at += 3 * MINUTE
        yield at
    world.open_contacts[agent] += 1
    world.cast.take(_contact(world, contact_id), by=agent, at=at)
    at += chance.uniform(2, 9) * MINUTE
    yield at
    how: How = "answer" if letter.kind == "inquiry" and chance.random() < 0.8 else "dispatch"
    case = world.cast.file(_contact(world, contact_id), letter, by=agent, at=at, how=how)
    world.open_contacts[agent] -= 1
    world.filed.append(at)
    if how == "dispatch":
        world.letters[case.id] = letter
        yield from _at_unit(world, case.id, citizen, at)


def rework(world: World, case_id: UUID, at: datetime) -> Life:
    """二次办理: the same unit, with the citizen's word."""
    at += 30 * MINUTE
    yield at
    case = world.cast.case(case_id)
    if case.status == CaseStatus.REOPENED:
        world.cast.dispatch_again(case, at=at)
        world.citizens += 1
        yield from _at_unit(world, case_id, world.citizens, at, again=True)


def _at_unit(world: World, case_id: UUID, citizen: int, at: datetime, *, again: bool = False) -> Part:
    at = at_work(at + world.chance.uniform(5, 80) * MINUTE)
    yield at
    if not again and world.chance.random() < _habits(world, case_id).returned:
        at = yield from _given_back(world, case_id, at)
    habits = _habits(world, case_id)
    at = yield from _worked_on(world, case_id, habits, at)
    at = yield from _checked(world, case_id, at)
    opinion = world.opinions[case_id] = people.opinion(habits, world.chance, after_rework=again)
    if habits.answers_itself and not again:
        world.to_pretend.append(case_id)
    elif world.chance.random() < ANSWERS_BY_ITSELF:
        at += world.chance.uniform(0.5, 20) * HOUR
        yield at
        say(world, case_id, opinion, people.origin(citizen), at=at)
    return at


def _given_back(world: World, case_id: UUID, at: datetime) -> Part:
    world.cast.ask_return(world.cast.case(case_id), at=at)
    at = at_work(at + world.chance.uniform(1, 4) * HOUR)
    yield at
    world.cast.decide_return(world.cast.case(case_id), grant=world.chance.random() < RETURNS_GRANTED, at=at)
    at = at_work(at + world.chance.uniform(5, 80) * MINUTE)
    yield at
    return at


def _worked_on(world: World, case_id: UUID, habits: Habits, at: datetime) -> Part:
    world.cast.sign(world.cast.case(case_id), at=at)
    began, due = at, world.cast.lead(world.cast.case(case_id)).due_at or at + DAY
    if world.chance.random() < habits.talked:
        at += world.chance.uniform(3, 50) * MINUTE
        yield at
        world.cast.talk(world.cast.case(case_id), at=at)
    is_late = world.chance.random() < habits.late
    share = world.chance.uniform(1.1, 2.6) if is_late else world.chance.uniform(*habits.pace)
    at = max(at + 5 * MINUTE, _moment_of_answer(habits, began + (due - began) * share, due))
    yield at
    world.cast.answer(world.cast.case(case_id), world.letters[case_id], at=at)
    return at


def _moment_of_answer(habits: Habits, wished: datetime, due: datetime) -> datetime:
    """A unit that closes in heaps does so on its day, however far the matter is."""
    heap = wished.astimezone(CITY_TIME)
    heap = heap.replace(hour=16, minute=0) + DAY * (-heap.toordinal() % HEAP_DAYS)
    return heap if habits.answers_itself and wished <= heap < due else at_work(wished)


def _checked(world: World, case_id: UUID, at: datetime) -> Part:
    at = at_work(at + world.chance.uniform(0.5, 4) * HOUR)
    yield at
    if world.chance.random() < SENT_BACK:
        world.cast.check(world.cast.case(case_id), Verdict.SENT_BACK, at=at)
        at = at_work(at + world.chance.uniform(3, 9) * HOUR)
        yield at
        world.cast.answer(world.cast.case(case_id), world.letters[case_id], at=at)
        at = at_work(at + world.chance.uniform(0.5, 4) * HOUR)
        yield at
    world.cast.check(world.cast.case(case_id), Verdict.PASSED, at=at)
    return at


def say(world: World, case_id: UUID, opinion: Opinion, origin: Origin, *, at: datetime) -> None:
    """On the page of the survey."""
    case = world.cast.case(case_id)
    grades = {"result": opinion.result, "unit": opinion.unit}
    world.cast.survey(case, solved=opinion.solved, **grades, remark=opinion.remark, at=at, origin=origin)


def at_work(at: datetime) -> datetime:
    """Then, or at the beginning of the next day's work."""
    local = at.astimezone(CITY_TIME)
    if FROM_HOUR <= local.hour < TO_HOUR:
        return at
    morning = local.replace(hour=FROM_HOUR, minute=local.minute)
    return morning if local.hour < FROM_HOUR else morning + DAY


def _habits(world: World, case_id: UUID) -> Habits:
    return people.habits_of(world.cast.unit_of(world.cast.case(case_id)).code)


def _contact(world: World, contact_id: UUID) -> Contact:
    return world.cast.session.get_one(Contact, contact_id)


def _name(chance: random.Random) -> str:
    return chance.choice(SURNAMES) + chance.choice(["女士", "先生"])


def _number(citizen: int) -> str:
    """Ten thousand different ones, one after another."""
    return f"1380900{citizen * 7919 % 10_000:04}"
