"""From a contact to its cases through the filing form: filed, answered, redirected, void, several matters, drafts."""

from collections.abc import Callable
from uuid import UUID

from fastapi.testclient import TestClient
from sqlalchemy import select

from classifier import Place, PlaceCandidate
from hotline.db import Database
from hotline.services import reviewing, triage
from hotline.services.profiles import profiles
from models import Case, CaseStatus, Conclusion, Draft
from tests.fakes import StubClassifier, prediction
from tests.web.desk import CATEGORY, NUMBER, WATER, contact_of, drafted, follow, looked_up, send, take, the_case
from tests.web.forms import PageForm, form


def test_without_a_classifier_the_desk_still_files(agent: TestClient, pages: Database, arrive: Callable[..., UUID]) -> None:
    triage.use(None)
    contact_id = arrive()

    page = take(agent)
    assert "暂无建议" in page
    follow(
        agent,
        form(page, "file"),
        request_type="help",
        category_pick=f"{CATEGORY} 市容环卫 › 垃圾清运",
        unit_pick="CGJ 城市管理综合行政执法局",
        place_text="滨江路12号",
    )

    case = the_case(pages, contact_id)
    assert (case.status, case.category_code, case.request_type) == (CaseStatus.DISPATCHED, CATEGORY, "help")


def test_filing_dispatches_and_concludes_and_a_double_click_changes_nothing(
    agent: TestClient, pages: Database, arrive: Callable[..., UUID]
) -> None:
    contact_id = arrive()
    filing = form(take(agent), "file")

    page = follow(agent, filing, place_text="滨江路12号")
    again = send(agent, filing, place_text="滨江路12号")

    assert again.status_code == 303
    case, contact = the_case(pages, contact_id), contact_of(pages, contact_id)
    assert f"已立案并派单：{case.number}" in page
    assert (case.status, case.number, case.number_of_requester) == (CaseStatus.DISPATCHED, contact.reference, NUMBER)
    assert contact.conclusion == Conclusion.FILED


def review_first(pages: Database, **changes: object) -> None:
    with pages.unit_of_work() as session:
        profiles.install(session, "review_first", profiles.shipped("seven_step") | changes)


def test_where_every_filing_is_reviewed_it_goes_to_the_shift_leader_with_what_was_proposed(
    agent: TestClient, pages: Database, arrive: Callable[..., UUID]
) -> None:
    review_first(pages)
    contact_id = arrive()
    taken = take(agent)

    page = follow(agent, form(taken, "file"), category=CATEGORY, unit="ZJJ", place_text="滨江路12号")

    case = the_case(pages, contact_id)
    assert "立案送审" in taken
    assert f"已立案，送班长审核：{case.number}" in page
    assert case.status == CaseStatus.UNDER_REVIEW
    assert contact_of(pages, contact_id).conclusion == Conclusion.FILED
    assert looked_up(pages, lambda session: reviewing.proposal(session, case)).unit == "ZJJ"


def test_what_is_reviewed_first_needs_the_summary_for_units_already(
    agent: TestClient, pages: Database, arrive: Callable[..., UUID]
) -> None:
    review_first(pages)
    arrive(confidential=True)

    refused = send(agent, form(take(agent), "file"), category=CATEGORY, place_text="滨江路12号")

    assert refused.status_code == 422
    assert "请先填写摘要" in refused.text


def test_where_both_are_allowed_the_agent_asks_for_a_review(
    agent: TestClient, pages: Database, arrive: Callable[..., UUID]
) -> None:
    review_first(pages, off=[row for row in profiles.shipped("seven_step")["off"] if row != "case:new:file"])
    contact_id = arrive()
    taken = take(agent)

    follow(agent, form(taken, "file"), category=CATEGORY, place_text="滨江路12号", for_review="true")

    assert "送班长审核" in taken
    assert the_case(pages, contact_id).status == CaseStatus.UNDER_REVIEW


def test_a_field_that_the_category_requires_is_asked_for(agent: TestClient, arrive: Callable[..., UUID]) -> None:
    arrive()
    filing = form(take(agent), "file")

    answer = send(agent, filing, place_text="", title="")

    assert answer.status_code == 422
    assert "标题：" in answer.text


def test_an_answer_on_the_spot_closes_the_matter(agent: TestClient, pages: Database, arrive: Callable[..., UUID]) -> None:
    contact_id = arrive()
    page = take(agent)
    send(agent, drafted(page, contact_id, place_text="滨江路12号"))
    answer = form(page, "answer-directly")

    empty = send(agent, answer)
    page = follow(agent, answer, answer="路灯今晚修好。")

    assert (empty.status_code, "请填写答复" in empty.text) == (422, True)
    assert "已直接答复" in page
    case = the_case(pages, contact_id)
    assert (case.status, case.public_answer) == (CaseStatus.CLOSED, "路灯今晚修好。")
    assert contact_of(pages, contact_id).conclusion == Conclusion.ANSWERED


