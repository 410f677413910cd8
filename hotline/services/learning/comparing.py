"""Two models on the same contacts, beside what people decided: the one in use and the one in shadow."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Case, Decision, ShadowSuggestion, Suggestion

FIELDS = ("category", "unit", "request_type")
MOST, SHOWN, BINS = 5000, 12, 15
NOISE = 0.05


@dataclass(frozen=True)
class Guess:
    """What one model said, beside the decision."""

    label: str
    confidence: float
    right: bool
    among_three: bool


@dataclass(frozen=True)
class Pair:
    decided: str
    case_number: str
    shown: Guess
    shadow: Guess


@dataclass(frozen=True)
class Figures:
    top1: float
    top3: float
    ece: float


@dataclass(frozen=True)
class LabelShare:
    label: str
    count: int
    shown: float
    shadow: float


@dataclass(frozen=True)
class Comparison:
    """Of one question: how often each was right, and whether the difference is more than chance."""

    field: str
    count: int
    shown: Figures
    shadow: Figures
    only_shown: int  # where the model in use alone was right
    only_shadow: int
    p: float
    by_label: Sequence[LabelShare]
    losses: Sequence[Pair]  # where the shadow would have spoilt a right suggestion, the surest first

    @property
    def verdict(self) -> str:
        if self.p >= NOISE:
            return "even"
        return "better" if self.only_shadow > self.only_shown else "worse"


def compare(session: Session, listening: str, suggesting: str) -> list[Comparison]:
    """The latest decisions on contacts that both versions have read; questions without any are left out."""
    rows = session.execute(
        select(Decision.field, Decision.decided, Case.number, Suggestion.body, ShadowSuggestion.body)
        .join(Suggestion, Suggestion.id == Decision.suggestion_id)
        .join(ShadowSuggestion, ShadowSuggestion.suggestion_id == Suggestion.id)
        .join(Case, Case.id == Decision.case_id)
        .where(ShadowSuggestion.model_version == listening, Suggestion.model_version == suggesting, Decision.field.in_(FIELDS))
        .order_by(Decision.id.desc())
        .limit(MOST)
    )
    pairs: defaultdict[str, list[Pair]] = defaultdict(list)
    for field, decided, number, shown, shadow in rows:
        pairs[field].append(Pair(decided, number, _guess(shown, field, decided), _guess(shadow, field, decided)))
    return [_comparison(field, pairs[field]) for field in FIELDS if pairs[field]]


def _guess(body: dict[str, Any], field: str, decided: str) -> Guess:
    ranked = body.get("request_types" if field == "request_type" else field) or [{"code": "", "confidence": 0.0}]
    first = ranked[0]
    is_right = [_is_same(field, each["code"], decided) for each in ranked[:3]]
    return Guess(first["code"], first["confidence"], is_right[0], any(is_right))


def _is_same(field: str, said: str, decided: str) -> bool:
    """A more exact category below the suggested one agrees with it."""
    return decided.startswith(said) and bool(said) if field == "category" else said == decided


def _comparison(field: str, pairs: Sequence[Pair]) -> Comparison:
    only_shown = sum(pair.shown.right and not pair.shadow.right for pair in pairs)
    only_shadow = sum(pair.shadow.right and not pair.shown.right for pair in pairs)
    lost = [pair for pair in pairs if pair.shown.right and not pair.shadow.right]
    return Comparison(
        field=field,
        count=len(pairs),
        shown=figures([pair.shown for pair in pairs]),
        shadow=figures([pair.shadow for pair in pairs]),
        only_shown=only_shown,
        only_shadow=only_shadow,
        p=chance(only_shown, only_shadow),
        by_label=_by_label(pairs),
        losses=sorted(lost, key=lambda pair: -pair.shadow.confidence)[:SHOWN],
    )


def _by_label(pairs: Iterable[Pair]) -> list[LabelShare]:
    """Those first at which the two differ most."""
    of_label: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        of_label[pair.decided].append(pair)
    shares = [
        LabelShare(label, len(some), _share(each.shown.right for each in some), _share(each.shadow.right for each in some))
        for label, some in of_label.items()
    ]
    return sorted(shares, key=lambda each: (-abs(each.shadow - each.shown) * each.count, each.label))[:SHOWN]


def _share(truths: Iterable[bool]) -> float:
    counted = list(truths)
    return sum(counted) / len(counted)


def figures(guesses: Sequence[Guess]) -> Figures:
    return Figures(
        top1=_share(each.right for each in guesses), top3=_share(each.among_three for each in guesses), ece=_ece(guesses)
    )


def _ece(guesses: Sequence[Guess]) -> float:
    """How far what was claimed lies from what proved right, weighed over equal bins of confidence."""
    bins: defaultdict[int, list[Guess]] = defaultdict(list)
    for each in guesses:
        bins[min(int(each.confidence * BINS), BINS - 1)].append(each)
    gaps = [abs(sum(each.right for each in some) - math.fsum(each.confidence for each in some)) for some in bins.values()]
    return math.fsum(gaps) / len(guesses)


def chance(one: int, other: int) -> float:
    """How likely two equal models differ at least so much (McNemar's exact test over the texts that tell them apart)."""
    differing = one + other
    if not differing:
        return 1.0
    tail = sum(math.comb(differing, k) for k in range(min(one, other) + 1))
    return min(1.0, tail / (1 << (differing - 1)))
