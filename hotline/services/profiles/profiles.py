"""How a city works, as data: which rows of the state tables are on, the time limits, when the citizen is asked, the weights."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from importlib.resources import files
from typing import Annotated, Any, LiteralString, Self
from uuid import UUID

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hotline.errors import RuleBroken
from hotline.services.clocks.deadlines import Limit
from hotline.services.profiles.request_rules import (
    AlarmRules,
    ArbitrationRules,
    ExtensionRules,
    LedgerRules,
    PauseRules,
    SupervisionRules,
    TimeLimit,
    WithdrawalRules,
)
from models import Action, AssignmentStatus, Case, CaseStatus, Rule, UnitKind, Urgency
from models.workflow import ASSIGNMENT, CASE, CASE_FINAL, Clock, Step, row_name, row_names

KIND = "profile"
DEFAULT = "quick_response"
SHIPPED = ("centre_verified", "one_desk", "quick_response", "seven_step", "street_first")
ANSWERED = frozenset({CaseStatus.ANSWERED, CaseStatus.VERIFYING, CaseStatus.CALLBACK})
TOWARDS_CLOSING = frozenset({Action.VERIFY, Action.ASK_CITIZEN, Action.CLOSE})


class AskCitizen(StrEnum):
    BEFORE_CLOSE = "before_close"
    AFTER_CLOSE = "after_close"


class FirstUnit(StrEnum):
    """Who gets a matter that has a place: the unit whose duty it is, or the street that it lies in."""

    DUTY = "duty"
    AREA = "area"


# What a dissatisfied citizen's word leads to.
NEEDED = {
    AskCitizen.BEFORE_CLOSE: frozenset({"case:callback:rework", "case:callback:close", "assignment:done:rework"}),
    AskCitizen.AFTER_CLOSE: frozenset({"case:closed:reopen"}),
}


ASKING = frozenset({"case:answered:ask_citizen", "case:verifying:ask_citizen"})


class Indicator(StrEnum):
    CONTACT = "contact"
    ON_TIME = "on_time"
    RESOLUTION = "resolution"
    SATISFACTION = "satisfaction"
    UNIT_SATISFACTION = "unit_satisfaction"
    RETURN = "return"
    FIRST_DISPATCH = "first_dispatch"
    REPEAT = "repeat"
    FIT = "fit"
    REWORK = "rework"

    @property
    def less_is_better(self) -> bool:
        return self in (Indicator.RETURN, Indicator.REPEAT, Indicator.REWORK)


def _problem(kind: str, template: LiteralString, **named: Iterable[str]) -> PydanticCustomError:
    """`services.profile_files` says the same in the administrators' words."""
    return PydanticCustomError(kind, template, {name: ", ".join(sorted(values)) for name, values in named.items()})


# Of `limits`: for the answer to what was sent back or opened again (二次办理), where a city sets one.
AGAIN = "rework"


