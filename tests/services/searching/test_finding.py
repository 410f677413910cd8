"""What a search finds: words, numbers, places, units and filters, within what the person may see, the newest first."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotAllowed
from hotline.services.access import Me
from hotline.services.searching import finding, indexing
from hotline.services.searching.asking import Query
from hotline.services.searching.matching import Place
from models import Case, CaseStatus, CaseWords, RequestType, Role, Urgency, today
from tests.factories import somebody, unit_of
from tests.factories_cases import make_case

SHIELDED = {"confidential": True, "unit_summary": "反映食堂卫生", "content": "举报食堂使用过期肉", "title": "过期肉"}


@pytest.fixture
def dispatcher(session: Session) -> Me:
    return somebody(session, Role.DISPATCHER)


def filed(session: Session, **values: object) -> Case:
    """A case that says what it is given to say and no more, indexed."""
    case = make_case(session, **{"title": "反映问题", **values})  # type: ignore[arg-type]
    indexing.index(session, case)
    return case


def found(session: Session, me: Me, q: str = "", **filters: str) -> list[str]:
    session.flush()
    return [row.case.number for row in finding.page(session, me, Query.of({"q": q, **filters})).rows]


def test_all_words_must_occur_and_the_newest_stand_first(session: Session, dispatcher: Me, clock: time_machine.Traveller) -> None:
    older = filed(session, content="长江路的路灯坏了三天")
    clock.shift(timedelta(minutes=1))
    newer = filed(session, content="小区里路灯不亮")
    filed(session, content="垃圾没人清")

    assert found(session, dispatcher, "路灯") == [newer.number, older.number]
    assert found(session, dispatcher, "路灯坏了") == [older.number]
    assert found(session, dispatcher, "路灯 小区") == [newer.number]
    assert found(session, dispatcher, "路灯 垃圾") == []


def test_a_case_is_found_by_its_number_and_its_requesters_telephone(session: Session, dispatcher: Me) -> None:
    case = filed(session, number="13812340172")
    other = filed(session, number="13812340173")

    assert found(session, dispatcher, case.number) == [case.number]
    assert found(session, dispatcher, "138 1234 0172".replace(" ", "")) == [case.number]
    assert found(session, dispatcher, "+86-138-1234-0173") == [other.number]


def test_the_name_of_a_place_or_unit_means_that_and_in_quotes_the_words(session: Session, dispatcher: Me) -> None:
    here = filed(session, township_code="990181001", community_code="990181001001", status=CaseStatus.DISPATCHED)
    elsewhere = filed(session, township_code="990181002", content="滨江社区开来汽车", unit="SCJ", status=CaseStatus.DISPATCHED)
    unit = unit_of(session, "SCJ")

    assert found(session, dispatcher, "滨江社区") == [here.number]
    assert found(session, dispatcher, "“滨江社区”") == [elsewhere.number, here.number]
    assert found(session, dispatcher, f"{unit.name} 汽车") == [elsewhere.number]
    assert found(session, dispatcher, f"{unit.name} 垃圾没人") == []
    assert finding.page(session, dispatcher, Query(q="滨江社区")).asked.chips == [("place", "滨江社区")]


def test_filters_narrow_what_is_found(session: Session, dispatcher: Me, clock: time_machine.Traveller) -> None:
    case = filed(session, urgency=Urgency.URGENT, status=CaseStatus.DISPATCHED, request_type=RequestType.HELP)
    day = today().isoformat()
    alike: Sequence[dict[str, str]] = (
        {"state": "open"},
        {"state": "dispatched"},
        {"urgency": "urgent"},
        {"type": "help"},
        {"category": case.category_code},
        {"category": case.category_code[:2]},
        {"unit": "CGJ"},
        {"channel": "mailbox"},
        {"since": day, "until": day},
    )
    unlike = (
        {"state": "ended"},
        {"urgency": "normal"},
        {"unit": "SCJ"},
        {"channel": "sms"},
        {"until": "2020-01-01"},
        {"mark": "overdue"},
    )

    assert [found(session, dispatcher, **each) for each in alike] == [[case.number]] * len(alike)
    assert [found(session, dispatcher, "垃圾", **each) for each in unlike] == [[]] * len(unlike)
    clock.shift(timedelta(days=30))
    assert found(session, dispatcher, mark="overdue") == [case.number]


def test_pages_follow_each_other_without_gap_or_double(session: Session, dispatcher: Me, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "PAGE", 2)
    everything = {filed(session, content="井盖响").number for _ in range(5)}
    seen: list[str] = []
    after: Place | None = None
    while True:
        page = finding.page(session, dispatcher, Query(q="井盖"), after=after)
        seen += [row.case.number for row in page.rows]
        filed(session, content="井盖响")  # comes in while somebody turns the pages
        if page.next is None or len(seen) > 10:
            break
        after = Place.of(str(page.next))

    assert (len(seen), set(seen)) == (5, everything)


def test_a_place_in_the_list_that_nobody_wrote_is_the_beginning() -> None:
    assert [Place.of(written) for written in ("", "x~y", "2026-01-01T00:00:00~" + "0" * 32)] == [None, None, None]


@pytest.mark.parametrize(("newest", "few"), [(2, 1), (2, 10), (10, 1)])
def test_words_are_found_behind_many_newer_cases(
    session: Session, dispatcher: Me, monkeypatch: pytest.MonkeyPatch, newest: int, few: int
) -> None:
    monkeypatch.setattr("hotline.services.searching.matching.NEWEST", newest)
    monkeypatch.setattr("hotline.services.searching.matching.FEW", few)
    rare = filed(session, content="发现野猪")
    for _ in range(4):
        filed(session)

    assert found(session, dispatcher, "野猪") == [rare.number]


def test_a_unit_finds_its_own_cases_only_and_no_longer_what_was_taken_from_it(session: Session) -> None:
    liaison = somebody(session, Role.LIAISON, unit="CGJ")
    mine = filed(session, status=CaseStatus.DISPATCHED)
    filed(session, status=CaseStatus.DISPATCHED, unit="SCJ")
    filed(session)

    assert found(session, liaison, "垃圾") == [mine.number]
    assert found(session, liaison) == [mine.number]
    assert found(session, liaison, "13800000172") == [mine.number]


def test_of_a_confidential_case_its_unit_finds_the_summary_alone(session: Session) -> None:
    liaison = somebody(session, Role.LIAISON, unit="CGJ")
    case = filed(session, status=CaseStatus.DISPATCHED, **SHIELDED)

    assert found(session, liaison, "食堂卫生") == [case.number]
    assert found(session, liaison, "过期") == []
    assert found(session, liaison, "13800000172") == []
    row = finding.page(session, liaison, Query(q=case.number)).rows[0]
    assert (row.title, row.person) == ("反映食堂卫生", (None, None))


@pytest.mark.parametrize("shielded", [SHIELDED, {"request_type": RequestType.REPORT, "content": "举报食堂使用过期肉"}])
def test_at_the_centre_shielded_cases_are_come_across_by_those_who_handle_them(
    session: Session, dispatcher: Me, shielded: dict[str, object]
) -> None:
    agent, supervisor = somebody(session, Role.AGENT), somebody(session, Role.SUPERVISOR)
    case = filed(session, **shielded)

    assert [found(session, me, "过期肉") for me in (dispatcher, supervisor, agent)] == [[case.number], [case.number], []]
    assert (found(session, agent), found(session, agent, "13800000172"), found(session, agent, "食堂")) == ([], [], [])
    assert found(session, agent, case.number) == [case.number]
    assert finding.page(session, agent, Query(q=case.number)).rows[0].title == ""


def test_the_answer_of_a_shielded_case_is_found_by_those_who_handle_such_cases(session: Session, dispatcher: Me) -> None:
    agent, liaison = somebody(session, Role.AGENT), somebody(session, Role.LIAISON, unit="CGJ")
    openly = filed(session, status=CaseStatus.CLOSED)
    shielded = filed(session, status=CaseStatus.CLOSED, **SHIELDED)

    assert set(found(session, dispatcher, "清运两次")) == {openly.number, shielded.number}
    assert [found(session, me, "清运两次") for me in (agent, liaison)] == [[openly.number]] * 2


def test_what_is_no_word_is_said_so(session: Session, dispatcher: Me) -> None:
    with pytest.raises(Invalid):
        found(session, dispatcher, "的")


def test_who_has_no_cases_has_no_search(session: Session) -> None:
    for me in (somebody(session, Role.ADMINISTRATOR), somebody(session, Role.LIAISON)):
        with pytest.raises(NotAllowed):
            found(session, me)


def test_personal_fields_have_no_words(session: Session, dispatcher: Me) -> None:
    case = filed(session, name="欧阳建国", place_text="滨江路12号", content="电话13812340172，请快来")
    words = session.scalars(select(CaseWords.words).where(CaseWords.case_id == case.id)).one()

    assert not {"欧阳", "建国", "江路", "12号", "13812340172"} & set(words)


def test_erased_texts_are_found_no_more(session: Session, dispatcher: Me) -> None:
    case = filed(session)
    indexing.forget(session, [case.id])

    assert found(session, dispatcher, "垃圾") == []
    assert found(session, dispatcher, case.number) == [case.number]
