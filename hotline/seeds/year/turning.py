"""How citizens turn to the hotline: by a text or a call, until an agent has heard them and files what they said."""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hotline.seeds.letters import Letter
from hotline.seeds.year.exchange import Line
from hotline.seeds.year.world import MINUTE, MOST_OPEN, SECOND, World, name_of, number_of
from hotline.services.cases import How
from hotline.services.queue_rule import VOICE
from models import Case

NOTICE = 6 * SECOND
LEFT_IN_NOTICE, RATED, SAID_NOTHING = 0.01, 0.45, 0.03
# Seconds on average: until a telephone rings, and until a caller gives up. Who gave up rings again.
PICKED_UP, PATIENCE = 8, 150
GRADES = {5: 60, 4: 25, 3: 8, 2: 4, 1: 3}
ANSWERED_AT_ONCE = 0.8


@dataclass(frozen=True)
class Heard:
    """A contact that an agent has, and what is left to the agent: so much of the desk."""

    contact_id: UUID
    agent: str
    at: datetime
    load: int


Hearing = Generator[datetime, None, Heard]
Filing = Generator[datetime, None, Case | None]


def filed(world: World, letter: Letter, at: datetime, channel: str, citizen: int, *, same_as: UUID | None = None) -> Filing:
    """The case; None if nothing was said. `same_as`: what the citizen has turned to the hotline with before."""
    hearing = _called if channel == VOICE else _wrote
    heard = yield from hearing(world, letter, at, channel, citizen)
    cast, agent = world.cast, heard.agent
    contact = world.contact(heard.contact_id)
    case = None
    if channel == VOICE and world.chance.random() < SAID_NOTHING:
        cast.void(contact, by=agent, at=heard.at)
    else:
        if same_as is not None:
            cast.find_same(contact, cast.case(same_as), by=agent, at=heard.at)
        at_once = letter.kind == "inquiry" and world.chance.random() < ANSWERED_AT_ONCE
        how: How = "answer" if at_once else "dispatch"
        case = cast.file(contact, letter, by=agent, at=heard.at, how=how)
        world.filed.append(heard.at)
    if channel == VOICE:
        cast.write_up(agent, at=heard.at)
    world.open_contacts[agent] -= heard.load
    return case


def _wrote(world: World, letter: Letter, at: datetime, channel: str, citizen: int) -> Hearing:
    chance = world.chance
    world.contacts += 1
    number = number_of(citizen)
    contact_id = world.cast.write(letter, at=at, channel=channel, name=name_of(chance), number=number).id
    at += chance.uniform(1, 14 if channel == "mailbox" else 3) * MINUTE
    yield at
    while (agent := world.agent()) is None:
        at += 3 * MINUTE
        yield at
    world.open_contacts[agent] += 1
    world.cast.take(world.contact(contact_id), by=agent, at=at)
    at += chance.uniform(2, 9) * MINUTE
    yield at
    return Heard(contact_id, agent, at, load=1)


def _called(world: World, letter: Letter, at: datetime, channel: str, citizen: int) -> Hearing:
    chance = world.chance
    while True:
        world.calls += 1
        world.contacts += 1
        line = Line(world.calls)
        contact_id = line.arrive(world.cast, number=number_of(citizen), at=at)
        at += NOTICE
        yield at
        agent, at = yield from _waited(world, line, at)
        if agent is not None:
            break
        at += chance.uniform(4, 40) * MINUTE
        yield at
    world.open_contacts[agent] += MOST_OPEN
    line.answer(world.cast, by=agent, at=at)
    at += chance.uniform(1.2, 5) * MINUTE
    yield at
    grade = chance.choices(list(GRADES), list(GRADES.values()))[0] if chance.random() < RATED else None
    line.end(world.cast, at=at, grade=grade)
    at += chance.uniform(0.4, 2.5) * MINUTE
    yield at
    return Heard(contact_id, agent, at, load=MOST_OPEN)


def _waited(world: World, line: Line, at: datetime) -> Generator[datetime, None, tuple[str | None, datetime]]:
    """Who answers; nobody, if the caller hangs up before."""
    chance = world.chance
    if chance.random() < LEFT_IN_NOTICE:
        line.end(world.cast, at=at)
        return None, at
    line.wait(world.cast, at=at)
    gives_up = at + chance.expovariate(1 / PATIENCE) * SECOND
    at += (1 + chance.expovariate(1 / PICKED_UP)) * SECOND
    yield min(at, gives_up)
    while at < gives_up and (agent := world.idle_agent()) is None:
        at += 10 * SECOND
        yield min(at, gives_up)
    if at < gives_up:
        return agent, at
    line.end(world.cast, at=gives_up)
    return None, gives_up
