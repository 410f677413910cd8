"""Filing forms: filled at first, then kept as they are left."""

from uuid import uuid4

import pytest
from pydantic import ValidationError
from sqlalchemy import update
from sqlalchemy.orm import Session

from classifier import Place
from hotline.errors import NotAllowed, RuleBroken, WrongState
from hotline.services import access, cases, drafts, intake, queueing, triage
from hotline.services.conversations import exchanges
from hotline.services.drafts import DraftForm
from hotline.services.profiles import profiles
from models import Conclusion, Contact, Draft, Message, RequestType, Staff, Urgency
from tests.factories_contacts import make_agent, make_contact, make_inbound
from tests.fakes import prediction

GRID = "990181001001001"


@pytest.fixture
def agent(session: Session) -> Staff:
    return make_agent(session)


@pytest.fixture
def contact(session: Session, agent: Staff) -> Contact:
    made = make_contact(
        session, text="路灯坏了\n在西门", name="王某", number="13800138000", place="滨江路15号", confidential=True
    )
    return queueing.take(session, agent, made.id)


def test_the_first_form_is_filled_from_contact_and_suggestion(session: Session, contact: Contact) -> None:
    place = Place("grid", "990181001", "990181001001", GRID)
    triage.suggest(session, contact, prediction(place=place).as_dict())

    form = drafts.open_draft(session, contact, 1)

    assert (form.request_type, form.category, form.unit) == (RequestType.COMPLAINT, "0101", "CGJ")
    assert (form.title, form.content, form.place_text) == ("路灯坏了", "路灯坏了\n在西门", "滨江路15号")
    assert (form.township_code, form.community_code, form.grid_code) == ("990181001", "990181001001", GRID)
    assert (form.name, form.number, form.confidential) == ("王某", "+8613800138000", True)
    assert form.area_code == GRID


def written(session: Session, text: str) -> Contact:
    return intake.receive(session, make_inbound(channel="wechat", sender="openid-1", text=text)).contact


def test_a_picture_without_words_fills_nothing_and_the_first_words_are_the_title(session: Session, agent: Staff) -> None:
    contact = queueing.take(session, agent, written(session, "［图片］").id)
    alone = drafts.open_draft(session, contact, 1)
    written(session, "井盖翻了\n就在校门口")

    form = drafts.open_draft(session, contact, 1)

    assert (alone.title, alone.content) == ("", "")
    assert (form.title, form.content) == ("井盖翻了", "井盖翻了\n就在校门口")


def test_answers_to_guided_questions_stand_in_their_fields_and_not_in_the_content_as_well(session: Session, agent: Staff) -> None:
    contact = queueing.take(session, agent, written(session, "垃圾没人收").id)
    exchange = exchanges.open_one(session, contact, exchanges.QUESTIONS, by=agent)
    for said in ("滨江路15号", "昨天晚上", "王小明 138 1234 0099", "味道很大，13812340099 这个号打过三次你们都没人来看过一眼"):
        written(session, said)
        if exchange.ended_at is None:
            exchanges.hear(session, contact, exchange, Message(text=said))

    form = drafts.open_draft(session, contact, 1)

    assert (form.place_text, form.occurred, form.name, form.number) == ("滨江路15号", "昨天晚上", "王小明", "+8613812340099")
    assert form.content.splitlines() == ["垃圾没人收", "味道很大，13812340099 这个号打过三次你们都没人来看过一眼"]


def test_where_the_street_comes_first_it_is_filled_in_and_the_suggested_unit_assists(session: Session, contact: Contact) -> None:
    profiles.install(session, "street_first", profiles.shipped("street_first"))
    place = Place("grid", "990181001", "990181001001", GRID)
    triage.suggest(session, contact, prediction(place=place).as_dict())

    form = drafts.open_draft(session, contact, 1)

    assert (form.unit, form.assist_units) == ("T001", ["CGJ"])


def test_without_a_suggestion_the_form_holds_what_the_citizen_said(session: Session, contact: Contact) -> None:
    contact.wished_kind = "help"

    form = drafts.open_draft(session, contact, 1)

    assert (form.request_type, form.category, form.unit, form.urgency) == (RequestType.HELP, "", "", Urgency.NORMAL)
    assert form.content == "路灯坏了\n在西门"


def test_a_second_matter_begins_with_the_person_and_the_place_only(session: Session, contact: Contact) -> None:
    triage.suggest(session, contact, prediction().as_dict())

    form = drafts.open_draft(session, contact, 2)

    assert (form.category, form.content) == ("", "")
    assert (form.name, form.place_text) == ("王某", "滨江路15号")


def test_a_form_is_found_as_it_was_left(session: Session, contact: Contact, agent: Staff) -> None:
    drafts.save(session, contact, 1, DraftForm(title="甲"), by=agent)
    drafts.open_draft(session, contact, 1)
    left = DraftForm(title="乙", assist_units=["ZJJ"], urgency=Urgency.URGENT)

    drafts.save(session, contact, 1, left, by=agent)

    assert drafts.open_draft(session, contact, 1) == left


def test_a_form_is_not_legible_in_the_database(session: Session, contact: Contact, agent: Staff) -> None:
    drafts.save(session, contact, 1, DraftForm(name="王某"), by=agent)

    body = session.connection().exec_driver_sql("SELECT body FROM draft").scalar_one()

    assert "王某".encode() not in bytes(body)


def test_only_whoever_has_taken_the_contact_writes_its_form(session: Session, contact: Contact) -> None:
    with pytest.raises(NotAllowed):
        drafts.save(session, contact, 1, DraftForm(), by=make_agent(session))


def test_what_is_filed_or_over_is_written_no_more(session: Session, contact: Contact, agent: Staff) -> None:
    drafts.save(session, contact, 1, DraftForm(title="甲"), by=agent)
    drafts.save(session, contact, 2, DraftForm(title="乙"), by=agent)
    form = DraftForm(request_type="inquiry", category="0101", title="甲", content="甲", place_text="西门")
    case = cases.file_case(
        session, contact, form, matter=1, by=access.actor(agent), key=uuid4().hex, how="answer", answer="已解答"
    )
    session.execute(update(Draft).where(Draft.contact_id == contact.id, Draft.matter == 1).values(case_id=case.id))

    with pytest.raises(RuleBroken, match="filed already"):
        drafts.save(session, contact, 1, DraftForm(title="丙"), by=agent)
    assert drafts.open_draft(session, contact, 1).title == "甲"
    queueing.conclude(session, contact, Conclusion.ANSWERED, by=agent)
    with pytest.raises(WrongState):
        drafts.save(session, contact, 2, DraftForm(title="丁"), by=agent)


def test_blank_choices_are_no_choices_and_too_long_texts_are_refused() -> None:
    assert DraftForm(request_type="", grid_code="").request_type is None
    with pytest.raises(ValidationError):
        DraftForm(title="长" * 201)
