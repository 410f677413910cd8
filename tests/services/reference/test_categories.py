"""Editions of the categories: put in force once they were looked at, taken back, and what becomes of cases and suggestions."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NoteRequired, Outdated, RuleBroken
from hotline.seeds import files, taxonomy
from hotline.services import dispatching
from hotline.services.access import Me
from hotline.services.city import city_today
from hotline.services.learning import lessons
from hotline.services.reference import areas, categories
from hotline.services.reference.forms import CategoryForm
from models import AccessLog, Category, TaxonomyVersion
from tests.factories_cases import make_case
from tests.factories_contacts import make_contact

WORD = "餐厨油桶"
NEW = {
    "act": "add",
    "parent": "01",
    "name": "餐厨废油",
    "keywords": f"{WORD}、地沟油",
    "lead": "CGJ",
    "reason": "市政府令第 5 号",
}


def change(session: Session, by: Me, **form: Any) -> TaxonomyVersion:
    wanted = CategoryForm(**{"reason": "会议纪要", **form})
    return categories.change(session, wanted, seen=categories.propose(session, wanted).seen, by=by)


def in_force(session: Session) -> UUID:
    return session.scalars(select(TaxonomyVersion.id).where(TaxonomyVersion.current)).one()


def test_a_proposal_changes_nothing(session: Session) -> None:
    before = in_force(session)
    make_case(session)

    proposal = categories.propose(session, CategoryForm(act="retire", code="0102"))

    assert proposal.seen == in_force(session) == before
    assert proposal.cases == 1
    assert proposal.differences


def test_what_is_confirmed_is_the_next_edition_and_says_who_and_why(session: Session, admin: Me) -> None:
    edition = change(session, admin, **NEW)

    assert in_force(session) == edition.id
    log = session.scalars(select(AccessLog).where(AccessLog.subject_id == edition.id)).one()
    assert (log.staff_id, log.reason) == (admin.staff_id, "市政府令第 5 号")
    latest = categories.editions(session)[0]
    assert (latest.id, latest.by, latest.note, latest.current) == (edition.id, admin.name, "市政府令第 5 号", True)


def test_cases_keep_the_edition_that_they_were_filed_under(session: Session, admin: Me) -> None:
    case = make_case(session, contact=make_contact(session, text="小区的垃圾桶一直没人清理"))
    former = in_force(session)

    change(session, admin, act="merge", code="0102", into="0103")

    assert case.taxonomy_id == former
    assert session.scalar(select(Category.name).where(Category.taxonomy_id == former, Category.code == "0102"))
    assert [each.labels["category"] for each in lessons.examples(session)] == ["0103"]


def test_suggestions_know_it_from_that_day(session: Session, admin: Me) -> None:
    edition = change(session, admin, **NEW)

    city = city_today.load(session)

    assert city is not None
    code = next(code for code, name in city.routing.names.items() if name == "餐厨废油")
    assert WORD in city.routing.words[code]
    assert city.routing.unit(code, None) == "CGJ"
    change(session, admin, act="merge", code=code, into="0102")
    city = city_today.load(session)
    assert city is not None
    assert city.category_now(code) == "0102"
    assert edition.id != in_force(session)


def test_the_second_of_two_administrators_is_told(session: Session, admin: Me) -> None:
    form = CategoryForm(**NEW)
    seen = categories.propose(session, form).seen
    change(session, admin, act="retire", code="0105")

    with pytest.raises(Outdated):
        categories.change(session, form, seen=seen, by=admin)


def test_a_change_needs_a_reason_and_a_unit_that_there_is(session: Session, admin: Me) -> None:
    with pytest.raises(NoteRequired):
        change(session, admin, **{**NEW, "reason": " "})
    with pytest.raises(Invalid):
        change(session, admin, **{**NEW, "lead": "NONE"})


def test_a_former_edition_is_put_in_force_again_as_it_was(session: Session, admin: Me) -> None:
    first, second = in_force(session), change(session, admin, act="retire", code="0105").id
    assert any(each.of.startswith("0105") for each in categories.compare(session, first))

    categories.return_to(session, first, seen=second, reason="撤回", by=admin)

    assert in_force(session) == first
    with pytest.raises(RuleBroken):
        categories.return_to(session, first, seen=first, reason="再来", by=admin)
    with pytest.raises(Outdated):
        categories.return_to(session, second, seen=second, reason="再来", by=admin)


def test_a_file_does_not_undo_what_an_administrator_changed(session: Session, admin: Me, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = change(session, admin, **NEW).id
    monkeypatch.setattr(files, "digest", lambda _: "a later file")

    assert taxonomy.load_categories(session)

    assert in_force(session) == mine
    assert categories.editions(session)[0].by == ""


def test_in_one_area_another_unit_leads_until_that_is_taken_back(session: Session, admin: Me) -> None:
    def lead(area: str) -> str:
        return dispatching.codes_for(session, "0102", area)[0]

    everywhere = lead("990181001002")
    change(session, admin, act="area", code="0102", area="990181001002", lead="SCJ")

    assert (lead("990181001002"), lead("990181001001")) == ("SCJ", everywhere)
    (line,) = areas.shown(session).lines
    assert (line.entry.code, line.place, line.duty.lead) == ("0102", "东津街道 钟楼社区", "SCJ")
    change(session, admin, act="area", code="0102", area="990181001002")
    assert lead("990181001002") == everywhere


@pytest.mark.parametrize("form", [{"area": "000000"}, {"area": ""}, {"code": "01"}, {"lead": "NONE"}])
def test_an_area_rule_names_an_area_a_category_and_a_unit_that_there_are(
    session: Session, admin: Me, form: dict[str, str]
) -> None:
    with pytest.raises(Invalid):
        change(session, admin, **{"act": "area", "code": "0102", "area": "990181001002", "lead": "SCJ", **form})
