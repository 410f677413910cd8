"""About 120 demo contacts and cases in every state, from letters of the last forty days up to this minute."""

import random
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import cycle

from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.seeds import beside, hard, systems, year
from hotline.seeds.cast import Cast
from hotline.seeds.letters import Letter, all_letters
from hotline.seeds.year import rounds
from hotline.seeds.year.world import name_of
from hotline.services import triage
from hotline.services.clocks import alarms
from hotline.settings import Settings
from models import Case, Contact, Grade, Verdict, now

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
GREETING = "您好，您反映的情况已收到，正在为您核实，请稍候。"
# What those who were answered in a conversation reply when they are asked how the agent was; two say nothing.
RATINGS = ("5", "非常满意", "4", "5", "", "3", "满意", "5", "", "2")
# The same demo every time.
SEED = 12345
# Of the days before: so many contacts each.
A_DAY = 6
NOTHING = year.Played(contacts=0, acts=0)


class UpTo(StrEnum):
    """How far a letter has got."""

    WAITING = "waiting"
    VOID = "void"
    REDIRECTED = "redirected"
    DIRECT = "direct"
    TO_DISPATCH = "to_dispatch"
    DISPATCHED = "dispatched"
    SIGNED = "signed"
    RETURN_ASKED = "return_asked"
    ANSWERED = "answered"
    SENT_BACK = "sent_back"
    CLOSED = "closed"
    SATISFIED = "satisfied"
    DISSATISFIED = "dissatisfied"
    REOPENED = "reopened"


@dataclass(frozen=True)
class Batch:
    up_to: UpTo
    count: int
    # When the first and the last of them arrived, before now.
    first: timedelta
    last: timedelta
    channel: str = "mailbox"


BATCHES = (
    Batch(UpTo.SATISFIED, 4, 40 * DAY, 36 * DAY),
    Batch(UpTo.SATISFIED, 6, 20 * DAY, 8 * DAY),
    Batch(UpTo.SATISFIED, 22, 7 * DAY, 60 * HOUR),
    Batch(UpTo.DIRECT, 9, 9 * DAY, 3 * HOUR),
    Batch(UpTo.DIRECT, 10, 10 * HOUR, 30 * MINUTE, channel="wechat"),
    Batch(UpTo.REDIRECTED, 4, 6 * DAY, 5 * HOUR),
    Batch(UpTo.VOID, 3, 5 * DAY, 6 * HOUR),
    Batch(UpTo.DISSATISFIED, 2, 7 * DAY, 5 * DAY),
    Batch(UpTo.REOPENED, 2, 9 * DAY, 6 * DAY),
    Batch(UpTo.CLOSED, 9, 4 * DAY, 3 * DAY),
    Batch(UpTo.SENT_BACK, 3, 3 * DAY, 56 * HOUR),
    Batch(UpTo.ANSWERED, 8, 60 * HOUR, 36 * HOUR),
    Batch(UpTo.SIGNED, 5, 5 * DAY, 80 * HOUR),  # past their limit
    Batch(UpTo.SIGNED, 13, 70 * HOUR, 3 * HOUR),
    Batch(UpTo.RETURN_ASKED, 5, 20 * HOUR, 4 * HOUR),
    Batch(UpTo.DISPATCHED, 4, 9 * HOUR, 4 * HOUR),  # not signed in time
    Batch(UpTo.DISPATCHED, 8, 110 * MINUTE, 45 * MINUTE),
    Batch(UpTo.TO_DISPATCH, 5, 100 * MINUTE, 40 * MINUTE),
    Batch(UpTo.WAITING, 6, 5 * HOUR, 4 * MINUTE),
    Batch(UpTo.WAITING, 3, 6 * MINUTE, MINUTE, channel="wechat"),
    Batch(UpTo.WAITING, 2, 4 * MINUTE, MINUTE, channel="sms"),
)


def load_cases(database: Database, settings: Settings) -> int:
    """All of them or none, and the days before them, in one transaction; returns how many."""
    triage.start(settings)
    with database.unit_of_work() as session:
        before = _days_before(session, settings) if settings.demo_days else NOTHING
        story = Story(Cast(session, acts=before.acts))
        for batch in BATCHES:
            story.play(batch)
        others = beside.play(story.cast) + hard.play(story.cast) + systems.play(story.cast, settings)
        story.cast.archive()
        story.cast.add_up()
        if settings.demo_days:
            rounds.close_months(story.cast)
        alarms.ring(session)
    return before.contacts + others + sum(batch.count for batch in BATCHES)


def _days_before(session: Session, settings: Settings) -> year.Played:
    """A part of the simulated year, up to this minute; its months are closed when the other cases are in them."""
    end, days = now(), settings.demo_days
    return year.play(
        lambda: nullcontext(session),
        settings,
        first=end - days * DAY,
        end=end,
        contacts=days * A_DAY,
        seed=SEED,
        closes_months=False,
    )


