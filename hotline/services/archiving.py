"""Filing away: closed cases about which nothing is open any more."""

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from hotline.services import cases, profiles
from hotline.services.actors import SERVICE
from models import Action, Case, CaseStatus, Request, RequestState, now

SWEEP = 200


def archive_closed(session: Session) -> int:
    """File away what has been closed for as long as the city's profile says; returns how many."""
    found = session.scalars(
        select(Case)
        .where(
            Case.status == CaseStatus.CLOSED,
            Case.closed_at < now() - profiles.in_force(session).archive_after.natural,
            ~exists().where(Request.case_id == Case.id, Request.state == RequestState.OPEN),
        )
        .order_by(Case.closed_at)
        .limit(SWEEP)
        .with_for_update(skip_locked=True)
    ).all()
    for case in found:
        cases.advance(session, case, Action.ARCHIVE, by=SERVICE, key=f"archive:{case.version}")
    return len(found)
