"""The monthly report: figures that agree with what happened, signed once, sent, opened without what could point at anybody."""

import csv
import io
import zipfile
from datetime import UTC, datetime

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline import channels
from hotline.db import Database
from hotline.errors import NotAllowed, NotFound, WrongState
from hotline.services import surveys
from hotline.services.access import Me
from hotline.services.monthly import figures, opening, reports, tables
from hotline.services.monthly.figures import Figures
from hotline.services.monthly.months import Month
from hotline.services.monthly.saying import Compared
from models import CaseStatus, Grade, MessageWay, MonthlyReport, OutgoingMessage, Role, Subscriber, Survey
from models.base import as_if
from tests.conftest import Drain
from tests.factories import somebody, unit_of
from tests.factories_cases import make_case
from tests.fakes import RecordingChannel
from tests.services.scores.closing import given_back

NOVEMBER = Month.parse("2026-11")
DECEMBER_2 = datetime(2026, 12, 2, 2, tzinfo=UTC)


@pytest.fixture
def city(pages: Database, drain: Drain, clock: time_machine.Traveller) -> Database:
    """Seven cases of one street in November, five of them closed and answered for; two in another."""
    with pages.unit_of_work() as session:
        for _ in range(5):
            make_case(session, status=CaseStatus.CLOSED)
        make_case(session, status=CaseStatus.IN_PROGRESS)
        make_case(session)
        for _ in range(2):
            make_case(session, township_code="990181003", status=CaseStatus.DISPATCHED, unit="T003")
    drain()
    with pages.unit_of_work() as session:
        for survey in session.scalars(select(Survey)):
            surveys.record_answers(session, survey, way="web", solved=True, result=Grade.SATISFIED, unit=Grade.VERY_SATISFIED)
    drain()
    clock.move_to(DECEMBER_2)
    return pages


def test_the_figures_agree_with_what_happened(city: Database, database: Database) -> None:
    with city.reading() as session:
        known = figures.names(session)
        found = figures.of_month(session, NOVEMBER, None, known)
        before = figures.to_compare(session, NOVEMBER.before, None, known)
        of_unit = figures.of_month(session, NOVEMBER, unit_of(session, "T003"), known)
        volume = figures.volume(session, NOVEMBER, None)

    assert (found.received, found.filed, found.dispatched, found.closed) == (9, 9, 8, 5)
    assert found.by_day[22] == sum(found.by_day) == 9
    assert sum(found.by_place.values()) == 9
    assert sorted(found.by_place.values()) == [2, 7]
    assert (found.shares["resolution"], found.shares["satisfaction"]) == ((5, 5), (5, 5))
    assert [(line.code, line.cases) for line in found.units] == [("CGJ", 5)]
    assert before.is_empty
    assert (volume.received, volume.filed) == (9, 9)
    assert (of_unit.filed, of_unit.closed, of_unit.received) == (2, 0, 0)


def test_a_return_is_told_of_the_unit_that_gave_the_case_back(session: Session, clock: time_machine.Traveller) -> None:
    given_back(session, clock, first="CGJ", then="ZJJ")

    known = figures.names(session)
    returned = [figures.of_month(session, NOVEMBER, unit_of(session, unit), known).returned for unit in ("CGJ", "ZJJ")]

    assert returned == [1, 0]
    assert figures.of_month(session, NOVEMBER, None, known).returned == 1


def test_a_signed_report_stays_as_it_was(city: Database) -> None:
    with city.unit_of_work() as session:
        supervisor = somebody(session, Role.SUPERVISOR)
        reports.sign(session, NOVEMBER, "", remark="继续盯紧垃圾清运。", by=supervisor)
        kept = session.scalars(select(MonthlyReport)).one()
        kept.body = {**kept.body, "now": {**kept.body["now"], "filed": 4}}

    with city.reading() as session:
        shown = reports.show(session, NOVEMBER, "", to=supervisor)

    assert (shown.compared.now.filed, shown.signed_by, shown.may_be_signed) == (4, supervisor.name, False)
    assert shown.signed is not None
    assert shown.signed.remark == "继续盯紧垃圾清运。"


def test_a_signed_month_is_compared_as_it_was_signed(city: Database) -> None:
    with city.unit_of_work() as session:
        supervisor = somebody(session, Role.SUPERVISOR)
        reports.sign(session, NOVEMBER, "", remark="", by=supervisor)
    with city.unit_of_work() as session, as_if(datetime(2026, 11, 30, 2, tzinfo=UTC)):
        make_case(session)

    with city.reading() as session:
        before = reports.show(session, NOVEMBER.after, "", to=supervisor).compared.before

    assert before is not None
    assert (before.received, before.filed) == (9, 9)


def test_of_two_supervisors_the_second_is_told(city: Database, database: Database) -> None:
    with city.unit_of_work() as session:
        reports.sign(session, NOVEMBER, "", remark="", by=somebody(session, Role.SUPERVISOR))

    with city.unit_of_work() as session, pytest.raises(WrongState):
        reports.sign(session, NOVEMBER, "", remark="", by=somebody(session, Role.SUPERVISOR))


