"""How the model fares: what people change, how matters shift, what is mixed up, which words are new."""

from datetime import timedelta
from math import log
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.services import triage
from hotline.services.learning import drifting, model_versions, unseen_words
from hotline.services.learning.drifting import Changed, Drift
from hotline.settings import Settings
from models import Case, Conclusion, Contact, Decision, RequestType, now
from tests.factories import make_staff
from tests.factories_cases import make_case
from tests.factories_contacts import make_contact
from tests.factories_model import small_model


class Decided:
    """Decisions of one agent about one case; what they are about does not matter here."""

    def __init__(self, session: Session, name: str = "李坐席") -> None:
        self.session = session
        self.case_id: UUID = make_case(session).id
        self.by_id = make_staff(session, name=name).id

    def add(self, suggested: str, decided: str, *, field: str = "category", times: int = 1) -> None:
        for _ in range(times):
            values: dict[str, Any] = {"case_id": self.case_id, "by_id": self.by_id, "created_at": now()}
            self.session.add(Decision(field=field, suggested=suggested, decided=decided, **values))
        self.session.flush()


def of(found: Drift, field: str, name: str) -> Changed:
    return next(line for each in found.fields if each.name == field for line in each.labels if line.name == name)


def test_what_people_change_is_counted_by_week_agent_unit_and_label(session: Session, clock: Traveller) -> None:
    decided = Decided(session)
    decided.add("0203", "0203", times=3)
    clock.shift(timedelta(weeks=1))
    decided.add("0203", "0102")
    decided.add("ZJJ", "CGJ", field="unit")

    found = drifting.drift(session)

    lamps, unit = of(found, "category", "路灯照明"), of(found, "unit", "住建")
    assert (lamps.count, lamps.share, lamps.by_week[-2:]) == (4, 0.25, [0.0, 1.0])
    assert (unit.count, unit.share) == (1, 1.0)
    (agent,) = found.agents
    assert agent.name.startswith("李坐席")
    assert (agent.count, agent.share) == (4, 0.25)


def test_a_more_exact_category_below_the_suggested_one_is_no_change(session: Session) -> None:
    Decided(session).add("0102", "010203")

    found = drifting.drift(session)

    assert of(found, "category", "垃圾清运").share == 0.0
    assert found.agents[0].share == 0.0
    assert found.spreads == []


def test_what_was_not_suggested_or_lies_too_far_back_does_not_count(session: Session, clock: Traveller) -> None:
    decided = Decided(session)
    decided.add("0203", "0102")
    clock.shift(timedelta(weeks=drifting.WEEKS))
    decided.add("", "0102")

    found = drifting.drift(session)

    assert (found.agents, [field.overall for field in found.fields]) == ([], [None, None])


def test_the_shares_of_the_latest_weeks_stand_beside_those_before(session: Session, clock: Traveller) -> None:
    decided = Decided(session)
    decided.add("0203", "0203", times=50)
    clock.shift(timedelta(weeks=drifting.RECENT + 1))
    decided.add("0203", "0203", times=40)
    assert drifting.drift(session).fields[0].shifts == []

    decided.add("0102", "0102", times=10)

    lamps, rubbish = sorted(drifting.drift(session).fields[0].shifts, key=lambda line: line.recent, reverse=True)
    assert (lamps.name, lamps.before, lamps.recent) == ("路灯照明", 1.0, 0.8)
    assert (rubbish.name, rubbish.before, rubbish.recent) == ("垃圾清运", 0.0, 0.2)


def test_labels_that_are_taken_for_each_other_are_proposed_for_merging(session: Session) -> None:
    decided = Decided(session)
    decided.add("0203", "0102", times=5)
    decided.add("0102", "0203", times=6)
    decided.add("0102", "0102", times=10)
    decided.add("0401", "0402", times=9)

    (pair,) = drifting.drift(session).confusions

    assert (pair.one, pair.other, pair.one_as_other, pair.other_as_one) == ("垃圾清运", "路灯照明", 6, 5)
    assert pair.share == pytest.approx(11 / 21)


