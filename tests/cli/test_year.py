"""The simulated year: two weeks of it, played by the services, and what its pages would show."""

from contextlib import nullcontext
from datetime import date, datetime
from pathlib import Path
from uuid import UUID

import pytest
import time_machine
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from hotline import seeds
from hotline.__main__ import main
from hotline.db import Database
from hotline.seeds import cases, year
from hotline.seeds.year.people import BAD_UNIT, DISHONEST_UNIT
from hotline.services import triage
from hotline.services.monthly.months import Month
from hotline.services.profiles.profiles import Indicator
from hotline.services.scores import boards, recount
from hotline.services.scores.spans import Span, Stretch
from hotline.settings import Settings, get_settings
from models import (
    Alert,
    AlertKind,
    Base,
    Call,
    Callback,
    CallbackState,
    CallEnding,
    Case,
    CaseEvent,
    Contact,
    Dimension,
    Incident,
    IncidentCase,
    MonthlyReport,
    PhoneLine,
    Presence,
    PresenceState,
    PressureKind,
    PressureSign,
    QueueEntry,
    ScoreCorrection,
    ScorePeriod,
    Unit,
)
from models.base import CITY_TIME
from tests.factories_contacts import make_contact
from tests.factories_model import small_model

FIRST, END = datetime(2026, 10, 26, tzinfo=CITY_TIME), datetime(2026, 11, 9, 12, tzinfo=CITY_TIME)
CONTACTS, SEED = 100, 2
STORM = {"0208", "0401", "0402"}


@pytest.fixture
def played(sqlite_database: Database, settings: Settings, tmp_path: Path, clock: time_machine.Traveller) -> year.Played:
    settings.model_dir = small_model(tmp_path / "model")
    seeds.load_people(sqlite_database, settings)
    try:
        return year.play(sqlite_database.unit_of_work, settings, first=FIRST, end=END, contacts=CONTACTS, seed=SEED)
    finally:
        triage.use(None)


@pytest.mark.timeout(300)
def test_a_small_year_shows_its_storm_its_dishonest_unit_and_its_bad_one(played: year.Played, sqlite_database: Database) -> None:
    with sqlite_database.reading() as session:
        assert count(session, Contact) == played.contacts >= CONTACTS
        storm = session.scalars(select(Alert).where(Alert.kind == AlertKind.CLUSTER).order_by(Alert.created_at)).all()
        assert {alert.created_at.astimezone(CITY_TIME).date() for alert in storm} == {played.storm}
        assert {alert.subject for alert in storm} == {f"{played.township}:{each}" for each in STORM}
        assert all(alert.cleared_at is not None for alert in storm)

        assert_the_storm_became_incidents(session)
        assert_the_telephone_was_busy(session)
        assert_nobody_waits_nor_sits_at_a_desk(session)

        assert pressed_units(session) == {DISHONEST_UNIT}
        assert mean(session, DISHONEST_UNIT, Indicator.ON_TIME) == 1.0
        assert mean(session, BAD_UNIT, Indicator.ON_TIME) < mean_of_city(session, Indicator.ON_TIME)
        assert mean(session, BAD_UNIT, Indicator.RESOLUTION) < mean_of_city(session, Indicator.RESOLUTION)

        october = session.scalars(select(ScorePeriod)).one()
        assert (october.starts_on, october.created_at.astimezone(CITY_TIME).date()) == (date(2026, 10, 1), date(2026, 11, 8))
        assert [difference for ids in recount.batches(session) for difference in recount.compare(session, ids)] == []
        assert [difference for day in recount.days(session) for difference in recount.compare_sums(session, day)] == []
        assert recount.compare_periods(session) == []


def assert_the_telephone_was_busy(session: Session) -> None:
    calls = session.scalars(select(Call)).all()
    spoken = [call for call in calls if call.ending == CallEnding.SPOKEN]
    assert all(call.ended_at for call in calls)
    assert all(call.staff_id and call.wrapped_up_at for call in spoken)
    assert all(call.queued_at and call.answered_at and call.queued_at < call.answered_at for call in spoken)
    assert any(call.rating for call in spoken)
    assert count(session, Callback, Callback.state == CallbackState.WAITING) == 0


