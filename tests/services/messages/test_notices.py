"""What citizens are told of their cases: each thing once, one message for an update, nothing of what is confidential."""

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline import channels
from hotline.db import Database
from hotline.errors import Invalid
from hotline.services.messages import notices, outgoing, segments, text_editions, texting_rule, texts
from hotline.services.messages.text_editions import TextingForm
from hotline.timetable import TIMETABLE
from models import Case, CaseStatus, Delivery, OutgoingMessage, RequestType, Role, Rule, now
from tests.conftest import Drain
from tests.factories_cases import an_actor, check, dispatch, make_case, reopen, sign
from tests.factories_cases import answer as answered
from tests.factories_contacts import make_contact
from tests.fakes import RecordingChannel

PHONE = "+8613911112222"


def make(session: Session, *, status: CaseStatus, channel: str = "sms", **values: Any) -> Case:
    contact = make_contact(session, channel=channel, sender=PHONE)
    return make_case(session, status=status, contact=contact, number=PHONE, **values)


def told(session: Session, case: Case) -> list[OutgoingMessage]:
    rows = session.scalars(select(OutgoingMessage).where(OutgoingMessage.case_id == case.id))
    return sorted(rows, key=lambda row: row.created_at)


def waiting(session: Session, case: Case) -> list[str]:
    return [row.purpose for row in told(session, case) if row.delivery == Delivery.WAITING]


def test_steps_in_quick_succession_are_one_message(session: Session) -> None:
    case = make(session, status=CaseStatus.TO_DISPATCH)
    first = notices.tell_citizen(session, case)
    assert first is not None
    assert (first.purpose, first.ready_at > now()) == ("filed", True)

    dispatch(session, case)
    notices.tell_citizen(session, case)
    notices.tell_citizen(session, case)

    assert waiting(session, case) == ["dispatched"]
    assert first.delivery == Delivery.REPLACED


def test_a_step_is_overtaken_by_the_answer_and_the_answer_by_nothing_less(session: Session) -> None:
    case = make(session, status=CaseStatus.TO_DISPATCH)
    for act in (dispatch, sign, answered, check):
        notices.tell_citizen(session, case)
        act(session, case)
    notices.tell_citizen(session, case)
    assert waiting(session, case) == ["answered"]

    reopen(session, case)
    notices.tell_citizen(session, case)

    assert sorted(waiting(session, case)) == ["answered", "reopened"]


def test_each_thing_is_told_once_a_round(session: Session) -> None:
    case = make(session, status=CaseStatus.CLOSED)
    for _ in range(2):
        notices.tell_citizen(session, case)
    assert [row.purpose for row in told(session, case)] == ["answered"]

    reopen(session, case)
    for act in (dispatch, sign, answered, check):
        notices.tell_citizen(session, case)
        act(session, case)
    notices.tell_citizen(session, case)

    assert sorted(row.purpose for row in told(session, case)) == ["answered", "answered", "dispatched", "reopened"]


def test_what_a_unit_sends_back_is_no_news(session: Session) -> None:
    case = make(session, status=CaseStatus.DISPATCHED)
    assert notices.tell_citizen(session, case) is not None
    case.status = CaseStatus.TO_DISPATCH

    assert notices.tell_citizen(session, case) is None


def test_who_writes_in_the_mailbox_reads_the_steps_on_the_progress_page(session: Session) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED)

    assert notices.tell_citizen(session, case) is None


def test_a_long_answer_is_told_by_its_address(session: Session) -> None:
    case = make(session, status=CaseStatus.CLOSED)
    case.public_answer = "已经处理。" * 100
    session.flush()

    row = notices.tell_citizen(session, case)

    assert row is not None
    assert "已经处理" not in row.text
    assert "/track" in row.text
    assert segments.count(row.text, in_china=True).parts <= texting_rule.current(session).most_segments


def test_a_whole_life_of_a_case_by_text(
    database: Database, drain: Drain, monkeypatch: pytest.MonkeyPatch, clock: Traveller
) -> None:
    sms = RecordingChannel(kind="sms")
    monkeypatch.setitem(channels.register(), "sms", sms)

    def a_while_later() -> None:
        drain()
        clock.shift(90)
        with database.unit_of_work() as session:
            TIMETABLE["send_due"].run(session)
        drain()

    with database.unit_of_work() as session:
        case = make(session, status=CaseStatus.TO_DISPATCH)
    a_while_later()
    for act in (dispatch, sign, answered, check):
        with database.unit_of_work() as session:
            act(session, session.get_one(Case, case.id))
        a_while_later()

    of_the_case = [message for message in sms.sent if message.purpose != "received"]
    purposes = [message.purpose for message in of_the_case]
    assert purposes[:2] == ["filed", "dispatched"]
    assert sorted(purposes[2:]) == ["answered", "survey"]  # both at the same moment: the clock stands still
    assert all(case.number in message.text for message in of_the_case)


