"""Views of the search that the demo's supervisor shares, one with each desk."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Role, SavedView, Staff

OWNER = "supervisor1"
VIEWS = (
    ("超期未办结", {"mark": "overdue"}, Role.DISPATCHER),
    ("紧急在办", {"state": "open", "urgency": "urgent"}, Role.SHIFT_LEADER),
    ("督办中", {"state": "open", "mark": "supervision"}, Role.LIAISON),
)


def load_views(session: Session) -> int:
    owner_id = session.scalars(select(Staff.id).where(Staff.username == OWNER)).one()
    session.add_all(SavedView(owner_id=owner_id, name=name, query=query, shared_with=role) for name, query, role in VIEWS)
    return len(VIEWS)
