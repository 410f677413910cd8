"""Writing calls of systems are done once, and pages of cases are the same on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import time_machine
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.services.systems import accounts, calls, reading
from hotline.services.systems.calls import KeyReused
from models import CaseStatus, Scope, System, SystemCall
from tests.factories_cases import make_case
from tests.factories_systems import an_administrator, make_system

KEY = "a-key-of-the-caller"


def test_a_call_is_done_once_and_answered_the_same(session: Session) -> None:
    system, done = make_system(session), list[int]()

    def act() -> str:
        done.append(1)
        return "done"

    told = [calls.once(session, system.id, KEY, {"seen": 1}, act) for _ in range(3)]

    assert [(each.answer, each.is_repeat) for each in told] == [("done", False), ("done", True), ("done", True)]
    assert len(done) == 1
    with pytest.raises(KeyReused):
        calls.once(session, system.id, KEY, {"seen": 2}, act)


def test_two_who_come_at_once_with_one_key_are_answered_the_same(database: Database) -> None:
    with database.unit_of_work() as session:
        system_id = make_system(session).id
    together = Barrier(2)

    def come(name: str) -> str:
        together.wait()
        with database.unit_of_work() as session:
            return calls.once(session, system_id, KEY, {"seen": 1}, lambda: name).answer

    with ThreadPoolExecutor(2) as people:
        answers = list(people.map(come, ("one", "other")))

    assert len(set(answers)) == 1
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(SystemCall)) == 1


def test_pages_hold_each_case_once_in_the_order_of_its_latest_change(session: Session, clock: time_machine.Traveller) -> None:
    system = make_system(session)
    caller = accounts.who(session, system.key, address="203.0.113.9")
    made = []
    for status in (CaseStatus.DISPATCHED, CaseStatus.IN_PROGRESS, CaseStatus.ANSWERED, CaseStatus.CLOSED):
        clock.shift(timedelta(minutes=5))
        made.append(make_case(session, status=status).number)
    make_case(session, status=CaseStatus.DISPATCHED, unit="SCJ")
    clock.shift(timedelta(minutes=5))

    seen, cursor, more = list[str](), None, True
    while more:
        page = reading.cases(session, caller.me, cursor=cursor, changed_since=None, statuses=(), limit=3)
        seen += [line.number for line in page.lines]
        cursor, more = reading.cursor_of(page.next), page.more

    assert seen == made
    rest = reading.cases(session, caller.me, cursor=cursor, changed_since=None, statuses=(), limit=3)
    assert rest.lines == []


def test_a_systems_name_and_rights_may_change_and_its_unit_stays(session: Session) -> None:
    system = make_system(session)

    accounts.change(session, system.id, accounts.Form("新平台", [Scope.READ], ["10.0.0.7"]), by=an_administrator(session))

    row = session.get_one(System, system.id)
    assert (row.staff.name, row.scopes, row.addresses, row.staff.unit_id is None) == ("新平台", ["read"], ["10.0.0.7/32"], False)
