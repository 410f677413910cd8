"""Sixteen people of one unit on one case at once: one wins, the others are told, and nothing of theirs is left."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.db import Database
from hotline.services import history
from models import Action, Answer, Assignment, Case, CaseEvent, CaseStatus, OutboxMessage, Role
from tests.conftest import SignIn
from tests.factories_cases import lead_of, make_case
from tests.web.forms import form

PEOPLE = 16
TOLD = "有同事先一步处理了"


@pytest.fixture
def liaisons(database: Database, as_role: SignIn) -> list[TestClient]:
    return [as_role(Role.LIAISON, unit="CGJ") for _ in range(PEOPLE)]


@pytest.fixture
def lead_id(database: Database) -> UUID:
    with database.unit_of_work() as session:
        return lead_of(session, make_case(session, status=CaseStatus.DISPATCHED)).id


def all_send(people: Sequence[TestClient], lead_id: UUID, name: str) -> list[str]:
    """Each has the page open before the first of them sends; what each is told."""
    pages = [form(browser.get(f"/unit/{lead_id}").text, name) for browser in people]
    together = Barrier(len(people))

    def send(serial: int) -> str:
        typed = {"public_text": f"第{serial}人的答复：已清运。"} if name == "answer" else {}
        together.wait()
        told = people[serial].post(pages[serial].action, data=pages[serial].filled(**typed))
        return "won" if told.status_code == 303 else "told" if told.status_code == 409 and TOLD in told.text else told.text

    with ThreadPoolExecutor(len(people)) as pool:
        return list(pool.map(send, range(len(people))))


def test_of_sixteen_who_sign_and_answer_one_wins_each_time(
    database: Database, liaisons: Sequence[TestClient], lead_id: UUID
) -> None:
    signed = all_send(liaisons, lead_id, "sign")
    answered = all_send(liaisons, lead_id, "answer")

    assert Counter(signed) == Counter(answered) == {"won": 1, "told": PEOPLE - 1}
    with database.reading() as session:
        lead = session.get_one(Assignment, lead_id)
        case = session.get_one(Case, lead.case_id)
        assert case.status == CaseStatus.ANSWERED
        events = select(CaseEvent.action, CaseEvent.assignment_id).where(CaseEvent.case_id == case.id).order_by(CaseEvent.serial)
        rows = session.execute(events).all()
        steps = [Action.DISPATCH, Action.SIGN, Action.ANSWER]
        assert [row.action for row in rows if row.assignment_id == lead.id] == steps
        assert [row.action for row in rows if row.assignment_id is None] == [Action.FILE, *steps]
        assert history.verify(session, case) is None
        assert session.scalars(select(Answer.public_text)).all() == [f"第{answered.index('won')}人的答复：已清运。"]
        told = [
            row.body["action"]
            for row in session.scalars(select(OutboxMessage).order_by(OutboxMessage.created_at))
            if row.event == "AssignmentAdvanced"
        ]
        assert told == steps
