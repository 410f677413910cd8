"""Suggestions beside decisions, and a desk that works without either."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from classifier import Place, Urgency
from hotline.events import MessageReceived
from hotline.services import access, cases, intake, queueing, triage
from hotline.services.drafts import DraftForm
from hotline.settings import Settings
from models import Category, Conclusion, Contact, Decision, OutboxMessage, RoutingRule, TaxonomyVersion, Unit, UnitKind
from models import Urgency as Level
from tests.factories import unit_of
from tests.factories_contacts import make_agent, make_contact, make_inbound
from tests.factories_model import LAMP, WATER, small_model
from tests.fakes import StubClassifier, prediction

GRID = "990181001001001"
IN_A_GRID = Place("grid", "990181001", "990181001001", GRID)


@pytest.fixture
def stub() -> Iterator[StubClassifier]:
    held = StubClassifier()
    triage.use(held)
    yield held
    triage.use(None)


def event_of(contact: Contact) -> MessageReceived:
    return MessageReceived(uuid4(), contact.id)


def test_it_is_asked_about_all_that_the_citizen_wrote_and_the_place_picked(session: Session, stub: StubClassifier) -> None:
    first = make_inbound(channel="sms", sender="+8613800138000", text="路灯坏了", area_code="990181001")
    contact = intake.receive(session, first).contact
    intake.receive(session, make_inbound(channel="sms", sender="+8613800138000", text="在西门"))

    body = triage.predict(session, event_of(contact))

    assert stub.asked == [("路灯坏了\n在西门", "990181001")]
    assert body == stub.said.as_dict()


def test_a_suggestion_is_kept_and_announced(session: Session) -> None:
    contact = make_contact(session)

    triage.suggest(session, contact, prediction(place=IN_A_GRID).as_dict())
    newer = triage.suggest(session, contact, prediction(model_version="newer").as_dict())
    session.flush()

    assert triage.latest(session, contact.id) == newer
    assert contact.grid_code == GRID
    assert session.scalars(select(OutboxMessage.event).where(OutboxMessage.event == "ContactSuggested")).all() != []


def test_the_place_that_the_citizen_picked_stays(session: Session) -> None:
    contact = make_contact(session, area_code="990181002")

    triage.suggest(session, contact, prediction(place=IN_A_GRID).as_dict())

    assert contact.grid_code == "990181002"


def test_an_emergency_goes_to_the_head_of_the_queue_and_stays_there(session: Session) -> None:
    make_contact(session, channel="voice", waited=300)
    letter = make_contact(session)

    triage.suggest(session, letter, prediction(urgency=Urgency("emergency", "因“着火”")).as_dict())
    triage.suggest(session, letter, prediction().as_dict())

    assert letter.urgency == Level.EMERGENCY
    assert queueing.waiting(session)[0].contact == letter


def test_nothing_is_suggested_for_what_is_over(session: Session, stub: StubClassifier) -> None:
    contact = make_contact(session)
    agent = make_agent(session)
    queueing.take(session, agent, contact.id)
    queueing.conclude(session, contact, Conclusion.ANSWERED, by=agent)

    assert triage.predict(session, event_of(contact)) is None
    assert stub.asked == []


def test_without_a_classifier_or_words_there_is_no_suggestion(session: Session, stub: StubClassifier) -> None:
    assert triage.suggest_text(" \n") is None
    assert triage.suggest_text("路灯坏了") is not None

    triage.use(None)

    assert triage.suggest_text("路灯坏了") is None
    assert triage.predict(session, event_of(make_contact(session))) is None


@pytest.mark.parametrize("content", [None, "this is no model"])
def test_a_model_that_is_absent_or_broken_leaves_the_desk_without_and_says_so(
    session: Session,
    settings: Settings,
    tmp_path: Path,
    stub: StubClassifier,
    caplog: pytest.LogCaptureFixture,
    content: str | None,
) -> None:
    settings.model_dir = tmp_path / "model"
    if content is not None:
        settings.model_dir.mkdir()
        (settings.model_dir / "manifest.json").write_text(content)

    assert triage.start(settings) is None

    assert triage.current() is None
    assert "no classifier" in caplog.text


def test_what_was_decided_stands_beside_what_was_suggested(session: Session) -> None:
    contact = make_contact(session)
    agent = make_agent(session)
    queueing.take(session, agent, contact.id)
    suggestion = triage.suggest(session, contact, prediction(place=IN_A_GRID).as_dict())
    form = DraftForm(
        request_type="complaint", category="0203", unit="ZJJ", title="路灯", content="路灯坏了", place_text="门口", grid_code=GRID
    )

    case = cases.file_case(session, contact, form, matter=1, by=access.actor(agent), key=uuid4().hex, how="dispatch")

    decisions = session.scalars(select(Decision).where(Decision.case_id == case.id)).all()
    assert {decision.field: (decision.suggested, decision.decided) for decision in decisions} == {
        "request_type": ("complaint", "complaint"),
        "category": ("0101", "0203"),
        "unit": ("CGJ", "ZJJ"),
        "urgency": ("normal", "normal"),
        "place": (GRID, GRID),
    }
    assert {decision.suggestion_id for decision in decisions} == {suggestion.id}


@pytest.fixture
def small(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A service with a small real model, which looks at the city before every suggestion."""
    settings.model_dir = small_model(tmp_path / "small")
    monkeypatch.setattr(triage, "LOOKS_EVERY", 0.0)
    assert triage.start(settings) is not None
    yield settings
    triage.use(None)


