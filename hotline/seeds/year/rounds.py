"""What is done at set hours of the simulated year: the timetable, the callback desk, the rulings, the month's closing."""

from datetime import datetime, time, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.seeds.cast import Cast
from hotline.seeds.year import people
from hotline.seeds.year.lives import rework, say
from hotline.seeds.year.world import HOUR, MINUTE, Life, World
from hotline.services import archiving, outbox, surveys
from hotline.services.access import Me
from hotline.services.alerts import rule as alert_rules
from hotline.services.alerts import watching
from hotline.services.clocks import alarms
from hotline.services.monthly import reports
from hotline.services.monthly.months import Month
from hotline.services.scores import periods, sums
from hotline.services.survey_plans import control, desk, plans, pressure
from models import AttemptOutcome, Case, Ruling, ScoreChange, Survey, new_id, now
from models.base import CITY_TIME, as_if

KEPT_IN_OUTBOX = timedelta(days=7)
MORNING, AFTERNOON, EVENING = 9, 15, 21
WATCH_EVERY = 5 * MINUTE
UNREACHED = (AttemptOutcome.NO_ANSWER, AttemptOutcome.BUSY, AttemptOutcome.SWITCHED_OFF)
REACHED, REWORKED = 0.6, 0.85


def rounds(world: World, at: datetime) -> Life:
    """Three times a day."""
    while True:
        hour = at.astimezone(CITY_TIME).hour
        with as_if(at):
            _timetable(world)
            if hour in (MORNING, AFTERNOON):
                _call_citizens(world)
            if hour == EVENING:
                _end_day(world)
        if hour == MORNING:
            world.expect(at + HOUR, _pretend(world, at + HOUR))
            world.expect(at + HOUR, _supervise(world, at + HOUR))
            world.expect(at + 2 * HOUR, _rule(world, at + 2 * HOUR))
        at += 12 * HOUR if hour == EVENING else 6 * HOUR
        yield at


def watch(world: World, at: datetime) -> Life:
    """What the watch does each minute; here less often, and only when enough were filed for it to find something."""
    session = world.cast.session
    cluster = alert_rules.current(session).cluster
    while True:
        world.filed = [moment for moment in world.filed if moment > at - cluster.within]
        if len(world.filed) >= cluster.least:
            with as_if(at):
                _look_around(world)
        at += WATCH_EVERY
        yield at


def add_up(session: Session) -> None:
    """The sums of all days that changed."""
    sums.refresh(session)
    while session.scalar(select(ScoreChange.day).limit(1)) is not None:
        sums.refresh(session)


def _timetable(world: World) -> None:
    session = world.cast.session
    world.cast.receive_receipts()
    alarms.ring(session)
    plans.run_due(session)
    surveys.lapse(session)
    world.cast.follow()
    _look_around(world)


def _look_around(world: World) -> None:
    session = world.cast.session
    watching.settle(session, watching.look(session))
    world.cast.follow()


def _end_day(world: World) -> None:
    session = world.cast.session
    world.cast.go_home(but=world.busy())
    pressure.look(session)
    archiving.archive_closed(session)
    world.cast.follow()
    outbox.forget(session, before=now() - KEPT_IN_OUTBOX)


def _call_citizens(world: World) -> None:
    session, chance = world.cast.session, world.chance
    for line in desk.lines(session):
        opinion = world.opinions.get(_case_of(session, line.number))
        if opinion is not None and chance.random() < REACHED:
            world.cast.hear(line, opinion)
        else:
            world.cast.miss(line, chance.choice(UNREACHED))
    for check in control.lines(session):
        opinion = world.opinions.get(check.control.case_id)
        world.cast.control(check, confirmed=opinion is None or opinion.solved)


def _pretend(world: World, at: datetime) -> Life:
    """The unit's people answer for its citizens, one after the other, from one desk."""
    closed, world.to_pretend = world.to_pretend, []
    for case_id in closed:
        if not _has_answered(world, case_id):
            say(world, case_id, people.PRETENDED, people.office(people.DISHONEST_UNIT), at=at)
        at += 2 * MINUTE
        yield at


def _has_answered(world: World, case_id: UUID) -> bool:
    open_one = select(Survey.id).where(Survey.case_id == case_id, Survey.answered_at.is_(None), Survey.lapsed_at.is_(None))
    return world.cast.session.scalar(open_one) is None


def _rule(world: World, at: datetime) -> Life:
    for case_id in world.cast.waiting_for_ruling():
        ruling = Ruling.REWORK if world.chance.random() < REWORKED else Ruling.EXPLAINED
        world.cast.rule(world.cast.case(case_id), ruling, at=at)
        if ruling == Ruling.REWORK:
            world.expect(at + HOUR, rework(world, case_id, at + HOUR))
    yield from ()


def _supervise(world: World, at: datetime) -> Life:
    """Units answer measures; a month is closed as soon as it may be."""
    with as_if(at):
        world.cast.answer_measures()
        if world.closes_months:
            close_month(world.cast)
    yield from ()


def close_months(cast: Cast) -> None:
    """All that the rule allows by now, each on the morning of its first day."""
    while (closing := periods.next_closing(cast.session)) is not None and closing.is_due:
        with as_if(min(datetime.combine(closing.from_day, time(MORNING + 1), CITY_TIME), now())):
            if not close_month(cast):
                return


def close_month(cast: Cast) -> bool:
    """The next one, with its report signed, if nothing stands in the way."""
    closing = periods.next_closing(cast.session)
    if closing is None or not closing.is_due or closing.open_appeals:
        return False
    supervisor = cast["supervisor1"]
    me = Me(supervisor.id, new_id(), supervisor.username, supervisor.name, supervisor.roles, None, "", "")
    add_up(cast.session)
    periods.close(cast.session, closing.month, by=me.actor)
    reports.sign(cast.session, Month(closing.month), reports.CITY, remark="", by=me)
    cast.follow()
    return True


def _case_of(session: Session, number: str) -> UUID:
    return session.scalars(select(Case.id).where(Case.number == number)).one()
