"""A profile in words, generated from its data: which steps are on, who acts in each, which clocks run, how it is scored."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hotline.services.clocks.deadlines import Limit
from hotline.services.profiles.profile_files import row_in_words
from hotline.services.profiles.profiles import AGAIN, Profile
from hotline.words import word
from models import CaseStatus, Role, Urgency
from models.workflow import Clock, row_names

STEPS = (
    CaseStatus.UNDER_REVIEW,
    CaseStatus.TO_DISPATCH,
    CaseStatus.DISPATCHED,
    CaseStatus.IN_PROGRESS,
    CaseStatus.ANSWERED,
    CaseStatus.VERIFYING,
    CaseStatus.CALLBACK,
    CaseStatus.CLOSED,
    CaseStatus.REOPENED,
    CaseStatus.ARCHIVED,
)
# What may be asked for beside the steps, and how units are watched.
BESIDE = ("extension", "pause", "arbitration", "alarm", "supervision", "ledger", "withdrawal")
# Lists of words, and of which kind; parts that are named by words of another kind.
WORDS = {"urgencies": "urgency", "decided_by": "role", "may_call": "unit_kind"}
NAMED = {"weights": "indicator", "ladder": "measure"}
LIMIT = re.compile(r"\d+(m|h|d|wd)")


@dataclass(frozen=True)
class Way:
    """What may be done in a state, by whom, and where it leads."""

    action: str
    to: str
    roles: str
    with_note: bool


@dataclass(frozen=True)
class Stage:
    status: CaseStatus
    on: bool
    clocks: Sequence[str]
    limits: Sequence[str]  # by urgency, in the order of Urgency
    ways: Sequence[Way]

    @property
    def owners(self) -> str:
        return "、".join(dict.fromkeys(role for way in self.ways for role in way.roles.split("、") if role))


@dataclass(frozen=True)
class Explained:
    profile: Profile
    filing: Sequence[Way]
    stages: Sequence[Stage]
    contact: Sequence[str]
    facts: Sequence[tuple[str, str]]
    weights: Sequence[tuple[str, float]]


def explain(profile: Profile) -> Explained:
    reachable = profile.reachable()
    whole = sum(profile.weights.values())
    return Explained(
        profile=profile,
        filing=_ways(profile, None),
        stages=[_stage(profile, status, on=status in reachable) for status in STEPS],
        contact=_limits(profile, ["contact"]),
        facts=[
            (word("profile", "ask_citizen"), word("ask_citizen", profile.ask_citizen)),
            (word("profile", "first_unit"), word("first_unit", profile.first_unit)),
            (word("profile", "levels"), str(profile.levels)),
            (word("profile", "share_below"), _value(profile.share_below, "share_below")),
            (word("profile", "may_call"), _value(profile.may_call, "may_call")),
            (
                word("clock", AGAIN),
                "、".join(f"{word('urgency', each)} {limit_in_words(profile.limit(AGAIN, each))}" for each in Urgency),
            ),
            (word("profile", "return_window"), limit_in_words(profile.return_window)),
            (word("profile", "designate_after"), str(profile.designate_after)),
            (word("profile", "lapse"), limit_in_words(profile.survey.lapse)),
            (word("profile", "correction"), limit_in_words(profile.survey.correction)),
            (word("profile", "archive_after"), limit_in_words(profile.archive_after)),
            *(part for name in BESIDE for part in _nested(_part(name), name, dict(getattr(profile, name)))),
        ],
        weights=[(word("indicator", name), weight / whole) for name, weight in profile.weights.items()],
    )


def _stage(profile: Profile, status: CaseStatus, *, on: bool) -> Stage:
    clocks = _clocks_into(profile, status) if on else []
    return Stage(
        status=status,
        on=on,
        clocks=[word("clock", clock) for clock in clocks],
        limits=_limits(profile, clocks),
        ways=_ways(profile, status) if on else [],
    )


def _clocks_into(profile: Profile, status: CaseStatus) -> list[Clock]:
    """A state's clock starts with whatever leads into it."""
    origins: set[CaseStatus | None] = {None, *profile.reachable()}
    rows = [row for origin in origins for row in profile.ways_out(origin).values()]
    return sorted({row.clock for row in rows if row.to == status and row.clock})


def _limits(profile: Profile, stages: Sequence[str]) -> list[str]:
    if not stages:
        return []
    return [" / ".join(limit_in_words(profile.limit(stage, urgency)) for stage in stages) for urgency in Urgency]


def _ways(profile: Profile, status: CaseStatus | None) -> list[Way]:
    return [
        Way(word("action", action), word("case_status", row.to), _roles(row.by), row.needs_note)
        for action, row in profile.ways_out(status).items()
    ]


def _roles(roles: Iterable[Role]) -> str:
    return "、".join(word("role", role) for role in Role if role in roles)


def limit_in_words(limit: Limit | str) -> str:
    """30m as 30 分钟, 3wd as 3 个工作日."""
    length = Limit.parse(limit) if isinstance(limit, str) else limit
    return f"{length.amount} {word('limit_unit', length.unit)}"


@dataclass(frozen=True)
class Difference:
    part: str
    old: str
    new: str


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """What an edition has otherwise than another one, part by part."""
    before, after = dict(_parts(old)), dict(_parts(new))
    names = dict.fromkeys([*before, *after])
    return [
        Difference(name, before.get(name, "—"), after.get(name, "—")) for name in names if before.get(name) != after.get(name)
    ]


def _parts(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in body.items():
        if key == "off":
            yield from ((row_in_words(row), word("profile", "off" if row in value else "on")) for row in sorted(row_names()))
        elif key == "limits":
            yield from _limits_of(value)
        else:
            yield from _nested(_part(key), key, value)


def _nested(name: str, key: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for inner, each in value.items():
            yield from _nested(f"{name} · {_part(inner, key)}", inner, each)
    else:
        yield name, _value(value, key)


def _limits_of(limits: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for stage, limit in limits.items():
        for urgency in Urgency:
            value = limit[urgency] if isinstance(limit, Mapping) else limit
            yield f"{word('clock', stage)} · {word('urgency', urgency)}", _value(value, "")


def _part(key: str, within: str = "") -> str:
    return word(NAMED.get(within, "profile"), key)


def _value(value: object, key: str) -> str:
    if isinstance(value, Limit) or (isinstance(value, str) and LIMIT.fullmatch(value)):
        return limit_in_words(value)
    if key in WORDS and isinstance(value, Iterable):
        return "、".join(word(WORDS[key], each) for each in sorted(value)) or "—"
    if key in ("ask_citizen", "first_unit"):
        return word(key, str(value))
    if key in ("share_below", "warn", "sample"):
        return f"{value:.0%}"
    return f"{value:g}" if isinstance(value, int | float) else str(value)
