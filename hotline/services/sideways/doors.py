"""Matters that are not ours (不予受理): the right door is named, told to the citizen, kept with the case and counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NoteRequired
from hotline.services import cases
from hotline.services.actors import Actor
from hotline.services.in_force import InForce
from hotline.services.sideways import police
from models import Action, Case, CaseStatus, Request, RequestKind, RequestState

# What became of the order, where the door is one that orders are pushed to.
Kept = police.Pushed | None
POLICE, OTHER = "police", "other"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Door(_Part):
    """Why the hotline does not take a matter on, and where it belongs instead; `push` names who is sent the order itself."""

    code: Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")]
    reason: Annotated[str, Field(min_length=1, max_length=200)]
    where: Annotated[str, Field(min_length=1, max_length=500)]
    push: Literal["", "police"] = ""
    offered: bool = True  # cases keep the code of one that is not offered any more


class DoorRule(_Part):
    schema_version: Literal[1]
    doors: tuple[Door, ...]

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        codes = [door.code for door in self.doors]
        if len(codes) != len(set(codes)):
            raise ValueError("each door has a code of its own")
        if not any(door.code == OTHER and door.offered for door in self.doors):
            raise ValueError("the door called other is always offered")
        return self


KIND = "doors"
_IN_FORCE = InForce(KIND, DoorRule.model_validate)


# Which edition it is, for who asks for something else at the same time.
edition_column = _IN_FORCE.column


def doors(session: Session) -> Sequence[Door]:
    """Those to choose from."""
    return _offered(_IN_FORCE.current(session))


def of_edition(session: Session, rule_id: UUID | None) -> Sequence[Door]:
    """The same, of an edition that is known to be the current one."""
    return _offered(_IN_FORCE.edition(session, rule_id))


def _offered(rule: DoorRule) -> Sequence[Door]:
    return [door for door in rule.doors if door.offered]


def door_of(session: Session, code: str) -> Door:
    """One outside the list is refused."""
    door = next((door for door in doors(session) if door.code == code), None)
    if door is None:
        raise Invalid("Please choose the right door.", field="door")
    return door


def right_door(session: Session, code: str, explanation: str) -> str:
    """What the citizen is told, in one paragraph."""
    door = door_of(session, code)
    if door.code == OTHER and not explanation.strip():
        raise NoteRequired(field="reason")
    return "。".join(part for part in (f"{door.reason}：{door.where}", explanation.strip()) if part)


def turn_away(session: Session, case: Case, code: str, *, explanation: str, by: Actor, key: str, seen: int | None = None) -> Kept:
    """The centre shows a filed case the right door; what became of the order where it is pushed to one."""
    cases.advance(session, case, Action.REDIRECT, by=by, key=key, seen=seen, note=right_door(session, code, explanation))
    return keep(session, case, code, by=by, key=key)


def keep(session: Session, case: Case, code: str, *, by: Actor, key: str) -> Kept:
    """Note the door on a case that was shown it just now; one that is pushed to 110 is put into the outbox. Repeatable."""
    door = door_of(session, code)
    case.door = door.code
    session.flush()
    return police.push(session, case, by=by, key=f"{key}:push") if door.push == POLICE else None


@dataclass(frozen=True)
class Count:
    """How often a door was shown, and what came of appeals against it."""

    door: str
    reason: str
    shown: int
    appealed: int
    granted: int


def counts(session: Session, *, since: datetime) -> list[Count]:
    """By door, the most frequent first; what was taken on after all counts with the appeals that were granted."""
    standing = select(Case.door, func.count()).where(
        Case.status == CaseStatus.REDIRECTED, Case.created_at >= since, Case.door != ""
    )
    shown = {code: number for code, number in session.execute(standing.group_by(Case.door))}
    appealed = select(Request.reason_code, Request.state, func.count()).where(
        Request.kind == RequestKind.SECOND_LOOK, Request.created_at >= since
    )
    asked: dict[str, int] = {}
    granted: dict[str, int] = {}
    for code, state, number in session.execute(appealed.group_by(Request.reason_code, Request.state)):
        asked[code] = asked.get(code, 0) + number
        granted[code] = granted.get(code, 0) + number * (state == RequestState.GRANTED)
    found = [
        Count(door.code, door.reason, shown.get(door.code, 0) + granted.get(door.code, 0), asked.get(door.code, 0),
              granted.get(door.code, 0))
        for door in _IN_FORCE.current(session).doors
    ]  # fmt: skip
    return sorted((each for each in found if each.shown), key=lambda each: -each.shown)
