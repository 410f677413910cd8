"""Models take turns: one suggests, one listens; promoted and stepped back without a restart, compared on the same contacts."""

import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

import classifier
from classifier import Gazetteer, ModelUnusable, Ranked
from hotline import db, tasks
from hotline.errors import NotFound, RuleBroken
from hotline.events import MessageReceived
from hotline.services import access, cases, triage
from hotline.services.access import Me
from hotline.services.learning import comparing, model_versions, promoting
from hotline.services.learning.model_versions import InUse
from hotline.settings import Settings
from models import Contact, ShadowSuggestion, Suggestion
from tests.factories import make_staff
from tests.factories_cases import a_form, fresh_key
from tests.factories_contacts import make_contact
from tests.fakes import StubClassifier, prediction

Says = Callable[[str, str], None]


@pytest.fixture
def says(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Says]:
    """Put a model into the data folder that always suggests one category; without a category it is broken."""
    settings.model_dir = settings.data_dir / "shipped"

    def load(folder: Path, places: Gazetteer | None) -> StubClassifier:
        manifest = json.loads((folder / "manifest.json").read_text())
        if not manifest["category"]:
            raise ModelUnusable("It is truncated.")
        said = prediction(category=(Ranked(manifest["category"], 0.9),), model_version=manifest["version"])
        return StubClassifier(said)

    def put(name: str, category: str) -> None:
        folder = model_versions.folder(name, settings)
        folder.mkdir(parents=True)
        about = {"version": f"v-{name}", "trained_at": "2026-11-22", "measures": {"category": {"top1": 0.5}}}
        (folder / "manifest.json").write_text(json.dumps({**about, "category": category}))

    monkeypatch.setattr(classifier, "load", load)
    monkeypatch.setattr(triage, "LOOKS_EVERY", 0.0)
    put("", "0101")
    yield put
    triage.use(None)


def arrive(session: Session) -> Contact:
    """A contact that has its suggestion."""
    contact = make_contact(session)
    event = MessageReceived(uuid4(), contact.id)
    tasks.suggest_category(session, event, triage.think(session, event))
    session.flush()
    return contact


def suggested(session: Session) -> str:
    found = triage.latest(session, arrive(session).id)
    assert found is not None
    return str(found.body["category"][0]["code"])


def decide(session: Session, contact: Contact, category: str) -> None:
    agent = access.actor(make_staff(session))
    cases.file_case(session, contact, a_form(category=category), matter=1, by=agent, key=fresh_key(), how="dispatch")


def test_a_promoted_model_is_taken_up_without_a_restart_and_one_step_leads_back(
    session: Session, settings: Settings, says: Says, admin: Me
) -> None:
    says("newer", "0102")
    triage.start(settings)
    before = suggested(session)

    model_versions.promote(session, "newer", by=admin)
    after = suggested(session)
    model_versions.step_back(session, by=admin)

    assert (before, after, suggested(session)) == ("0101", "0102", "0101")


def test_a_broken_model_is_neither_promoted_nor_let_listen(session: Session, says: Says, admin: Me) -> None:
    says("broken", "")

    with pytest.raises(RuleBroken):
        model_versions.promote(session, "broken", by=admin)
    with pytest.raises(RuleBroken):
        model_versions.shadow(session, "broken", by=admin)

    assert model_versions.in_use(session) == InUse()


def test_a_model_that_breaks_after_its_promotion_leaves_the_former_one_in_use_also_after_a_restart(
    session: Session, settings: Settings, says: Says, admin: Me, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "reading", lambda: nullcontext(session))
    says("newer", "0102")
    says("newest", "0103")
    triage.start(settings)
    model_versions.promote(session, "newer", by=admin)
    model_versions.promote(session, "newest", by=admin)
    (model_versions.folder("newest", settings) / "manifest.json").write_text(json.dumps({"version": "v", "category": ""}))

    running = suggested(session)
    triage.start(settings)

    assert (running, suggested(session)) == ("0101", "0102")


def test_a_model_in_shadow_is_kept_and_never_shown(session: Session, settings: Settings, says: Says, admin: Me) -> None:
    says("newer", "0102")
    triage.start(settings)
    model_versions.shadow(session, "newer", by=admin)

    contact = arrive(session)

    (shown,) = session.scalars(select(Suggestion).where(Suggestion.contact_id == contact.id)).all()
    (beside,) = session.scalars(select(ShadowSuggestion).where(ShadowSuggestion.suggestion_id == shown.id)).all()
    assert (shown.body["category"][0]["code"], beside.body["category"][0]["code"]) == ("0101", "0102")


def test_a_shadow_that_fails_costs_nobody_a_suggestion(session: Session) -> None:
    class Failing(StubClassifier):
        def predict(self, text: str, *, area: str | None = None) -> classifier.Prediction:
            raise ValueError("out of shape")

    triage.use(StubClassifier(), shadow=Failing())

    assert suggested(session) == "0101"
    triage.use(None)


