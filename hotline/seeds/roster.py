"""Who is on duty in the demo: each unit can be told, nights and weekends too; one has gaps at the weekend."""

from datetime import time

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.settings import Settings
from models import ChatGroup, ChatKind, DutyShift, Staff, TeamMember, Unit

OPENS, CLOSES = time(8, 30), time(17, 30)
WEEKDAYS, WEEKEND = range(1, 6), (6, 7)
IN_A_GROUP = "CGJ"
WITHOUT_WEEKENDS = "STJ"


def load_rosters(session: Session, settings: Settings) -> int:
    """Once; returns how many people are on duty."""
    if session.scalar(select(TeamMember.staff_id).limit(1)):
        return 0
    rows = session.execute(
        select(Unit, Staff).join(Staff, Staff.unit_id == Unit.id).where(Staff.active).order_by(Unit.code, Staff.username)
    ).all()
    for serial, (unit, staff) in enumerate(rows, start=1000):
        session.add(TeamMember(staff_id=staff.id, number=f"+861391234{serial}", email=f"{staff.username}@sandbox.example"))
        session.add_all(_shifts(unit, staff))
        if unit.code == IN_A_GROUP and settings.sandbox.enabled:
            url = f"http://127.0.0.1:{settings.sandbox_port}/chat/{ChatKind.WECOM}"
            session.add(ChatGroup(unit_id=unit.id, kind=ChatKind.WECOM, url=url))
    session.flush()
    return len(rows)


def _shifts(unit: Unit, staff: Staff) -> list[DutyShift]:
    nights = [_shift(unit, staff, weekday, CLOSES) for weekday in WEEKDAYS]
    weekend = [] if unit.code == WITHOUT_WEEKENDS else [_shift(unit, staff, weekday, OPENS) for weekday in WEEKEND]
    return [*nights, *weekend]


def _shift(unit: Unit, staff: Staff, weekday: int, begins: time) -> DutyShift:
    return DutyShift(unit_id=unit.id, weekday=weekday, begins=begins, ends=OPENS, staff_id=staff.id)
