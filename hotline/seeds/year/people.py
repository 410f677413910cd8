"""How units work and what citizens think of it: most are decent, one is late and unwilling, one closes what it has not solved."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from hotline.services.survey_plans.traces import Origin
from models import Grade

# The housing office is overstrained; the city management office tidies its figures.
BAD_UNIT, DISHONEST_UNIT = "ZJJ", "CGJ"
GOOD_GRADES = (Grade.VERY_SATISFIED, Grade.SATISFIED, Grade.FAIRLY_SATISFIED)
BAD_GRADES = (Grade.DISSATISFIED, Grade.VERY_DISSATISFIED)


@dataclass(frozen=True)
class Habits:
    """Shares of the unit's cases."""

    late: float = 0.04
    returned: float = 0.03
    talked: float = 0.85
    solved: float = 0.88
    # Of the limit for the answer, where it is kept.
    pace: tuple[float, float] = (0.2, 0.9)
    # Answers surveys itself, in the citizens' place.
    answers_itself: bool = False


DECENT = Habits()
HABITS: Mapping[str, Habits] = {
    BAD_UNIT: Habits(late=0.45, returned=0.3, talked=0.4, solved=0.5),
    DISHONEST_UNIT: Habits(late=0.0, returned=0.0, solved=0.45, pace=(0.05, 0.3), answers_itself=True),
}


@dataclass(frozen=True)
class Opinion:
    solved: bool
    result: Grade
    unit: Grade
    remark: str = ""


PRETENDED = Opinion(True, Grade.VERY_SATISFIED, Grade.VERY_SATISFIED)


def habits_of(unit_code: str) -> Habits:
    return HABITS.get(unit_code, DECENT)


def opinion(habits: Habits, chance: random.Random, *, after_rework: bool = False) -> Opinion:
    solved = chance.random() < (0.9 if after_rework else habits.solved)
    if solved:
        return Opinion(True, chance.choices(GOOD_GRADES, (4, 5, 1))[0], chance.choices(GOOD_GRADES, (5, 4, 1))[0])
    unit = chance.choice((Grade.FAIRLY_SATISFIED, *BAD_GRADES))
    return Opinion(
        False,
        chance.choice(BAD_GRADES),
        unit,
        chance.choice(("问题还在，没有人来过。", "只修了一半。", "说办好了，其实没有动。")),
    )


def origin(citizen: int) -> Origin:
    """Where a citizen answers: a place of the citizen's own."""
    return Origin(f"198.51.{citizen // 250 % 250}.{citizen % 250}", f"citizen {citizen}")


def office(unit_code: str) -> Origin:
    """Where a unit's people answer: one address and one program."""
    return Origin("192.0.2.1", f"office {unit_code}")
