"""What changed, in sentences: rules over figures. Nothing is said that a figure does not bear out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import sqrt

from hotline.services.monthly.figures import OTHER, Figures
from hotline.services.profiles.profiles import Indicator
from hotline.words import say, word

# A rise or fall is named when it is at least so many, and at least this part of what was before.
LEAST_CHANGE, LEAST_PART = 10, 0.2
# Two shares differ when chance would hardly explain it (two-sided, 95 %), and not of fewer cases than these.
SURE, LEAST_CASES = 1.96, 30
LEAST_OF_UNIT, POOR = 10, 0.8
MOST_NAMED = 3
CONNECTED = 0.95

SHARES = (
    (Indicator.RESOLUTION, "Resolution"),
    (Indicator.SATISFACTION, "Satisfaction"),
    (Indicator.ON_TIME, "Answered in time"),
)


@dataclass(frozen=True)
class Compared:
    """A month beside the one before and the same one a year ago; of those nothing may be known."""

    now: Figures
    before: Figures | None
    year_before: Figures | None


def sentences(compared: Compared, *, city: bool, over: bool = True) -> list[str]:
    """A month that is not over is compared with none: it would always be the smaller one."""
    compared = compared if over else Compared(compared.now, None, None)
    figures = compared.now
    if figures.is_empty:
        return [say("Nothing was received or worked on in this month.")]
    said = [*_volume(compared, city=city), *_work(figures)]
    if compared.before:
        said += _shifts("category", figures.by_category, compared.before.by_category)
        said += _shifts("place", figures.by_place, compared.before.by_place)
    before = compared.before or Figures()
    for indicator, name in SHARES:
        said += _share(say(name), figures.shares.get(indicator), before.shares.get(indicator))
    return said + (_calls(figures) + _units(figures) if city else [])


def _volume(compared: Compared, *, city: bool) -> Iterator[str]:
    count = compared.now.received if city else compared.now.filed
    yield say("{count} requests were received.", count=count) if city else say("{count} cases were filed.", count=count)
    then = {"last month": compared.before, "the same month last year": compared.year_before}
    for when, figures in then.items():
        if figures is not None and (was := figures.received if city else figures.filed):
            yield _changed(say(when), count, was)


def _changed(when: str, count: int, was: int) -> str:
    if count == was:
        return say("As many as {when}.", when=when)
    values = {"when": when, "by": abs(count - was), "percent": f"{100 * abs(count - was) / was:.1f}"}
    if was < LEAST_CASES:  # a percentage of few says more than there is
        return say("{by} more than {when}." if count > was else "{by} fewer than {when}.", **values)
    if count > was:
        return say("{by} more than {when} (+{percent} %).", **values)
    return say("{by} fewer than {when} (-{percent} %).", **values)


def _work(figures: Figures) -> Iterator[str]:
    if figures.filed:
        values = {"filed": figures.filed, "direct": figures.direct, "dispatched": figures.dispatched, "closed": figures.closed}
        yield say("{filed} cases filed, {direct} answered directly, {dispatched} dispatched, {closed} closed.", **values)
    if figures.returned:
        yield say("Units returned {count} cases.", count=figures.returned)


def _shifts(what: str, now: Mapping[str, int], before: Mapping[str, int]) -> list[str]:
    """The largest rise and the largest fall, if they are worth a word."""
    moves = {name: now.get(name, 0) - before.get(name, 0) for name in {*now, *before} - {OTHER}}
    worth = {name: by for name, by in moves.items() if abs(by) >= max(LEAST_CHANGE, LEAST_PART * before.get(name, 0))}
    said = []
    for sign, sentence in ((1, "Risen most: {what} {name}, {count} cases, {by} more."), (-1, _FALLEN)):
        there = {name: by for name, by in worth.items() if by * sign > 0}
        if there:
            name = max(there, key=lambda each: (abs(there[each]), each))
            said.append(say(sentence, what=word("monthly", what), name=name, count=now.get(name, 0), by=abs(there[name])))
    return said


_FALLEN = "Fallen most: {what} {name}, {count} cases, {by} fewer."


def _share(name: str, now: tuple[int, int] | None, before: tuple[int, int] | None) -> list[str]:
    if not now or not now[1]:
        return []
    values = {"name": name, "percent": f"{100 * now[0] / now[1]:.1f}", "of": now[1]}
    if not before or min(now[1], before[1]) < LEAST_CASES:
        return [say("{name}: {percent} % of {of}.", **values)]
    points = 100 * (now[0] / now[1] - before[0] / before[1])
    values["points"] = f"{abs(points):.1f}"
    if not _differ(now, before):
        return [say("{name}: {percent} % of {of}, no clear difference from last month.", **values)]
    if points > 0:
        return [say("{name}: {percent} % of {of}, {points} points more than last month.", **values)]
    return [say("{name}: {percent} % of {of}, {points} points less than last month.", **values)]


def _differ(now: tuple[int, int], before: tuple[int, int]) -> bool:
    """The test of two proportions."""
    together = (now[0] + before[0]) / (now[1] + before[1])
    spread = sqrt(together * (1 - together) * (1 / now[1] + 1 / before[1]))
    return spread > 0 and abs(now[0] / now[1] - before[0] / before[1]) / spread >= SURE


def _calls(figures: Figures) -> list[str]:
    calls = figures.calls
    if not calls.asked:
        return []
    rate = calls.answered / calls.asked
    values = {"percent": f"{100 * rate:.1f}", "soon": f"{100 * calls.soon / calls.asked:.1f}", "asked": calls.asked}
    if rate >= CONNECTED:
        return [say("Of {asked} calls {percent} % were connected (standard 95 %), {soon} % within 15 seconds.", **values)]
    return [say("Of {asked} calls only {percent} % were connected (standard 95 %), {soon} % within 15 seconds.", **values)]


def _units(figures: Figures) -> list[str]:
    late = [unit for unit in figures.units if unit.on_time is not None and unit.cases >= LEAST_OF_UNIT and unit.on_time < POOR]
    if not late:
        return []
    late.sort(key=lambda unit: (unit.on_time or 0.0, unit.code))
    named = "、".join(f"{unit.name}（{100 * (unit.on_time or 0):.1f}%）" for unit in late[:MOST_NAMED])
    return [say("Fewer than 80 % answered in time: {named}.", named=named)]
