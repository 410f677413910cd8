"""Units that are stuck: overdue cases, and for long no sign of work on any."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.services.alerts.rule import StuckRule
from hotline.services.clocks import deadlines
from hotline.services.reading_wall import first_id_of
from models import Assignment, Unit
from models.workflow import AT_UNIT

# Who has done nothing at all for so long has done nothing lately.
LOOKED_BACK = timedelta(days=60)


@dataclass(frozen=True)
class Stuck:
    code: str
    unit: str
    overdue: int
    since: datetime  # of its last act


def find(session: Session, rule: StuckRule, at: datetime) -> list[Stuck]:
    late = session.execute(
        select(Unit.id, Unit.code, Unit.short, func.count(), func.min(Assignment.dispatched_at))
        .join(Unit, Unit.id == Assignment.unit_id)
        .where(Assignment.lead, Assignment.parent_id.is_(None), Assignment.status.in_(AT_UNIT), Assignment.due_at < at)
        .group_by(Unit.id, Unit.code, Unit.short)
        .having(func.count() >= rule.overdue)
    ).all()
    acted = {
        unit_id: max(moment for moment in moments if moment)
        for unit_id, *moments in session.execute(
            select(
                Assignment.unit_id,
                func.max(Assignment.signed_at),
                func.max(Assignment.contacted_at),
                func.max(Assignment.answered_at),
            )
            .where(Assignment.unit_id.in_([row[0] for row in late]), Assignment.id >= first_id_of(at - LOOKED_BACK))
            .group_by(Assignment.unit_id)
        )
        if any(moments)
    }
    found = [Stuck(code, short, count, acted.get(unit_id, first)) for unit_id, code, short, count, first in late]
    return [each for each in found if deadlines.due_at(session, each.since, rule.silent).at < at]