def test_what_is_not_ours_is_shown_the_right_door(agent: TestClient, pages: Database, arrive: Callable[..., UUID]) -> None:
    contact_id = arrive()
    page = take(agent)
    send(agent, drafted(page, contact_id, place_text="滨江路12号"))
    redirect = form(page, "redirect")

    unknown = send(agent, redirect, door="nowhere")
    unexplained = send(agent, redirect, door="other")
    page = follow(agent, redirect, door="court", reason="已在法院立案。")

    assert (unknown.status_code, unexplained.status_code) == (422, 422)
    assert "已引导告知" in page
    assert the_case(pages, contact_id).status == CaseStatus.REDIRECTED
    contact = contact_of(pages, contact_id)
    assert contact.conclusion == Conclusion.REDIRECTED
    assert "12348" in contact.conclusion_note
    assert "已在法院立案" in contact.conclusion_note


def test_a_void_contact_needs_a_reason_and_makes_no_case(agent: TestClient, pages: Database, arrive: Callable[..., UUID]) -> None:
    contact_id = arrive()
    void = form(take(agent), "void")

    assert send(agent, void).status_code == 422
    assert send(agent, void, note="误发").status_code == 303
    assert send(agent, void, note="误发").status_code == 303

    contact = contact_of(pages, contact_id)
    assert (contact.conclusion, contact.conclusion_note) == (Conclusion.VOID, "误发")
    assert looked_up(pages, lambda session: session.scalar(select(Case.id))) is None


def test_one_contact_gives_several_cases(agent: TestClient, pages: Database, arrive: Callable[..., UUID]) -> None:
    contact_id = arrive()
    page = follow(agent, form(take(agent), "matter"))
    assert "第 2 件" in page

    second = form(page, "file")
    assert second.fields["m"] == "2"
    assert second.fields.get("category", "") == ""
    page = follow(
        agent, second, request_type="help", category=CATEGORY, unit="CGJ", title="垃圾", content="垃圾没清", place_text="滨江路"
    )
    assert contact_of(pages, contact_id).concluded_at is None
    assert "✓ 已立案" in page
    follow(agent, form(page, "file"), place_text="滨江路")

    rows = looked_up(pages, lambda session: session.execute(select(Case.matter, Case.number).order_by(Case.matter)).all())
    assert [matter for matter, _ in rows] == [1, 2]
    assert contact_of(pages, contact_id).conclusion == Conclusion.FILED


def test_a_second_matter_that_is_none_is_dropped(agent: TestClient, pages: Database, arrive: Callable[..., UUID]) -> None:
    contact_id = arrive()
    page = follow(agent, form(take(agent), "matter"))

    page = follow(agent, form(page, "drop-matter"))

    assert form(page, "file").fields["m"] == "1"
    assert contact_of(pages, contact_id).concluded_at is None


def test_a_draft_survives_a_reload_and_a_number_that_is_not_typed(
    agent: TestClient, pages: Database, arrive: Callable[..., UUID]
) -> None:
    contact_id = arrive()
    page = take(agent)
    assert form(page, "file").fields["number"] == ""

    page = follow(agent, drafted(page, contact_id, title="改过的标题", confidential="true"))

    again = form(page, "file")
    assert (again.fields["title"], again.fields["confidential"]) == ("改过的标题", "true")
    assert "草稿已存" in page
    kept = looked_up(pages, lambda session: session.get_one(Draft, (contact_id, 1)).body)
    assert NUMBER in str(kept)


def test_a_change_of_category_brings_its_unit_and_a_half_typed_one_does_not(
    agent: TestClient, pages: Database, arrive: Callable[..., UUID]
) -> None:
    contact_id = arrive()
    draft = drafted(take(agent), contact_id)
    headers = {"HX-Request": "true"}

    typing = agent.post(draft.action, data=draft.filled(category_pick="供"), headers=headers).text
    changed = agent.post(draft.action, data=draft.filled(category_pick=WATER), headers=headers).text

    assert "草稿已存" in typing
    assert 'id="units"' not in typing
    assert 'id="units"' in changed
    assert "GSG 供水公司" in changed
    chosen = agent.post(draft.action, data=draft.filled(category_pick=WATER, unit_pick="ZJJ 住建局"), headers=headers).text
    assert 'id="units"' not in chosen


def test_a_text_that_is_too_long_names_no_field_and_keeps_the_draft(agent: TestClient, arrive: Callable[..., UUID]) -> None:
    contact_id = arrive()
    draft = drafted(take(agent), contact_id, title="长" * 201)

    assert send(agent, draft).status_code == 422
    assert send(agent, PageForm("draft", draft.action, {**draft.fields, "title": "短", "m": "99"})).status_code == 422


def test_places_of_one_name_are_asked_and_the_answer_is_kept(
    agent: TestClient, pages: Database, suggestions: StubClassifier, arrive: Callable[..., UUID]
) -> None:
    candidates = (PlaceCandidate("990181001001", "东津街道 › 滨江社区"), PlaceCandidate("990181001002", "东津街道 › 钟楼社区"))
    suggestions.said = prediction(place=Place("ask", candidates=candidates))
    contact_id = arrive()

    page = take(agent)
    assert "同名的地方有 2 处" in page
    draft = drafted(page, contact_id, place_choice="990181001002")
    page = follow(agent, draft)

    assert "✓ 东津街道 › 钟楼社区" in page
    assert "同名的地方" not in page
    unknown = PageForm("draft", draft.action, {**draft.fields, "place_choice": "nowhere"})
    assert send(agent, unknown).status_code == 422


def test_a_place_is_found_by_its_name(agent: TestClient) -> None:
    assert "钟楼社区" in agent.get("/desk/places?area_query=钟楼").text
    assert "没有找到" in agent.get("/desk/places?area_query=火星").text
