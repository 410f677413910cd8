"""Words that a unit of the demo begins its answers with."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import AnswerTemplate, Role, Staff, StaffRole, Unit

UNIT = "CGJ"
TEMPLATES = (
    ("已处理完毕", "您好，您反映的“{title}”（编号 {number}）{unit}已办理。经现场核查："),
    ("需要时间", "您好，您反映的“{title}”（编号 {number}）{unit}正在办理。已完成的是："),
)


def load_templates(session: Session) -> int:
    """Written by the unit's first liaison; none without one."""
    found = session.execute(
        select(Staff.id, Unit.id)
        .join(Unit, Unit.id == Staff.unit_id)
        .join(StaffRole, StaffRole.staff_id == Staff.id)
        .where(Unit.code == UNIT, StaffRole.role == Role.LIAISON)
        .order_by(Staff.username)
    ).first()
    if found is None:
        return 0
    by_id, unit_id = found
    session.add_all(AnswerTemplate(unit_id=unit_id, title=title, text=text, by_id=by_id) for title, text in TEMPLATES)
    return len(TEMPLATES)
