"""The pages and acts of incidents need no more than twenty SQL statements, with two cases or with many."""

from typing import Any

import pytest

from hotline.db import Database
from tests.conftest import SignIn
from tests.factories_cases import make_case
from tests.web.statements import act, visit
from tests.web.test_statements import EVERYTHING


@pytest.mark.parametrize("many", [2, 20])
def test_incidents(as_role: SignIn, pages: Database, many: int) -> None:
    dispatcher = as_role(*EVERYTHING)
    with pages.unit_of_work() as session:
        place: dict[str, Any] = {"title": "全小区停水", "community_code": "990181001001"}
        found = [make_case(session, number=f"1390000{serial:04}", **place).number for serial in range(many + 1)]
    *numbers, late = found

    page = visit(dispatcher, pages, "/incidents")
    opened = act(dispatcher, pages, page, "open-incident-by-number", cases=" ".join(numbers), title="停水").headers["location"]
    page = visit(dispatcher, pages, opened)
    act(dispatcher, pages, page, "join", cases=late)
    act(dispatcher, pages, page, "update", text="抢修人员已到场")
    act(dispatcher, pages, page, "known", text="今晚恢复", until="2099-01-01T20:00")
    page = visit(dispatcher, pages, opened)
    act(dispatcher, pages, page, "part", reason="另一栋")
    act(dispatcher, pages, page, "end-incident", reason="已恢复")
    visit(dispatcher, pages, "/incidents?over=true")
    visit(dispatcher, pages, f"/verify/to_dispatch/{numbers[-1]}")
    visit(dispatcher, pages, f"/case/{numbers[-1]}")
