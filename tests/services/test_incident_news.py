"""What is said of an incident while it lasts: to agents, and to its citizens, whatever fails in between."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.errors import HotlineError
from hotline.services import outbox
from hotline.services.incidents import linking, reading, telling
from hotline.tasks import HANDLERS
from models import Case, CaseStatus, OutgoingMessage, Role, Survey, now
from tests.factories_cases import an_actor, answer, check, fresh_key, make_case
from tests.services.test_incidents import PLACE, make_cases, of_these


def test_news_reaches_each_citizen_once(session: Session) -> None:
    found = make_cases(session, CaseStatus.DISPATCHED, CaseStatus.DISPATCHED)
    same = make_case(session, status=CaseStatus.DISPATCHED, number=found[0].number_of_requester, **PLACE)
    incident = of_these(session, [*found, same])
    by, key = an_actor(session, Role.DISPATCHER), fresh_key()
    linking.part(session, incident, found[1], reason="另一处", by=by, key=fresh_key())

    rows = {telling.update(session, incident, text="抢修人员已到场", by=by, key=key) for _ in range(2)}
    told = [telling.tell(session, row.id) for row in rows for _ in range(2)]

    assert told == [1, 0]
    sent = session.scalars(select(OutgoingMessage).where(OutgoingMessage.purpose == "incident")).all()
    assert ["抢修人员已到场" in row.text for row in sent] == [True]


def test_the_list_counts_the_cases_of_each_incident(session: Session) -> None:
    found = make_cases(session, CaseStatus.DISPATCHED, CaseStatus.DISPATCHED)
    incident = of_these(session, found)

    (row,) = reading.listed(session)

    assert (row.incident.id, row.lead.id, row.count) == (incident.id, found[0].id, 2)
    assert [each.case.id for each in reading.whole(session, incident.id).members] == [case.id for case in found]
    assert reading.listed(session, over=True) == []


def test_what_agents_may_say_has_an_end(session: Session) -> None:
    incident = of_these(session, make_cases(session, CaseStatus.DISPATCHED, CaseStatus.DISPATCHED))
    by = an_actor(session, Role.SHIFT_LEADER)

    with pytest.raises(HotlineError, match="until when"):
        telling.set_known(session, incident, text="今晚八点恢复", until=None, by=by)
    telling.set_known(session, incident, text="今晚八点恢复", until=now() + timedelta(hours=3), by=by)
    assert incident.known_text == "今晚八点恢复"
    telling.set_known(session, incident, text="", until=None, by=by)

    assert (incident.known_text, incident.known_until) == ("", None)


@pytest.fixture
def each_handler_dies_once(monkeypatch: pytest.MonkeyPatch) -> set[Any]:
    """Each handler does all its work for each event, and is lost before it is committed; then it runs again."""
    died: set[Any] = set()

    def dying(run: Callable[..., None], name: str) -> Callable[..., None]:
        def once(session: Session, event: Any, *prepared: Any) -> None:
            run(session, event, *prepared)
            if (name, event) not in died:
                died.add((name, event))
                raise ConnectionError("killed")

        return once

    for kind, handlers in HANDLERS.items():
        inside = [replace(each, run=dying(each.run, each.name)) for each in handlers if not each.outside]
        monkeypatch.setitem(HANDLERS, kind, inside)
    return died


def test_nobody_is_told_twice_or_forgotten_whatever_dies(
    sqlite_database: Database,
    clock: time_machine.Traveller,
    drain: Callable[[], int],
    each_handler_dies_once: set[Any],
) -> None:
    with sqlite_database.unit_of_work() as session:
        found = make_cases(session, CaseStatus.IN_PROGRESS, CaseStatus.TO_DISPATCH, CaseStatus.DISPATCHED)
        incident = of_these(session, found)
        telling.update(session, incident, text="抢修中", by=an_actor(session, Role.DISPATCHER), key=fresh_key())
    _until_quiet(sqlite_database, clock, drain)
    with sqlite_database.unit_of_work() as session:
        lead = session.get_one(Case, found[0].id)
        answer(session, lead)
        check(session, lead)
    _until_quiet(sqlite_database, clock, drain)

    assert "follow_lead" in {name for name, _ in each_handler_dies_once}
    with sqlite_database.reading() as session:
        told = session.execute(select(OutgoingMessage.case_id, OutgoingMessage.purpose)).all()
        for case in session.scalars(select(Case)):
            assert (case.status, bool(case.public_answer)) == (CaseStatus.CLOSED, True)
            for purpose in ("answered", "incident", "survey"):
                assert told.count((case.id, purpose)) == 1
            assert len(session.scalars(select(Survey).where(Survey.case_id == case.id)).all()) == 1


def _until_quiet(database: Database, clock: time_machine.Traveller, drain: Callable[[], int]) -> None:
    for _ in range(40):
        drain()
        with database.reading() as session:
            if outbox.oldest_waiting(session) is None:
                return
        clock.shift(timedelta(minutes=1))
    raise AssertionError("the outbox does not come to rest")
