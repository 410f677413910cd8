"""The life of one case, act by act: each yields the moment of its next act."""

from datetime import datetime
from uuid import UUID

from hotline.seeds.letters import Letter
from hotline.seeds.year import people
from hotline.seeds.year.people import Habits, Opinion
from hotline.seeds.year.turning import filed
from hotline.seeds.year.world import DAY, HOUR, MINUTE, Life, Part, Wave, World, at_work
from hotline.services.queue_rule import VOICE
from hotline.services.survey_plans.traces import Origin
from models import CaseStatus, ClosureKind, Verdict
from models.base import CITY_TIME
from models.workflow import CASE_OPEN

CHANNELS = {VOICE: 12, "mailbox": 4, "wechat": 3, "sms": 1}
ANSWERS_BY_ITSELF, RETURNS_GRANTED, SENT_BACK = 0.4, 0.4, 0.05
WITHDRAWN, WANTS_TIME, TIME_GRANTED, ASKS_AGAIN = 0.02, 0.05, 0.7, 0.03
HEAP_DAYS = 3
STORM_NEWS = "受雷雨大风影响，抢修人员已在现场处置，预计今晚恢复，请注意安全。"


def life(world: World, letter: Letter, at: datetime, channel: str, wave: Wave | None = None) -> Life:
    world.citizens += 1
    citizen = world.citizens
    case = yield from filed(world, letter, at, channel, citizen)
    if case is None or case.closure == ClosureKind.DIRECT:
        return
    case_id, at = case.id, case.created_at
    world.letters[case_id] = letter
    if wave is not None:
        wave.cases.append(case_id)
        at = max(at, wave.gathers_at)
        yield at
        if case_id in wave.follow:
            return
    elif not case.is_shielded and world.chance.random() < ASKS_AGAIN:
        again = at + 2 * DAY
        world.expect(again, ask_again(world, case_id, letter, citizen, again))
    yield from _at_unit(world, case_id, citizen, at, steady=wave is not None)


def gather(world: World, wave: Wave) -> Life:
    """The dispatcher makes one incident of what one wave of the storm has brought so far."""
    found = [world.cast.case(case_id) for case_id in wave.cases]
    if len(found) > 1:
        world.cast.gather(found, title=f"雷雨大风：{found[0].title}", news=STORM_NEWS, at=wave.gathers_at)
        wave.follow.update(case.id for case in found[1:])
        for case in found[1:]:
            world.opinions[case.id] = people.opinion(people.DECENT, world.chance)
    yield from ()


def ask_again(world: World, case_id: UUID, letter: Letter, citizen: int, at: datetime) -> Life:
    """The citizen rings if nothing has come of it yet."""
    if world.cast.case(case_id).status not in CASE_OPEN:
        return
    again = letter.model_copy(
        update={"title": f"{letter.title}（再次反映）", "text": f"前天已经反映过，还没有解决：{letter.text}"}
    )
    case = yield from filed(world, again, at, VOICE, citizen, same_as=case_id)
    if case is not None and case.closure != ClosureKind.DIRECT:
        world.letters[case.id] = again
        yield from _at_unit(world, case.id, citizen, case.created_at)


def rework(world: World, case_id: UUID, at: datetime) -> Life:
    """二次办理: the same unit, with the citizen's word."""
    at += 30 * MINUTE
    yield at
    case = world.cast.case(case_id)
    if case.status == CaseStatus.REOPENED:
        world.cast.dispatch_again(case, at=at)
        world.citizens += 1
        yield from _at_unit(world, case_id, world.citizens, at, again=True, steady=True)


def _at_unit(world: World, case_id: UUID, citizen: int, at: datetime, *, again: bool = False, steady: bool = False) -> Part:
    """`again`: it was done before. `steady`: it is neither given back nor withdrawn, for others may follow it."""
    at = at_work(at + world.chance.uniform(5, 80) * MINUTE)
    yield at
    if not steady and world.chance.random() < _habits(world, case_id).returned:
        at = yield from _given_back(world, case_id, at)
    habits = _habits(world, case_id)
    at = yield from _begun(world, case_id, habits, at)
    if not steady and world.chance.random() < WITHDRAWN:
        at += world.chance.uniform(1, 5) * HOUR
        yield at
        world.cast.withdraw(world.cast.case(case_id), at=at)
        return at
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


def _begun(world: World, case_id: UUID, habits: Habits, at: datetime) -> Part:
    world.cast.sign(world.cast.case(case_id), at=at)
    if world.chance.random() < habits.talked:
        at += world.chance.uniform(3, 50) * MINUTE
        yield at
        world.cast.talk(world.cast.case(case_id), at=at)
    if world.chance.random() < WANTS_TIME and world.cast.ask_for_time(world.cast.case(case_id), at=at):
        at = at_work(at + world.chance.uniform(1, 4) * HOUR)
        yield at
        granted = world.chance.random() < TIME_GRANTED
        world.cast.decide_time(world.cast.case(case_id), grant=granted, at=at)
    return at


def _worked_on(world: World, case_id: UUID, habits: Habits, at: datetime) -> Part:
    began, due = at, world.cast.lead(world.cast.case(case_id)).due_at or at + DAY
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


def _habits(world: World, case_id: UUID) -> Habits:
    return people.habits_of(world.cast.unit_of(world.cast.case(case_id)).code)
