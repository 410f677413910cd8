"""Two trees of categories, told apart for people: what, before, after."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from hotline.services.reference.tree import LOWEST, Entry, Tree
from hotline.words import word


@dataclass(frozen=True)
class Difference:
    of: str
    part: str
    before: str
    after: str


def differences(before: Tree, after: Tree, units: Mapping[str, str], areas: Mapping[str, str]) -> list[Difference]:
    """By code; of a category that is new or gone all that it says. `units` and `areas` are their names."""
    return [each for code in sorted({*before, *after}) for each in _of(before.get(code), after.get(code), units, areas)]


def _of(before: Entry | None, after: Entry | None, units: Mapping[str, str], areas: Mapping[str, str]) -> Iterator[Difference]:
    shown = after or before
    if before == after or shown is None:
        return
    for part, said in _parts(shown, units, areas).items():
        then, now = said(before) if before else "", said(after) if after else ""
        if then != now:
            yield Difference(f"{shown.code} {shown.name}", word("category_part", part), then, now)


def _parts(shown: Entry, units: Mapping[str, str], areas: Mapping[str, str]) -> dict[str, Callable[[Entry], str]]:
    """The third level says by itself only what it is called."""

    def unit(code: str) -> str:
        return units.get(code, code)

    own: dict[str, Callable[[Entry], str]] = {
        "name": lambda each: each.name,
        "keywords": lambda each: "、".join(each.keywords),
        "formerly": lambda each: "、".join(each.formerly),
    }
    if shown.level >= LOWEST:
        return own
    return own | {
        "lead": lambda each: unit(each.duty.lead),
        "assists": lambda each: "、".join(map(unit, each.duty.assists)),
        "territorial": lambda each: word("territorial", each.duty.territorial) if each.duty.lead else "",
        "urgency": lambda each: word("urgency", each.urgency),
        "hint": lambda each: word("routing_hint", each.hint),
        "required": lambda each: "、".join(word("required_part", needed) for needed in each.required),
        "areas": lambda each: "；".join(
            f"{areas.get(duty.area, duty.area)} {unit(duty.lead)}" for duty in each.duties if duty.area
        ),
    }