def test_the_two_are_compared_on_what_people_decided(session: Session, settings: Settings, says: Says, admin: Me) -> None:
    says("newer", "0102")
    triage.start(settings)
    model_versions.shadow(session, "newer", by=admin)
    for decided in ["0102"] * 8 + ["0101"]:
        decide(session, arrive(session), decided)

    found = {each.field: each for each in comparing.compare(session, "v-newer", "v-")}
    category = found["category"]

    assert (category.count, category.only_shadow, category.only_shown) == (9, 8, 1)
    assert category.shadow.top1 == pytest.approx(8 / 9)
    assert category.shadow.ece == pytest.approx(abs(8 / 9 - 0.9))
    assert category.verdict == "better"
    assert [loss.decided for loss in category.losses] == ["0101"]
    assert found["request_type"].verdict == "even"


def heard_by_both(session: Session, settings: Settings, says: Says, admin: Me, decided: list[str]) -> None:
    """The shipped model says 0101 and the one in shadow 0102; people decide."""
    says("newer", "0102")
    triage.start(settings)
    model_versions.shadow(session, "newer", by=admin)
    for category in decided:
        decide(session, arrive(session), category)


def test_a_better_model_takes_over_by_rule_once_the_rule_is_wanted(
    session: Session, settings: Settings, says: Says, admin: Me, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promoting, "FEWEST", 9)
    heard_by_both(session, settings, says, admin, ["0102"] * 9)

    promoting.promote_better(session)
    assert model_versions.in_use(session).current == ""
    model_versions.let_rule_promote(session, True, by=admin)
    promoting.promote_better(session)
    promoting.promote_better(session)

    chosen = model_versions.in_use(session)
    assert (chosen.current, chosen.shadow, chosen.by_rule) == ("newer", "", True)
    latest, *before = model_versions.history(session)
    assert (latest.chosen.promoted_by_rule, latest.edition.by) == (True, "")
    assert [(turn.chosen.promoted_by_rule, turn.edition.by) for turn in before] == [(False, admin.name)] * 2


@pytest.mark.parametrize(("decided", "fewest"), [(["0102"] * 9, 10), (["0102"] * 6 + ["0101"] * 3, 9), (["0101"] * 9, 9)])
def test_too_few_contacts_or_a_difference_by_chance_promote_nothing(
    session: Session,
    settings: Settings,
    says: Says,
    admin: Me,
    monkeypatch: pytest.MonkeyPatch,
    decided: list[str],
    fewest: int,
) -> None:
    monkeypatch.setattr(promoting, "FEWEST", fewest)
    heard_by_both(session, settings, says, admin, decided)
    model_versions.let_rule_promote(session, True, by=admin)

    promoting.promote_better(session)

    assert model_versions.in_use(session).current == ""


def test_a_replaced_model_never_comes_back_by_rule(
    session: Session, settings: Settings, says: Says, admin: Me, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(promoting, "FEWEST", 1)
    says("newer", "0102")
    model_versions.let_rule_promote(session, True, by=admin)
    model_versions.promote(session, "newer", by=admin)
    triage.start(settings)
    for _ in range(9):
        decide(session, arrive(session), "0101")

    promoting.promote_better(session)

    assert model_versions.in_use(session).current == "newer"


def test_only_a_model_that_is_there_can_be_chosen(session: Session, says: Says, admin: Me) -> None:
    for act in (model_versions.promote, model_versions.shadow):
        with pytest.raises(NotFound):
            act(session, "../elsewhere", by=admin)
        with pytest.raises(RuleBroken):
            act(session, model_versions.SHIPPED, by=admin)
    with pytest.raises(RuleBroken):
        model_versions.step_back(session, by=admin)


def test_a_process_asks_for_promotions_now_and_then_only(
    session: Session, settings: Settings, says: Says, admin: Me, monkeypatch: pytest.MonkeyPatch
) -> None:
    says("newer", "0102")
    monkeypatch.setattr(triage, "LOOKS_EVERY", timedelta(hours=1).total_seconds())
    triage.start(settings)

    model_versions.promote(session, "newer", by=admin)

    assert suggested(session) == "0101"


@given(st.integers(0, 400), st.integers(0, 400))
def test_chance_is_a_probability_and_the_same_both_ways(one: int, other: int) -> None:
    assert 0 < comparing.chance(one, other) <= 1
    assert comparing.chance(one, other) == comparing.chance(other, one)


def test_chance_is_that_of_the_exact_test() -> None:
    assert comparing.chance(1, 8) == pytest.approx(2 * (1 + 9) / 2**9)
    assert comparing.chance(5, 5) == 1.0
    assert comparing.chance(0, 0) == 1.0