SECRETS = {"title": "机密标题甲", "place_text": "机密地点乙", "public_answer": "机密答复丙", "content": "机密内容丁"}


@pytest.mark.parametrize("channel", ["sms", "wechat", "email", "mailbox", "voice"])
@pytest.mark.parametrize("purpose", sorted(texts.OF_CASES))
@pytest.mark.parametrize("why", ["confidential", "report"])
def test_nothing_of_a_confidential_case_is_told(session: Session, channel: str, purpose: str, why: str) -> None:
    case = make(session, status=CaseStatus.CLOSED, channel=channel)
    case.confidential = why == "confidential"
    case.request_type = RequestType.REPORT if why == "report" else case.request_type
    for name, value in SECRETS.items():
        setattr(case, name, value)
    values = {**notices.values_of(session, case), "answer": case.public_answer}

    row = outgoing.about_case(session, case, purpose=purpose, values=values, round_="1")

    if row is not None:
        assert row.text == texts.render(session, "progress", row.channel, {"link": values["link"]})
        assert "机密" not in row.text + (row.values or "")
        assert case.number not in row.text + (row.values or "")
    else:
        assert channel == "mailbox"


WORDS = st.text(alphabet="abc{}【】诉求编号😀\n[]€", max_size=120)


@hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    purpose=st.sampled_from(sorted(texts.OCCASIONS)), channel=st.sampled_from(texts.CHANNELS), words=st.lists(WORDS, max_size=6)
)
@example(purpose="answered", channel="sms", words=["{number}", "{answer}"])
@example(purpose="progress", channel="sms", words=["{link}", "{number}"])
def test_a_text_that_is_let_in_can_always_be_sent(purpose: str, channel: str, words: list[str]) -> None:
    names = [f"{{{name}}}" for name in sorted(texts.OCCASIONS[purpose].must)]
    rule = texting_rule.shipped()
    for text in ("".join(words), "".join([*words, *names])):
        try:
            texts.check(purpose, channel, text, rule)
        except Invalid:
            continue
        values = {name: f"<{name}>" for name in texts.OCCASIONS[purpose].may}
        filled = texts.fill(text, values)
        assert "{" not in filled
        assert all(f"<{name}>" in filled for name in texts.OCCASIONS[purpose].must)
        if purpose == "progress":
            assert "<number>" not in filled


@pytest.mark.parametrize("purpose", sorted(texts.OCCASIONS))
def test_the_texts_that_ship_are_right(purpose: str) -> None:
    shipped = texts.shipped()[purpose]

    told_on = texts.OCCASIONS[purpose].channels
    assert set(shipped) <= set(told_on)
    assert set(shipped) == set(told_on) or not texts.OCCASIONS[purpose].always
    for channel, text in shipped.items():
        texts.check(purpose, channel, text, texting_rule.shipped())


def test_braces_in_an_answer_are_no_variables(session: Session) -> None:
    values = {"number": "1", "answer": "见{link}与{nothing}"}

    assert texts.render(session, "answered", "sms", values).endswith("见{link}与{nothing}")


def test_the_limits_are_changed_in_editions_and_no_text_in_force_is_broken(session: Session) -> None:
    me: Any = an_actor(session, Role.ADMINISTRATOR)
    usual = {"quiet_from": "22:00", "quiet_to": "07:00", "daily_cap": "5", "gather_seconds": "0", "most_segments": "2"}
    rest = {"most_characters": "500", "tries": "5", "patience_hours": "4"}

    text_editions.change_texting(session, TextingForm(**usual, **rest), by=me)

    assert texting_rule.current(session).daily_cap == 5
    assert [rule.edition for rule in session.scalars(select(Rule).where(Rule.kind == "texting", Rule.current))] == [2]
    for wrong in ({"daily_cap": "0"}, {"quiet_from": "nachts"}, {"quiet_from": "06:00", "quiet_to": "23:00"}):
        with pytest.raises(Invalid):
            text_editions.change_texting(session, TextingForm(**{**usual, **rest, **wrong}), by=me)
