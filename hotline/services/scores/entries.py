"""What people enter beside what is computed: a quality judge's marks, and what others have measured."""

from collections.abc import Mapping
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotAllowed, WrongState
from hotline.services import notes, scoring
from hotline.services.actors import Actor
from hotline.services.holding import hold
from hotline.services.profiles.profiles import Indicator
from hotline.services.scores import facts
from hotline.services.scores.spans import month_of
from models import Action, AnswerMark, Case, OutsideFigure, Role, Unit

MAY_MARK = frozenset({Role.QUALITY_JUDGE})
MAY_ENTER = frozenset({Role.SUPERVISOR})


def mark_answer(session: Session, case: Case, mark: int, *, remark: str, by: Actor, key: str) -> AnswerMark:
    """How well the answer fits what was asked; given again, the latest counts. The same key again is the same mark."""
    if not by.roles & MAY_MARK or by.staff_id is None:
        raise NotAllowed()
    case, done = hold(session, case, key=key)
    if done is not None:
        latest = select(AnswerMark).where(AnswerMark.case_id == case.id, AnswerMark.by_id == by.staff_id)
        return session.scalars(latest.order_by(AnswerMark.created_at.desc(), AnswerMark.id.desc()).limit(1)).one()
    if case.status not in facts.SCORED:
        raise WrongState()
    if not 0 <= mark <= 100:
        raise Invalid("Please give 0 to 100 points.", field="mark")
    given = AnswerMark(case_id=case.id, mark=mark, remark=remark.strip()[:500], by_id=by.staff_id)
    session.add(given)
    notes.add(session, case, Action.REMARK, by=by, key=key, text=f"fit: {mark} {given.remark}".strip())
    session.flush()
    scoring.score_case(session, case)
    return given


def enter_outside(
    session: Session,
    unit: Unit,
    month: date,
    indicator: Indicator,
    value: float,
    *,
    sample: int | None,
    source: str,
    by: Actor,
) -> OutsideFigure:
    """A figure of a survey firm or of the province, with its source; it is shown and never mixed with ours."""
    if not by.roles & MAY_ENTER or by.staff_id is None:
        raise NotAllowed()
    if not 0 <= value <= 1:
        raise Invalid("Please give a share from 0 to 100.", field="value")
    if not source.strip():
        raise Invalid("Please name the source.", field="source")
    figure = OutsideFigure(
        starts_on=month_of(month),
        unit_id=unit.id,
        indicator=indicator,
        value=value,
        sample=sample,
        source=source.strip()[:128],
        by_id=by.staff_id,
    )
    session.add(figure)
    session.flush()
    return figure


def outside(session: Session, month: date) -> Mapping[tuple[str, str], OutsideFigure]:
    """By unit's code and indicator, the latest of each."""
    rows = session.execute(
        select(Unit.code, OutsideFigure)
        .join(Unit, Unit.id == OutsideFigure.unit_id)
        .where(OutsideFigure.starts_on == month_of(month))
        .order_by(OutsideFigure.created_at, OutsideFigure.id)
    )
    return {(code, figure.indicator): figure for code, figure in rows}
