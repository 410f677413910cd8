"""The database itself refuses to change history."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.factories_cases import make_case


@pytest.mark.parametrize(
    "statement",
    ["UPDATE case_event SET to_status = 'closed'", "UPDATE case_event SET note_digest = NULL", "DELETE FROM case_event"],
)
def test_an_event_can_neither_be_changed_nor_deleted(session: Session, statement: str) -> None:
    case = make_case(session)

    with pytest.raises(DBAPIError, match="history"), session.begin_nested():
        session.execute(text(statement))

    count = session.execute(text("SELECT count(*) FROM case_event WHERE case_id = :id").bindparams(id=_raw(session, case.id)))
    assert count.scalar_one() == 1


def _raw(session: Session, value: object) -> object:
    """SQLite keeps a UUID as 32 digits."""
    return value.hex if session.get_bind().dialect.name == "sqlite" else value  # type: ignore[attr-defined]