def test_a_suggestion_of_which_people_make_many_things_is_proposed_for_splitting(session: Session) -> None:
    decided = Decided(session)
    for label, times in (("0203", 6), ("0102", 5), ("0401", 5), ("0402", 4)):
        decided.add("0203", label, times=times)
        decided.add(label, label, times=20 if label != "0203" else 0)

    (spread,) = drifting.drift(session).spreads

    assert (spread.name, spread.count, spread.right) == ("路灯照明", 20, 0.3)
    assert [name for name, _ in spread.parts] == ["垃圾清运", "供水", "供电"]


def test_the_weeks_are_held_against_what_the_model_learnt(session: Session, settings: Settings, tmp_path: Path) -> None:
    settings.model_dir = small_model(tmp_path / "model")
    Decided(session).add("0203", "0203", times=30)

    found = drifting.drift(session)

    assert found.trained
    week = found.fields[0].stability[-1]
    assert week is not None
    assert (week.verdict, found.fields[0].stability[0]) == ("bad", None)
    assert [line["name"] for line in drifting.as_plots(found)["shifted"]] == ["分类"]


def test_a_model_that_says_nothing_of_its_training_is_compared_with_nothing(session: Session, settings: Settings) -> None:
    settings.model_dir = settings.data_dir / "nowhere"
    assert model_versions.about("", settings) is None
    Decided(session).add("0203", "0203")

    found = drifting.drift(session)

    assert (found.trained, drifting.as_plots(found)["shifted"]) == (False, [])


def test_the_index_is_nought_for_equal_shares_and_has_its_known_value_for_others() -> None:
    assert drifting.stability({"a": 30, "b": 10}, {"a": 300, "b": 100}).index == pytest.approx(0, abs=1e-3)

    moved = drifting.stability({"a": 9_000, "b": 1_000}, {"a": 5_000, "b": 5_000})

    assert moved.index == pytest.approx(0.4 * log(0.9 / 0.5) - 0.4 * log(0.1 / 0.5), abs=1e-3)
    assert moved.verdict == "bad"
    assert moved.noise == pytest.approx(2e-4)


@pytest.fixture
def model(settings: Settings, tmp_path: Path) -> Any:
    settings.model_dir = small_model(tmp_path / "model")
    yield triage.start(settings)
    triage.use(None)


def written(session: Session, text: str) -> Contact:
    contact = make_contact(session, text=text)
    contact.concluded_at, contact.conclusion = now(), Conclusion.ANSWERED
    return contact


def test_new_words_of_several_citizens_are_listed_and_those_of_one_are_not(session: Session, model: Any) -> None:
    for text in ("路灯坏了，滑板车乱停", "滑板车挡路", "滑板车骑得太快", "只有一个人说的电影院"):
        written(session, text)
    session.flush()

    found = unseen_words.unseen(session)

    assert found is not None
    assert [word for word, _ in found.most] == ["滑板车"]
    assert found.texts == 4
    assert 0 < found.share < 1


def test_names_numbers_and_places_are_never_among_them(session: Session, model: Any) -> None:
    for _ in range(3):
        text = "我叫孟晓军，电话13800138000，住滨江公园旁边，滑板车乱停"
        written(session, text).sender_name = "孟晓军"
    session.flush()

    found = unseen_words.unseen(session)

    assert found is not None
    listed = "".join(word for word, _ in found.most)
    assert "滑板车" in listed
    assert not any(part in listed for part in ("孟", "晓军", "138", "滨江", "公园"))


def test_what_is_confidential_a_report_or_still_open_is_not_read(session: Session, model: Any) -> None:
    shielded, reported = (written(session, "滑板车乱停") for _ in range(2))
    shielded.confidential = True
    case: Case = make_case(session)
    case.contact_id, case.request_type = reported.id, RequestType.REPORT
    make_contact(session, text="滑板车乱停")
    session.flush()

    found = unseen_words.unseen(session)

    assert found is not None
    assert (found.texts, found.most) == (0, [])


def test_a_process_without_a_model_says_so(session: Session) -> None:
    triage.use(None)

    assert unseen_words.unseen(session) is None
