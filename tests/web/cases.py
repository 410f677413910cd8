"""Cases behind the pages, by their numbers."""

from typing import Any

from sqlalchemy import select

from hotline.db import Database
from models import Assignment, Case, CaseStatus
from tests.factories_cases import make_case


def a_case(pages: Database, status: CaseStatus = CaseStatus.DISPATCHED, **values: Any) -> str:
    """Its number."""
    with pages.unit_of_work() as session:
        return make_case(session, status=status, **values).number


def only_case(pages: Database) -> Case:
    with pages.reading() as session:
        return session.scalars(select(Case)).one()


def lead_url(pages: Database, number: str) -> str:
    """Where its unit works on it."""
    with pages.reading() as session:
        found = session.scalars(
            select(Assignment).join(Case, Case.id == Assignment.case_id).where(Case.number == number, Assignment.lead)
        )
        return f"/unit/{found.one().id}"


def state(pages: Database, number: str) -> str:
    with pages.reading() as session:
        return session.scalars(select(Case.status).where(Case.number == number)).one()