class SurveyRules(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    lapse: TimeLimit
    correction: TimeLimit


class Profile(BaseModel):
    """One edition of a profile. Limits are named after the clock they set, or `contact`: the first word with the citizen."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    explained: str
    # The city whose published practice it is drawn from.
    practice: str = ""
    levels: Annotated[int, Field(ge=1, le=4)]
    first_unit: FirstUnit = FirstUnit.DUTY
    off: frozenset[str]
    ask_citizen: AskCitizen
    limits: Mapping[str, Mapping[Urgency, TimeLimit]]
    # Of the time that a unit has left when it sends something down, the part that the unit below gets.
    share_below: Annotated[float, Field(gt=0, le=1)] = 0.8
    # Kinds of units that may call others to a joint job without asking the centre (吹哨报到).
    may_call: frozenset[UnitKind] = frozenset()
    return_window: TimeLimit
    designate_after: Annotated[int, Field(ge=1)]
    archive_after: TimeLimit
    extension: ExtensionRules = ExtensionRules()
    pause: PauseRules = PauseRules()
    arbitration: ArbitrationRules = ArbitrationRules()
    alarm: AlarmRules = AlarmRules()
    supervision: SupervisionRules = SupervisionRules()
    ledger: LedgerRules = LedgerRules()
    withdrawal: WithdrawalRules = WithdrawalRules()
    survey: SurveyRules
    weights: Mapping[Indicator, Annotated[float, Field(ge=0)]]

    @field_validator("limits", mode="before")
    @classmethod
    def _same_for_every_urgency(cls, limits: Mapping[str, Any]) -> Mapping[str, Any]:
        """`check: 24h` is short for the same limit at every urgency."""
        return {stage: limit if isinstance(limit, Mapping) else dict.fromkeys(Urgency, limit) for stage, limit in limits.items()}

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if unknown := self.off - row_names():
            raise _problem("unknown_rows", "no such rows to switch off: {rows}", rows=unknown)
        for stage in {"contact", *self._clocks(), *({AGAIN} & self.limits.keys())}:
            if set(self.limits.get(stage, {})) != set(Urgency):
                raise _problem("no_limit", "limits.{stages} needs a limit for every urgency", stages=[stage])
        if stuck := [status for status in self.reachable() if status not in CASE_FINAL and not self._goes_on(status)]:
            raise _problem("stuck", "no way to an end from {states}", states=stuck)
        if (self.ask_citizen == AskCitizen.BEFORE_CLOSE) != (CaseStatus.CALLBACK in self.reachable()):
            raise _problem("asking", "the rows {rows} go with ask_citizen: before_close alone", rows=ASKING)
        if missing := NEEDED[self.ask_citizen] & self.off:
            raise _problem("needed_rows", "the rows {rows} cannot be switched off", rows=missing)
        if sum(self.weights.values()) <= 0:
            raise _problem("no_weight", "the weights add up to nothing")
        return self

    def case_step(self, status: CaseStatus | str | None, action: Action) -> Step | None:
        """The row of the case table, unless it is switched off; None also if there is none."""
        origin = CaseStatus(status) if status else None
        return None if row_name("case", origin, action) in self.off else CASE.get((origin, action))

    def assignment_step(self, status: AssignmentStatus | str | None, action: Action) -> Step | None:
        origin = AssignmentStatus(status) if status else None
        return None if row_name("assignment", origin, action) in self.off else ASSIGNMENT.get((origin, action))

    def limit(self, stage: str, urgency: Urgency | str) -> Limit:
        """Where a city has set none for what is handled again, it is that of the answer."""
        if stage == AGAIN and AGAIN not in self.limits:
            stage = Clock.ANSWER
        return self.limits[stage][Urgency(urgency)]

    def ways_out(self, status: CaseStatus | None) -> dict[Action, Step]:
        return {action: row for (origin, action), row in CASE.items() if origin == status and self.case_step(origin, action)}

    def reachable(self) -> frozenset[CaseStatus]:
        """Every state that a case of this profile can get into."""
        found: set[CaseStatus] = set()
        ahead: set[CaseStatus | None] = {None}
        while ahead:
            further = {CaseStatus(row.to) for status in ahead for row in self.ways_out(status).values()}
            ahead = set(further - found)
            found |= further
        return frozenset(found)

    def _goes_on(self, status: CaseStatus) -> bool:
        """An answered case needs a way to closing: going back to the unit is none."""
        ways = set(self.ways_out(status))
        return bool(ways & TOWARDS_CLOSING if status in ANSWERED else ways)

    def _clocks(self) -> frozenset[Clock]:
        origins: set[CaseStatus | None] = {None, *self.reachable()}
        return frozenset(row.clock for status in origins for row in self.ways_out(status).values() if row.clock)


def answering(status: CaseStatus) -> str:
    """Which limit a unit answers in that is given a case in this state."""
    return AGAIN if status == CaseStatus.REOPENED else Clock.ANSWER


def current(session: Session) -> Rule:
    """The edition that cases are filed under from now on."""
    rule = session.scalars(select(Rule).where(Rule.kind == KIND, Rule.current).limit(1)).one_or_none()
    if rule is None:
        raise RuleBroken("No profile is set up yet: an administrator chooses one.")
    return rule


def of(session: Session, case: Case) -> Profile:
    """The profile that the case was filed under."""
    known = _editions.get(case.profile_id)
    return known or of_rule(session.get_one(Rule, case.profile_id))


def of_rule(rule: Rule) -> Profile:
    # Editions never change, so that each needs to be read once in a process.
    if rule.id not in _editions:
        _editions[rule.id] = Profile.model_validate(rule.body)
    return _editions[rule.id]


def in_force(session: Session) -> Profile:
    return of_rule(current(session))


def editions(session: Session) -> Mapping[UUID, Profile]:
    """Every edition that a case may have been filed under."""
    return {rule.id: of_rule(rule) for rule in session.scalars(select(Rule).where(Rule.kind == KIND))}


def install(session: Session, code: str, body: Mapping[str, Any]) -> Rule:
    """Make this the city's profile; refused if it does not hold together. The same body again adds no edition."""
    Profile.model_validate(body)
    digest = digest_of(body)
    latest = session.scalars(
        select(Rule).where(Rule.kind == KIND, Rule.code == code).order_by(Rule.edition.desc()).limit(1)
    ).one_or_none()
    if latest is None or latest.digest != digest:
        edition = latest.edition + 1 if latest else 1
        latest = Rule(kind=KIND, code=code, edition=edition, digest=digest, body=dict(body))
        session.add(latest)
    session.flush()
    session.execute(update(Rule).where(Rule.kind == KIND, Rule.id != latest.id).values(current=False))
    latest.current = True
    session.flush()
    return latest


def digest_of(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def shipped(code: str = DEFAULT) -> dict[str, Any]:
    """The body of a profile that comes with the service."""
    text = files("hotline").joinpath(f"reference/profiles/{code}.yaml").read_text("utf-8")
    body: dict[str, Any] = yaml.safe_load(text)
    return body


_editions: dict[UUID, Profile] = {}