class Story:
    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self._now = now()
        self._letters = cycle(all_letters())
        self._ratings = cycle(RATINGS)
        self._agents = cycle(["agent1", "agent2", "agent3", "agent4", "agent5"])
        self._chance = random.Random(SEED)  # noqa: S311

    def play(self, batch: Batch) -> None:
        for letter, start in zip(self._letters, self._starts(batch), strict=False):
            moments = self._moments(start, taken_within=(12 if batch.channel == "mailbox" else 2) * MINUTE)
            name = name_of(self._chance)
            contact = self.cast.write(letter, at=next(moments), channel=batch.channel, name=name, number=self._number())
            if batch.up_to != UpTo.WAITING:
                self._at_the_centre(batch.up_to, letter, contact, moments)

    def _starts(self, batch: Batch) -> Iterator[datetime]:
        step = (batch.first - batch.last) / max(1, batch.count - 1)
        return (self._now - batch.first + step * number for number in range(batch.count))

    def _moments(self, start: datetime, *, taken_within: timedelta) -> Iterator[datetime]:
        """Arrival, taken, filed, signed, talked, answered, checked, surveyed, decided; never later than now."""
        yield start
        at = start
        for longest in (taken_within, 10 * MINUTE, 55 * MINUTE, 40 * MINUTE, 26 * HOUR, 5 * HOUR, 20 * HOUR, 8 * HOUR):
            at += longest * self._chance.uniform(0.3, 1.0)
            yield min(at, self._now - MINUTE)

    def _at_the_centre(self, up_to: UpTo, letter: Letter, contact: Contact, moments: Iterator[datetime]) -> None:
        agent = next(self._agents)
        self.cast.take(contact, by=agent, at=next(moments))
        filed_at = next(moments)
        if up_to == UpTo.VOID:
            self.cast.void(contact, by=agent, at=filed_at)
        elif up_to == UpTo.DIRECT:
            self._answer(contact, letter, by=agent, at=filed_at)
        elif up_to == UpTo.REDIRECTED:
            self.cast.file(contact, letter, by=agent, at=filed_at, how="redirect")
        else:
            to_unit = up_to != UpTo.TO_DISPATCH
            case = self.cast.file(contact, letter, by=agent, at=filed_at, how="dispatch", to_unit=to_unit)
            if to_unit and up_to != UpTo.DISPATCHED:
                self._in_the_unit(up_to, letter, case, moments)

    def _answer(self, contact: Contact, letter: Letter, *, by: str, at: datetime) -> None:
        if contact.channel == "mailbox":
            self.cast.file(contact, letter, by=by, at=at, how="answer")
            return
        self.cast.reply(contact, GREETING, by=by, at=at)
        self.cast.file(contact, letter, by=by, at=at, how="answer")
        if rating := next(self._ratings):
            self.cast.rate(contact, letter.model_copy(update={"text": rating}), at=min(at + 5 * MINUTE, self._now - MINUTE))

    def _in_the_unit(self, up_to: UpTo, letter: Letter, case: Case, moments: Iterator[datetime]) -> None:
        if up_to == UpTo.RETURN_ASKED:
            self.cast.ask_return(case, at=next(moments))
            return
        self.cast.sign(case, at=next(moments))
        talked_at = next(moments)
        if self._chance.random() < 0.8:
            self.cast.talk(case, at=talked_at)
        if up_to == UpTo.SIGNED:
            self.cast.send_down(case, at=min(talked_at + 5 * MINUTE, self._now - MINUTE))
            return
        self.cast.answer(case, letter, at=next(moments))
        if up_to != UpTo.ANSWERED:
            self._after_the_answer(up_to, case, moments)

    def _after_the_answer(self, up_to: UpTo, case: Case, moments: Iterator[datetime]) -> None:
        verdict = Verdict.SENT_BACK if up_to == UpTo.SENT_BACK else Verdict.PASSED
        self.cast.check(case, verdict, at=next(moments))
        if up_to == UpTo.SATISFIED:
            result, unit = self._chance.choice(list(Grade)[:3]), self._chance.choice(list(Grade)[:2])
            self.cast.survey(case, solved=True, result=result, unit=unit, remark="", at=next(moments))
        elif up_to in (UpTo.DISSATISFIED, UpTo.REOPENED):
            grade = Grade.DISSATISFIED
            self.cast.survey(case, solved=False, result=grade, unit=grade, remark="只修了一半，问题还在。", at=next(moments))
            if up_to == UpTo.REOPENED:
                self.cast.reopen(case, at=next(moments))

    def _number(self) -> str:
        return f"1380900{self._chance.randrange(10_000):04}"
