"""What decisions teach: the citizen's words without persons, the category that stood in the end, as it is called today."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.services.learning import lessons
from models import Category, RequestType, TaxonomyVersion
from tests.factories_cases import make_case
from tests.factories_contacts import make_contact

TEXT = "我叫孟晓军，滨江路12号三单元的垃圾没人清，电话13800138000"


def learnt(session: Session) -> list[tuple[str, dict[str, str]]]:
    return [(each.text, dict(each.labels)) for each in lessons.examples(session)]


def case_of(session: Session, text: str = TEXT, **form: Any) -> Any:
    return make_case(session, contact=make_contact(session, text=text), **form)


def test_a_decided_case_teaches_its_text_without_the_person(session: Session) -> None:
    case_of(session)

    ((text, labels),) = learnt(session)

    assert "垃圾没人清" in text
    assert not any(part in text for part in ("孟", "138", "12", "三单元"))
    assert labels == {"category": "0102", "request_type": "complaint"}


def test_a_third_level_category_teaches_the_second(session: Session) -> None:
    case_of(session, category="010203")

    assert learnt(session)[0][1]["category"] == "0102"


def test_of_a_call_what_the_agent_wrote_down_is_learnt(session: Session) -> None:
    make_case(session, contact=make_contact(session, channel="voice", text=""), content="来电人称楼道里垃圾没有清运")

    assert [text for text, _ in learnt(session)] == ["来电人称楼道里垃圾没有清运"]


def test_confidential_cases_and_reports_teach_nothing(session: Session) -> None:
    case_of(session, confidential=True)
    case_of(session, request_type=RequestType.REPORT)

    assert learnt(session) == []


def test_what_was_corrected_later_is_what_is_learnt(session: Session) -> None:
    case = case_of(session)
    case.category_code = "0203"
    session.flush()

    assert learnt(session)[0][1]["category"] == "0203"


def test_categories_are_learnt_by_their_names_of_today_and_not_if_they_are_gone(session: Session) -> None:
    case_of(session)
    case_of(session, "停水三天了没人管", category="0401")
    current = session.scalars(select(TaxonomyVersion).where(TaxonomyVersion.current)).one()
    current.current = False
    newer = TaxonomyVersion(digest="newer", current=True)
    session.add(newer)
    session.flush()
    session.add(Category(taxonomy_id=newer.id, code="0109", name="环卫", level=2, parent_code="01", formerly=["0102"]))
    session.flush()

    assert [labels["category"] for _, labels in learnt(session)] == ["0109"]


def test_a_text_that_says_the_same_again_is_learnt_once(session: Session) -> None:
    for number in ("13800138000", "13900139000"):
        case_of(session, f"小区垃圾没人清，电话{number}")

    assert len(learnt(session)) == 1
