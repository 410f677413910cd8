"""Cases for a unit's system to work on."""

from typing import Any

from hotline.db import Database
from models import CaseStatus
from tests.factories_cases import lead_of, make_case

CASES = "/api/v1/cases"


def a_case(pages: Database, status: CaseStatus = CaseStatus.DISPATCHED, **values: Any) -> tuple[str, str]:
    """The id of the lead's part, and the number."""
    with pages.unit_of_work() as session:
        case = make_case(session, status=status, **values)
        return str(lead_of(session, case).id), case.number
