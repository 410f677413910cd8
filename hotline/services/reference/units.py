"""Units as administrators keep them: added, renamed, given the place of another, closed. They are closed, never deleted."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NoteRequired, NotFound, Outdated, RuleBroken
from hotline.events import UnitSucceeded
from hotline.services import access
from hotline.services.access import Me
from hotline.services.outbox import emit
from hotline.services.plain_text import clean
from hotline.services.reference import categories, editing, tree
from hotline.services.reference.differences import Difference, differences
from hotline.services.reference.tree import Tree
from hotline.words import word
from models import AccessLog, Area, Assignment, Duty, Staff, Unit, UnitKind, new_id
from models.workflow import ASSIGNMENT_OPEN

KIND = "unit"
# Those of communities and grids follow the areas.
KEPT_HERE = tuple(kind for kind in UnitKind if kind not in (UnitKind.COMMUNITY, UnitKind.GRID))
_CODE = re.compile(r"[A-Z][A-Z0-9]{1,15}")
_PARTS = ("name", "short", "kind", "duties", "formerly", "active")


class Act(StrEnum):
    ADD = "add"
    CHANGE = "change"
    CLOSE = "close"


class UnitForm(BaseModel):
    act: Act
    code: Annotated[str, Field(max_length=32)] = ""
    name: Annotated[str, Field(max_length=200)] = ""
    short: Annotated[str, Field(max_length=100)] = ""
    kind: UnitKind = UnitKind.BUREAU
    duties: Annotated[str, Field(max_length=1000)] = ""
    # Whose place it takes: that unit is closed, and leads and assists here no more.
    instead_of: Annotated[str, Field(max_length=32)] = ""
    # Its accounts and open cases as well; else they stay, until the last is done.
    takes_over: bool = False
    reason: Annotated[str, Field(max_length=250)] = ""


@dataclass(frozen=True)
class Proposal:
    """What would be; nothing is written. `seen` stands for all that was looked at."""

    seen: str
    differences: Sequence[Difference]
    in_hand: int  # cases that are open at a unit to be closed
    people: int  # accounts of it
    takes_over: bool  # both go along


@dataclass(frozen=True)
class _Plan:
    unit: Unit | None
    values: Mapping[str, Any]
    gone: Unit | None
    edition: UUID
    before: Tree
    after: Tree


def propose(session: Session, form: UnitForm) -> Proposal:
    plan = _plan(session, form)
    leaving = plan.gone or (plan.unit if form.act == Act.CLOSE else None)
    return Proposal(
        _seen(plan),
        _differences(session, plan, form.code),
        *_left_behind(session, leaving),
        form.takes_over and plan.gone is not None,
    )


def change(session: Session, form: UnitForm, *, seen: str, by: Me) -> Unit:
    """Refused if what was looked at is not so any more."""
    if not form.reason.strip():
        raise NoteRequired(field="reason")
    plan, reason = _plan(session, form, locked=True), form.reason.strip()
    if _seen(plan) != seen:
        raise Outdated()
    unit = plan.unit or Unit(id=new_id(), code=form.code, path=f"/{form.code}/")
    for part, value in plan.values.items():
        setattr(unit, part, value)
    session.add(unit)
    if plan.gone is not None:
        plan.gone.active = False
        session.execute(update(Duty).where(Duty.to_unit_code == plan.gone.code).values(to_unit_code=unit.code))
        access.note_look(session, by, KIND, plan.gone.id, Act.CLOSE, reason=reason)
    session.flush()
    if plan.gone is not None and form.takes_over:
        emit(session, UnitSucceeded(plan.gone.id, unit.id, by.staff_id, reason))
    access.note_look(session, by, KIND, unit.id, form.act, reason=reason)
    if plan.after != plan.before:
        categories.store(session, plan.after, former=plan.edition, reason=reason, by=by)
    return unit


def find(session: Session, code: str) -> Unit:
    unit = session.scalars(select(Unit).where(Unit.code == code, Unit.kind.in_(KEPT_HERE))).one_or_none()
    if unit is None:
        raise NotFound()
    return unit


def changed_by_people(session: Session) -> set[str]:
    """Codes of those that a file of reference data leaves alone."""
    return set(
        session.scalars(select(Unit.code).join(AccessLog, AccessLog.subject_id == Unit.id).where(AccessLog.subject_kind == KIND))
    )


@dataclass(frozen=True)
class Line:
    unit: Unit
    leads: int
    people: int


def listed(session: Session) -> list[Line]:
    """Those that are closed last."""
    led: dict[str, int] = {}
    for entry in categories.shown(session).tree.values():
        led[entry.duty.lead] = led.get(entry.duty.lead, 0) + 1
    counted = session.execute(select(Staff.unit_id, func.count()).where(Staff.active).group_by(Staff.unit_id))
    people = {unit_id: count for unit_id, count in counted}
    units = session.scalars(select(Unit).where(Unit.kind.in_(KEPT_HERE)).order_by(Unit.active.desc(), Unit.kind, Unit.code))
    return [Line(unit, led.get(unit.code, 0), people.get(unit.id, 0)) for unit in units]


def _plan(session: Session, form: UnitForm, *, locked: bool = False) -> _Plan:
    edition = categories.current(session, locked=locked).id
    before = tree.read(session, edition)
    unit = None if form.act == Act.ADD else find(session, form.code)
    if unit is None:
        _refuse_code(session, form.code)
    elif form.act == Act.CLOSE:
        _refuse_needed(session, unit, before)
        return _Plan(unit, {"active": False}, None, edition, before, before)
    gone = _gives_way(session, form) if form.instead_of else None
    values = _values(form, unit, gone)
    if unit is not None and all(getattr(unit, part) == value for part, value in values.items()):
        raise RuleBroken("Nothing was changed.")
    after = editing.with_unit(before, gone.code, form.code) if gone else before
    return _Plan(unit, values, gone, edition, before, after)


def _refuse_code(session: Session, code: str) -> None:
    if not _CODE.fullmatch(code):
        raise Invalid("A unit's code has 2 to 16 capital letters and digits, a letter first.", field="code")
    if session.scalar(select(Unit.id).where(Unit.code == code)):
        raise Invalid("There is a unit with this code already.", field="code")


def _gives_way(session: Session, form: UnitForm) -> Unit:
    gone = session.scalars(select(Unit).where(Unit.code == form.instead_of, Unit.active)).one_or_none()
    if gone is None or gone.code == form.code:
        raise Invalid("Please choose another unit.", field="instead_of")
    _refuse_ground(session, gone)
    return gone


def _refuse_ground(session: Session, unit: Unit) -> None:
    """Matters reach the unit of a township by their place."""
    if session.scalar(select(Area.id).where(Area.unit_code == unit.code, Area.valid_to.is_(None)).limit(1)):
        raise RuleBroken("{unit} is the unit of a township: areas lead to it.", unit=unit.short)


def _refuse_needed(session: Session, unit: Unit, before: Tree) -> None:
    _refuse_ground(session, unit)
    of = [each.name for each in before.values() if any(unit.code in (duty.lead, *duty.assists) for duty in each.duties)]
    if of:
        raise RuleBroken(
            "It leads or assists in {count} categories, {names} among them: please let another unit take its place first.",
            count=len(of),
            names="、".join(of[:3]),
        )


def _values(form: UnitForm, unit: Unit | None, gone: Unit | None) -> dict[str, Any]:
    texts = {
        "name": (clean(form.name), 128),
        "short": (clean(form.short) or clean(form.name)[:32], 32),
        "duties": (clean(form.duties), 512),
    }
    for part, (text, most) in texts.items():
        if len(text) > most or (not text and part != "duties"):
            raise Invalid("Please give 1 to {most} characters.", field=part, most=most)
    if form.kind not in KEPT_HERE:
        raise Invalid("Units of communities and grids follow the areas.", field="kind")
    past = [*(unit.formerly if unit else ()), *([gone.code, *gone.formerly] if gone else ())]
    return {**{part: text for part, (text, _) in texts.items()}, "kind": form.kind, "formerly": past, "active": True}


def _seen(plan: _Plan) -> str:
    known = [[str(getattr(each, part)) for part in _PARTS] if each else None for each in (plan.unit, plan.gone)]
    return hashlib.sha256(repr((str(plan.edition), known)).encode()).hexdigest()


def _differences(session: Session, plan: _Plan, code: str) -> list[Difference]:
    name = plan.values.get("name") or (plan.unit.name if plan.unit else "")
    own = [
        Difference(
            name, word("unit_part", part), _said(part, getattr(plan.unit, part) if plan.unit else None), _said(part, value)
        )
        for part, value in plan.values.items()
        if plan.unit is None or getattr(plan.unit, part) != value
    ]
    if plan.gone is not None:
        own.append(Difference(plan.gone.name, word("unit_part", "active"), _said("active", True), _said("active", False)))
    names = categories.unit_names(session) | {code: plan.values.get("short", code)}
    return own + differences(plan.before, plan.after, names, categories.area_names(session, plan.before))


def _said(part: str, value: Any) -> str:
    if value is None:
        return ""
    if part == "kind":
        return word("unit_kind", value)
    if part == "active":
        return word("unit_state", "active" if value else "closed")
    return "、".join(value) if part == "formerly" else str(value)


def _left_behind(session: Session, unit: Unit | None) -> tuple[int, int]:
    if unit is None:
        return 0, 0
    in_hand = (
        select(func.count()).select_from(Assignment).where(Assignment.unit_id == unit.id, Assignment.status.in_(ASSIGNMENT_OPEN))
    )
    people = select(func.count()).select_from(Staff).where(Staff.unit_id == unit.id, Staff.active)
    return session.scalar(in_hand) or 0, session.scalar(people) or 0
