"""Every figure's formula in the engineers' words, for docs/scores.md; the words on the screens are the rule's."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from hotline.services.profiles.profiles import Indicator
from hotline.services.scores.rule import Measure


@dataclass(frozen=True)
class Formula:
    counts: str
    of: str
    whose: str = "the unit that led at the end"


ANSWERED = "closed cases whose citizen answered the survey, or of whose silence the rule makes something"
OPINION = "answer of the latest round that was answered: {} (a correction within 24 hours replaces it)"
CLOSED = "closed cases that a unit led"

FORMULAS: Mapping[Indicator | Measure, Formula] = {
    Indicator.CONTACT: Formula("`contacted_at` ≤ `contact_due_at` of the lead assignment", CLOSED),
    Indicator.ON_TIME: Formula(
        "every ANSWER event of the lead assignment came by the due time that stood then (extensions, pauses, rework)", CLOSED
    ),
    Indicator.RESOLUTION: Formula(OPINION.format("solved"), f"{ANSWERED}; without what stands on the ledger and is not solved"),
    Indicator.SATISFACTION: Formula(OPINION.format("result among the first three of five grades"), ANSWERED),
    Indicator.UNIT_SATISFACTION: Formula(OPINION.format("unit among the first three of five grades"), ANSWERED),
    Indicator.RETURN: Formula("a lead assignment of the unit was given back", CLOSED, "each unit that ever led the case"),
    Indicator.FIRST_DISPATCH: Formula("no lead assignment was given back", CLOSED),
    Indicator.REPEAT: Formula("the case is tied to an earlier one as its repeat", CLOSED),
    Indicator.FIT: Formula("the latest mark of a quality judge, of 100", "closed cases that a quality judge has marked"),
    Indicator.REWORK: Formula("a REWORK or REOPEN event is in its history", CLOSED),
    Measure.FIRST_CONTACT: Formula(
        "closed as answered directly", "cases that the agent filed, by the day of filing", "the agent"
    ),
    Measure.AGENT_SATISFACTION: Formula(
        "rating after the call or conversation ≥ 3 of 5",
        "calls that were rated, by the day they began; conversations, by the day they were rated",
        "the agent",
    ),
    Measure.WAIT: Formula("seconds from queue to answer, the mean", "incoming calls that the agent answered", "the agent"),
    Measure.TALK: Formula(
        "seconds from answer until the last of ours left, without holds, the mean", "those that are over", "the agent"
    ),
    Measure.WRAP_UP: Formula("seconds from then to wrapped up, the mean", "those that are wrapped up", "the agent"),
}


def table() -> str:
    rows = [
        f"| `{name}` | {formula.counts} | {formula.of} | {formula.whose} | {_better(name)} |"
        for name, formula in FORMULAS.items()
    ]
    return "\n".join(["| figure | counts | of | whose | better |", "|---|---|---|---|---|", *rows])


def _better(name: StrEnum) -> str:
    less = name in (Measure.WAIT, Measure.WRAP_UP) or (isinstance(name, Indicator) and name.less_is_better)
    return "" if name == Measure.TALK else "less" if less else "more"