def assert_the_storm_became_incidents(session: Session) -> None:
    assert set(session.scalars(select(Incident.category_code))) == STORM
    assert count(session, IncidentCase, IncidentCase.answered_at.is_not(None)) > 2 * len(STORM)


def assert_nobody_waits_nor_sits_at_a_desk(session: Session) -> None:
    assert count(session, QueueEntry) == 0
    assert set(session.scalars(select(Presence.state))) == {PresenceState.OFFLINE}
    assert count(session, PhoneLine, PhoneLine.staff_id.is_not(None)) == 0


def count(session: Session, entity: type[Base], *which: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(entity).where(*which)) or 0


def test_the_same_seed_is_the_same_year(sqlite_database: Database, settings: Settings, tmp_path: Path) -> None:
    settings.model_dir = small_model(tmp_path / "model")
    seeds.load_people(sqlite_database, settings)
    try:
        assert once(sqlite_database, settings) == once(sqlite_database, settings)
    finally:
        triage.use(None)


def test_the_demos_closed_month_holds_all_its_cases(
    sqlite_database: Database, settings: Settings, tmp_path: Path, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.move_to(END)
    settings.model_dir, settings.demo_days = small_model(tmp_path / "model"), 14
    monkeypatch.setattr(cases, "A_DAY", 2)
    monkeypatch.setattr(cases, "BATCHES", [cases.Batch(cases.UpTo.SATISFIED, 3, 20 * cases.DAY, 14 * cases.DAY)])
    seeds.load_people(sqlite_database, settings)
    try:
        cases.load_cases(sqlite_database, settings)
    finally:
        triage.use(None)

    october = Month(date(2026, 10, 1))
    with sqlite_database.reading() as session:
        closed = session.scalars(select(ScorePeriod)).one()
        assert (closed.starts_on, closed.created_at) == (october.first, datetime(2026, 11, 8, 10, tzinfo=CITY_TIME))
        assert count(session, ScoreCorrection) == 0
        told = session.scalars(select(MonthlyReport).where(MonthlyReport.unit_code == "")).one()
        filed = count(session, Case, Case.created_at >= october.start, Case.created_at < october.end)
        assert told.body["now"]["filed"] == filed > 3
        assert [difference for ids in recount.batches(session) for difference in recount.compare(session, ids)] == []
        assert recount.compare_periods(session) == []


def once(database: Database, settings: Settings) -> list[tuple[UUID, str, str, datetime]]:
    """All that was done to the cases of a small year, which is then undone."""
    with database.unit_of_work() as session:
        year.play(lambda: nullcontext(session), settings, first=FIRST, end=END, contacts=28, seed=7)
        session.flush()
        done = select(CaseEvent.id, Case.number, CaseEvent.action, CaseEvent.at).join(Case, Case.id == CaseEvent.case_id)
        found = [(id, number, str(action), at) for id, number, action, at in session.execute(done.order_by(CaseEvent.id))]
        session.rollback()
    return found


def pressed_units(session: Session) -> set[str]:
    signs = select(Unit.code).join(PressureSign, PressureSign.unit_id == Unit.id)
    return set(session.scalars(signs.where(PressureSign.kind == PressureKind.IN_A_ROW)))


def mean(session: Session, unit: str, indicator: Indicator) -> float:
    line = boards.board(session, Dimension.UNIT, Stretch.of(Span.YEAR, date(2026, 11, 1))).line(unit)
    found = line.figure(indicator).mean if line else None
    assert found is not None
    return found


def mean_of_city(session: Session, indicator: Indicator) -> float:
    found = boards.board(session, Dimension.UNIT, Stretch.of(Span.YEAR, date(2026, 11, 1))).city.figure(indicator).mean
    assert found is not None
    return found


def test_a_database_in_use_is_refused(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOTLINE_DEMO", "true")
    get_settings.cache_clear()
    with sqlite_database.unit_of_work() as session:
        make_contact(session)

    assert main(["drill", "--year"]) == 1
    assert "in use" in capsys.readouterr().err


def test_a_year_needs_the_demo(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drill", "--year"]) == 1
    assert "HOTLINE_DEMO=true" in capsys.readouterr().err