def said_of(session: Session, text: str) -> dict[str, Any]:
    contact = make_contact(session, text=text)
    thought = triage.think(session, event_of(contact))
    assert thought is not None
    return thought.body


def codes(ranked: list[dict[str, Any]]) -> list[str]:
    return [each["code"] for each in ranked]


def test_a_category_and_a_unit_work_from_the_day_they_are_added(session: Session, small: Settings) -> None:
    edition = session.scalars(select(TaxonomyVersion).where(TaxonomyVersion.current)).one()
    assert "0499" not in codes(said_of(session, "无人机整天在窗外飞")["category"])

    session.add(Unit(code="SJJ", name="数据局", short="数据", kind=UnitKind.BUREAU, duties="低空设施", path="/SJJ/"))
    session.add(Category(taxonomy_id=edition.id, code="0499", name="低空设施", level=2, parent_code="04", keywords=["无人机"]))
    session.add(RoutingRule(taxonomy_id=edition.id, category_code="0499", lead_unit_code="SJJ", assist_unit_codes=[]))
    session.flush()

    said = said_of(session, "无人机整天在窗外飞")
    assert (said["category"][0]["code"], said["category"][0]["words"]) == ("0499", ["无人机"])
    assert (said["unit"][0]["code"], said["sure"]) == ("SJJ", False)


def test_what_the_city_has_no_more_is_not_suggested_or_goes_by_its_new_name(session: Session, small: Settings) -> None:
    edition = session.scalars(select(TaxonomyVersion).where(TaxonomyVersion.current)).one()
    lamp = session.scalars(select(Category).where(Category.taxonomy_id == edition.id, Category.code == LAMP)).one()
    water = session.scalars(select(Category).where(Category.taxonomy_id == edition.id, Category.code == WATER)).one()

    lamp.code, lamp.formerly, lamp.name = "0298", [LAMP], "城市照明"
    water.code, water.name = "0498", "别的事"
    session.flush()

    assert codes(said_of(session, "路灯坏了")["category"])[0] == "0298"
    assert WATER not in codes(said_of(session, "停水了")["category"])


def test_a_very_long_letter_is_judged_by_its_end_too_and_says_so(session: Session, small: Settings) -> None:
    said = triage.suggest_text("您好。" + "此前多次反映。" * 20_000 + "路灯坏了，整条街没有路灯")

    assert said is not None
    assert said["shortened"]
    assert "路灯" in said["category"][0]["words"]


def test_a_unit_that_closed_is_not_suggested(session: Session, small: Settings) -> None:
    before = said_of(session, "停水了，没有自来水")["unit"][0]["code"]

    unit_of(session, before).active = False
    session.flush()

    assert before not in codes(said_of(session, "停水了，没有自来水")["unit"])
