"""Filing away: closed cases about which nothing is open any more."""

from sqlalchemy import exists, false, or_, select
from sqlalchemy.orm import Session

from hotline.services import cases
from hotline.services.actors import SERVICE
from hotline.services.profiles import profiles
from models import Action, Case, CaseStatus, Mark, MarkKind, Request, RequestState, now

SWEEP = 200


def archive_closed(session: Session) -> int:
    """File away what has been closed for as long as its own profile says; returns how many."""
    at = now()
    found = session.scalars(
        select(Case)
        .where(
            Case.status == CaseStatus.CLOSED,
            or_(
                *(
                    (Case.profile_id == edition_id) & (Case.closed_at < at - profile.archive_after.natural)
                    for edition_id, profile in profiles.editions(session).items()
                ),
                false(),
            ),
            ~exists().where(Request.case_id == Case.id, Request.state == RequestState.OPEN),
            ~exists().where(Mark.case_id == Case.id, Mark.kind == MarkKind.LEDGER, Mark.cleared_at.is_(None)),
        )
        .order_by(Case.closed_at)
        .limit(SWEEP)
        .with_for_update(skip_locked=True)
    ).all()
    for case in found:
        cases.advance(session, case, Action.ARCHIVE, by=SERVICE, key=f"archive:{case.version}")
    return len(found)
