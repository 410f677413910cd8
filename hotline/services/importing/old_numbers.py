"""The numbers that people knew cases by in an older system."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models import Case, ImportedCase

# Of contacts that came with them.
CHANNEL = "import"


def known(session: Session, source: str, numbers: Collection[str]) -> frozenset[str]:
    """Those that an earlier import of this source has brought."""
    if not numbers:
        return frozenset()
    query = select(ImportedCase.old_number).where(ImportedCase.source == source, ImportedCase.old_number.in_(numbers))
    return frozenset(session.scalars(query))


def among(session: Session, words: Sequence[str]) -> Sequence[str]:
    """Those of these words that are one, in whichever system: they have any shape."""
    if not words:
        return ()
    return session.scalars(select(ImportedCase.old_number).where(ImportedCase.old_number.in_(words)).distinct()).all()


def cases_of(number: str) -> Select[UUID]:
    """The ids of its cases: two old systems may have had the same number."""
    return select(ImportedCase.case_id).where(ImportedCase.old_number == number)


def of_case(session: Session, case: Case) -> str:
    return session.scalar(select(ImportedCase.old_number).where(ImportedCase.case_id == case.id)) or ""