def test_a_month_is_signed_by_a_supervisor_and_when_it_is_over(session: Session, clock: time_machine.Traveller) -> None:
    with pytest.raises(WrongState):
        reports.sign(session, NOVEMBER, "", remark="", by=somebody(session, Role.SUPERVISOR))
    with pytest.raises(NotAllowed):
        reports.sign(session, NOVEMBER.before, "", remark="", by=somebody(session, Role.SHIFT_LEADER))


def test_the_citys_report_brings_each_units_and_all_are_sent(
    city: Database, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail, texting = RecordingChannel("email"), RecordingChannel("sms")
    for channel in (mail, texting):
        monkeypatch.setitem(channels.register(), channel.kind, channel)
    with city.unit_of_work() as session:
        for name, unit in (("市领导", ""), ("城管联络人", "CGJ")):
            values = {"name": name, "way": MessageWay.EMAIL, "address": f"{unit or 'city'}@example.cn", "wants": ["report"]}
            session.add(Subscriber(**values, unit_id=unit_of(session, unit).id if unit else None))
        session.add(Subscriber(name="值班长", way=MessageWay.SMS, address="+8613911112222", wants=["report"]))
        reports.sign(session, NOVEMBER, "", remark="", by=somebody(session, Role.SUPERVISOR))
    drain()

    with city.reading() as session:
        liaison, other = me_as_reader("CGJ", session), me_as_reader("T003", session)
        told = {row.recipient: row.text for row in session.scalars(select(OutgoingMessage)) if row.purpose == "report"}
        own = reports.show(session, NOVEMBER, "CGJ", to=liaison)
        with pytest.raises(NotAllowed):
            reports.show(session, NOVEMBER, "CGJ", to=other)
        with pytest.raises(NotAllowed):
            reports.show(session, NOVEMBER, "", to=liaison)

    assert own.compared.now.closed == 5
    assert set(told) == {"city@example.cn", "CGJ@example.cn", "+8613911112222"}
    assert {each.recipient: [file.name for file in each.files] for each in (*mail.sent, *texting.sent)} == {
        "city@example.cn": ["全市 2026-11 月报.xlsx"],
        "CGJ@example.cn": ["城市管理综合行政执法局 2026-11 月报.xlsx"],
        "+8613911112222": [],
    }
    assert all(zipfile.is_zipfile(io.BytesIO(each.files[0].content)) for each in mail.sent)
    assert "/reports/monthly/2026-11?unit=CGJ" in told["CGJ@example.cn"]


def me_as_reader(unit: str, session: Session) -> Me:
    found = unit_of(session, unit)
    return Me(found.id, found.id, "", "", frozenset({Role.LIAISON}), found.id, found.path, "")


def test_small_numbers_are_not_opened(city: Database) -> None:
    with city.unit_of_work() as session, pytest.raises(NotFound):
        opening.figures(session, NOVEMBER)
    with city.unit_of_work() as session:
        reports.sign(session, NOVEMBER, "", remark="", by=somebody(session, Role.SUPERVISOR))
        found = opening.figures(session, NOVEMBER)

    places = next(table for table in found.tables if table.key == "place")
    # The second would be the total less the first.
    assert [row[1] for row in places.rows] == [None, None]
    assert (found.received, found.closed) == (9, 5)
    # All five said so, and everybody would know of each what was said; that all were answered in time says nothing of citizens.
    assert (dict(found.shares)["resolution"], dict(found.shares)["on_time"]) == (None, 1.0)


def test_what_is_hidden_cannot_be_reckoned_from_the_total() -> None:
    now = Figures(filed=41, by_place={"a": 1, "b": 1, "c": 9, "d": 30})
    table = next(each for each in tables.all_of(Compared(now, None, None)) if each.key == "place")

    shown = opening.without_small(table, 5)

    # Two that together are two would be one and one.
    assert list(shown.rows) == [("a", None), ("b", None), ("c", None), ("d", 30)]


def test_opened_figures_as_csv_and_json_say_the_same(city: Database) -> None:
    with city.unit_of_work() as session:
        reports.sign(session, NOVEMBER, "", remark="", by=somebody(session, Role.SUPERVISOR))
        found = opening.figures(session, NOVEMBER)

    lines = list(csv.DictReader(io.StringIO(opening.as_csv(found).removeprefix("\N{BYTE ORDER MARK}"))))
    body = opening.as_json(found)

    total = {line["column"]: line["value"] for line in lines if line["table"] == "total"}
    assert total == {"received": "9", "filed": "9", "closed": "5"}
    assert body["received"] == 9
    assert {line["row"] for line in lines if line["table"] == "units"} == {"城市管理综合行政执法局"}


def test_a_name_that_looks_like_a_formula_is_only_text_in_a_sheet() -> None:
    odd = Figures(by_place={"=1+1": 9, "河西": 9})
    table = next(each for each in tables.all_of(Compared(odd, None, None)) if each.key == "place")
    month = opening.Open(NOVEMBER, 5, 18, 18, 0, [], [table])

    assert "'=1+1" in opening.as_csv(month)
