"""An administrator, and a case that a unit works on."""

import pytest
from sqlalchemy.orm import Session

from hotline.services.access import Me
from models import Case, CaseStatus, Role
from tests.factories import somebody
from tests.factories_cases import make_case


@pytest.fixture
def admin(session: Session) -> Me:
    return somebody(session, Role.ADMINISTRATOR)


@pytest.fixture
def at_work(session: Session) -> Case:
    return make_case(session, status=CaseStatus.IN_PROGRESS)
