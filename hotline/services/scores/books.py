"""Who may write scores when: everybody at once while a period is open, nobody while one is being closed."""

from datetime import date
from enum import IntEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.services import core
from models import ScorePeriod


class Book(IntEnum):
    """Names of the locks; any numbers that nothing else in the database uses."""

    SCORES = 12345_0019_1
    SUMS = 12345_0019_2


def share(session: Session) -> None:
    """Write scores beside others. On SQLite one transaction writes at a time anyway."""
    if not core.is_sqlite(session):
        session.execute(select(func.pg_advisory_xact_lock_shared(int(Book.SCORES))))


def keep(session: Session, book: Book) -> None:
    """Alone, until the transaction ends."""
    if not core.is_sqlite(session):
        session.execute(select(func.pg_advisory_xact_lock(int(book))))


def open_from(session: Session) -> date | None:
    """The first day that no closed period has; none while nothing was ever closed."""
    return session.scalar(select(func.max(ScorePeriod.ends_on)))
