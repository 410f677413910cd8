"""Matters that are not ours (不予受理): the right door is named, told to the citizen, kept with the case and counted."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib.resources import files

import yaml
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NoteRequired
from hotline.services import cases
from hotline.services.actors import Actor
from hotline.services.sideways import police
from models import Action, Case, CaseStatus, Request, RequestKind, RequestState

# What became of the order, where the door is one that orders are pushed to.
Kept = police.Pushed | None
POLICE, OTHER = "police", "other"


@dataclass(frozen=True)
class Door:
    """Why the hotline does not take a matter on, and where it belongs instead; `push` names who is sent the order itself."""

    code: str
    reason: str
    where: str
    push: str = ""


@lru_cache(maxsize=1)
def doors() -> tuple[Door, ...]:
    body = yaml.safe_load(files("hotline").joinpath("reference/doors.yaml").read_bytes())
    return tuple(Door(**each) for each in body["doors"])


def door_of(code: str) -> Door:
    """One outside the list is refused."""
    door = next((door for door in doors() if door.code == code), None)
    if door is None:
        raise Invalid("Please choose the right door.", field="door")
    return door


def right_door(code: str, explanation: str) -> str:
    """What the citizen is told, in one paragraph."""
    door = door_of(code)
    if door.code == OTHER and not explanation.strip():
        raise NoteRequired(field="reason")
    return "。".join(part for part in (f"{door.reason}：{door.where}", explanation.strip()) if part)


def turn_away(session: Session, case: Case, code: str, *, explanation: str, by: Actor, key: str, seen: int | None = None) -> Kept:
    """The centre shows a filed case the right door; what became of the order where it is pushed to one."""
    cases.advance(session, case, Action.REDIRECT, by=by, key=key, seen=seen, note=right_door(code, explanation))
    return keep(session, case, code, by=by, key=key)


def keep(session: Session, case: Case, code: str, *, by: Actor, key: str) -> Kept:
    """Note the door on a case that was shown it just now; one that is pushed to 110 is put into the outbox. Repeatable."""
    door = door_of(code)
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
        for door in doors()
    ]  # fmt: skip
    return sorted((each for each in found if each.shown), key=lambda each: -each.shown)
