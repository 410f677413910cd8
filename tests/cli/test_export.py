"""The operators' figures, however many there are."""

import json

import pytest
from sqlalchemy.orm import Session

from hotline.cli import export
from tests.factories_cases import make_case
from tests.factories_contacts import make_contact


@pytest.mark.parametrize("what", ["contacts", "cases"])
def test_more_rows_than_one_batch_are_exported_whole(session: Session, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr(export, "BATCH", 2)
    if what == "cases":
        wanted = {make_case(session).number for _ in range(5)}
    else:
        wanted = {make_contact(session).reference for _ in range(5)}
    session.flush()

    rows = list(export.WHAT[what](session, None))

    assert wanted <= {row.get("number", row.get("reference")) for row in rows}
    assert all(json.dumps(row) for row in rows)
    assert len(rows) == len({row["id"] for row in rows})
