"""What a case's page shows beside the main line, and what of it this person may do. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from hotline.services import reading_units
from hotline.services.access import Me
from hotline.services.reading_cases import Panel
from hotline.services.sideways import correcting, police
from models import Action, Case, CaseStatus, Category, PolicePush
from models.workflow import AT_UNIT, CASE_OPEN


@dataclass(frozen=True)
class Aside:
    withdraw: bool
    correct: bool
    reassign: bool
    reopen: bool


def may(me: Me, opened: Panel) -> Aside:
    case, lead = opened.case, opened.lead
    actions = opened.may(me, case) if opened.view.whole else ()
    is_open = opened.view.whole and case.status in CASE_OPEN
    return Aside(
        withdraw=Action.WITHDRAW in actions,
        correct=is_open and bool(me.roles & correcting.CORRECTED_BY),
        reassign=is_open and bool(me.roles & correcting.REASSIGNED_BY) and lead is not None and lead.assignment.status in AT_UNIT,
        reopen=Action.REOPEN in actions and case.status == CaseStatus.CLOSED,
    )


def values(session: Session, me: Me, opened: Panel) -> dict[str, Any]:
    """For `case/_aside.html`; lists are read only where a form needs them."""
    aside = may(me, opened)
    return {
        "aside": aside,
        "pushes": _pushes(session, opened),
        "police_wired": police.is_wired(),
        "categories": _categories(session, opened.case) if aside.correct else (),
        "units": reading_units.choices(session) if aside.reassign else (),
    }


def _pushes(session: Session, opened: Panel) -> Sequence[PolicePush]:
    was_pushed = opened.view.whole and any(step.action == Action.PUSH for step in opened.story)
    return police.of_case(session, opened.case) if was_pushed else ()


def _categories(session: Session, case: Case) -> Sequence[Row[str, str]]:
    return session.execute(
        select(Category.code, Category.name)
        .where(Category.taxonomy_id == case.taxonomy_id, Category.level >= 2)
        .order_by(Category.code)
    ).all()
