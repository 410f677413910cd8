"""Writing to and fro: what the service answers and asks by itself, whose thread it is, when an episode ends."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from classifier import Place
from hotline import channels
from hotline.db import Database
from hotline.errors import Invalid, NotAllowed, RuleBroken, WrongState
from hotline.services import drafts, intake, queueing, reading_threads, triage
from hotline.services.conversations import conversation_rule, episodes, exchanges, threads
from hotline.services.draft_form import DraftForm
from hotline.services.messages import texting_rule, texts
from hotline.services.opening_hours import Hours
from models import (
    Citizen,
    Conclusion,
    Contact,
    Direction,
    GuidedExchange,
    Message,
    OutgoingMessage,
    QueueEntry,
    Rule,
    Staff,
    new_id,
    now,
)
from tests.conftest import Drain
from tests.factories_contacts import make_agent, make_inbound
from tests.fakes import RecordingChannel, StubClassifier, prediction

ACCOUNT = "openid-1"
NUMBER = "+8613800138000"
NOWHERE, SOMEWHERE = Place("none"), Place("grid", "990181001", "990181001001", "990181001001001")


@pytest.fixture(autouse=True)
def stub() -> Iterator[StubClassifier]:
    held = StubClassifier()
    held.said = prediction(place=SOMEWHERE)
    triage.use(held)
    yield held
    triage.use(None)


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What would have gone out: recipient and text."""
    found: list[tuple[str, str]] = []
    for kind in ("wechat", "sms"):
        channel = RecordingChannel(kind)
        monkeypatch.setattr(channel, "send", lambda message, channel=channel: _sent(found, channel, message))
        monkeypatch.setitem(channels.register(), kind, channel)
    return found


def _sent(found: list[tuple[str, str]], channel: RecordingChannel, message: Any) -> Any:
    found.append((message.recipient, message.text))
    return channel.receipt


Write = Callable[[str], Contact]


@pytest.fixture
def write(database: Database, drain: Drain) -> Write:
    """The citizen writes, and what follows has followed."""

    def one(text: str) -> Contact:
        with database.unit_of_work() as session:
            contact = intake.receive(session, make_inbound(channel="wechat", sender=ACCOUNT, text=text)).contact
        drain()
        return contact

    return one


def contact_of(session: Session, contact: Contact) -> Contact:
    return session.get_one(Contact, contact.id)


def take(database: Database) -> tuple[Staff, Contact]:
    with database.unit_of_work() as session:
        staff = make_agent(session)
        contact = queueing.take_next(session, staff)
        assert contact is not None
        return staff, contact


def reply(database: Database, staff: Staff, contact: Contact, text: str = "请稍等。", key: str = "") -> None:
    with database.unit_of_work() as session:
        threads.reply(
            session, contact_of(session, contact), text=text, by=session.get_one(Staff, staff.id), key=key or new_id().hex
        )


def test_the_first_message_is_answered_at_once_and_only_the_first(write: Write, sent: list[tuple[str, str]]) -> None:
    contact = write("银杏大道的路灯坏了")
    write("请快点")

    assert [to for to, _ in sent] == [ACCOUNT]
    assert contact.reference in sent[0][1]
    assert "3 分钟" in sent[0][1]


def test_in_an_emergency_the_answer_says_whom_to_ring(write: Write, sent: list[tuple[str, str]], stub: StubClassifier) -> None:
    from classifier import Urgency

    stub.said = prediction(place=NOWHERE, urgency=Urgency("emergency", "着火"))
    write("楼上着火了")

    assert len(sent) == 1
    assert "119" in sent[0][1]
    assert "什么地方" not in sent[0][1]


def test_out_of_hours_citizens_are_told_when_somebody_reads_on(
    write: Write, sent: list[tuple[str, str]], clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = conversation_rule.shipped().model_copy(
        update={"hours": [Hours.model_validate({"days": [1, 2, 3, 4, 5], "from": "08:30", "to": "17:30"})]}
    )
    monkeypatch.setattr(conversation_rule, "current", lambda session: office)
    clock.move_to(datetime(2026, 11, 20, 14, tzinfo=UTC))  # Friday, 22:00 in the city

    write("银杏大道的路灯坏了")

    assert "11月23日 08:30" in sent[0][1]


def test_a_text_with_a_variable_that_nothing_fills_is_refused() -> None:
    rule = texting_rule.shipped()
    for wrong in ("编号{number}{nummer}", "编号{number}{", "编号{number}{}", "已收到"):
        with pytest.raises(Invalid):
            texts.check("received", "wechat", wrong, rule)


def test_each_channel_has_its_own_words_and_an_older_edition_lacks_no_occasion(
    database: Database, write: Write, sent: list[tuple[str, str]]
) -> None:
    with database.unit_of_work() as session:
        session.execute(update(Rule).where(Rule.kind == texts.KIND).values(current=False))
        body = {"received": {"sms": "短信{number}", "wechat": "微信{number}，{hotline}"}}
        session.add(Rule(kind=texts.KIND, code="default", edition=99, digest="own", body=body, current=True))

    contact = write("银杏大道的路灯坏了")

    assert sent == [(ACCOUNT, f"微信{contact.reference}，青渡市政务服务便民热线")]
    with database.reading() as session:
        assert texts.render(session, "ask_time", "sms", {}) == "请问是什么时候发生的？"


def test_a_missing_place_is_asked_for_with_the_first_answer_and_the_answer_fills_it_in(
    database: Database, write: Write, sent: list[tuple[str, str]], stub: StubClassifier
) -> None:
    stub.said = prediction(place=NOWHERE)
    contact = write("路灯坏了")
    assert len(sent) == 1
    assert "什么地方" in sent[0][1]

    write("望江路30号")

    assert "谢谢" in sent[1][1]
    with database.reading() as session:
        found = contact_of(session, contact)
        assert (found.place_text, found.grid_code) == ("望江路30号", "990181001001002")


def test_a_place_of_several_is_asked_for_by_number(
    database: Database, write: Write, sent: list[tuple[str, str]], stub: StubClassifier
) -> None:
    stub.said = prediction(place=NOWHERE)
    contact = write("路灯坏了")
    write("阳光花园")
    assert "1 " in sent[1][1]
    assert "2 " in sent[1][1]

    write("2")

    with database.reading() as session:
        found = contact_of(session, contact)
        assert found.place_text == "阳光花园"
        assert (found.grid_code or "").startswith("990181003")


def test_a_place_that_nobody_knows_is_asked_for_again_and_then_a_person_reads_on(
    database: Database, write: Write, sent: list[tuple[str, str]], stub: StubClassifier
) -> None:
    stub.said = prediction(place=NOWHERE)
    contact = write("路灯坏了")
    for _ in range(4):
        write("就是那里")

    assert len(sent) == 4  # asked, twice again, thanked; then silence
    with database.reading() as session:
        assert session.get_one(GuidedExchange, contact.id).ended_at is not None


def test_who_wants_a_person_is_asked_no_more(write: Write, sent: list[tuple[str, str]], stub: StubClassifier) -> None:
    stub.said = prediction(place=NOWHERE)
    write("路灯坏了")
    write("转人工")
    write("望江路30号")

    assert len(sent) == 2


def test_an_agent_has_the_service_ask_and_the_answers_fill_the_form_that_was_begun(
    database: Database, write: Write, drain: Drain, sent: list[tuple[str, str]]
) -> None:
    write("路灯坏了")
    staff, contact = take(database)
    with database.unit_of_work() as session:
        me, held = session.get_one(Staff, staff.id), contact_of(session, contact)
        drafts.save(session, held, 1, DraftForm(title="路灯", name="李四"), by=me)
        exchanges.start(session, held, ["who", "time"], by=me)
    drain()
    assert "什么时候" in sent[-1][1]

    write("昨天晚上八点")
    assert "怎么称呼" in sent[-1][1]
    write("我叫王五，电话 138 0013 8000")

    with database.reading() as session:
        found, form = contact_of(session, contact), drafts.open_draft(session, contact_of(session, contact), 1)
        assert (found.occurred_text, found.sender_name, found.number) == ("昨天晚上八点", "王五", NUMBER)
        # What the agent had typed stays.
        assert (form.occurred, form.name, form.number, form.title) == ("昨天晚上八点", "李四", NUMBER, "路灯")


def test_an_answer_is_written_once_whatever_is_pressed_and_stops_the_clock(
    database: Database, write: Write, drain: Drain, sent: list[tuple[str, str]]
) -> None:
    write("路灯坏了")
    staff, contact = take(database)
    for _ in range(2):
        reply(database, staff, contact, "已转城管局。", key="same-key")
    drain()

    assert [text for _, text in sent].count("已转城管局。") == 1
    with database.reading() as session:
        found = contact_of(session, contact)
        assert found.first_answer_at is not None
        assert found.unanswered_since is None


def test_after_an_answer_the_clock_is_that_of_the_next_message(
    database: Database, write: Write, clock: time_machine.Traveller
) -> None:
    write("路灯坏了")
    staff, contact = take(database)
    reply(database, staff, contact)
    clock.shift(600)
    written_at = now()
    write("还没有来修")
    clock.shift(60)

    with database.unit_of_work() as session:
        queueing.put_back(session, contact_of(session, contact), by=session.get_one(Staff, staff.id), reason="下班")

    with database.reading() as session:
        assert session.get_one(QueueEntry, contact.id).clock_from >= written_at.timestamp()


def test_nobody_else_answers_and_nobody_after_the_end(database: Database, write: Write) -> None:
    write("路灯坏了")
    staff, contact = take(database)
    with database.unit_of_work() as session:
        other = make_agent(session)
    with pytest.raises(NotAllowed):
        reply(database, other, contact)

    with database.unit_of_work() as session:
        queueing.conclude(
            session, contact_of(session, contact), Conclusion.VOID, by=session.get_one(Staff, staff.id), note="重复"
        )
    with pytest.raises(WrongState):
        reply(database, staff, contact)


def test_a_letter_of_the_mailbox_is_not_written_to_here(session: Session) -> None:
    staff = make_agent(session)
    intake.receive(session, make_inbound())
    contact = queueing.take_next(session, staff)
    assert contact is not None
    with pytest.raises(RuleBroken):
        threads.reply(session, contact, text="您好", by=staff, key="k" * 8)


def test_an_answered_thread_ends_when_it_stays_quiet_and_an_unanswered_one_never_does(
    database: Database, write: Write, drain: Drain, clock: time_machine.Traveller
) -> None:
    write("路灯坏了")
    staff, contact = take(database)
    clock.shift(timedelta(hours=30))
    with database.unit_of_work() as session:
        assert episodes.end_quiet(session) == 0
    reply(database, staff, contact)
    clock.shift(timedelta(hours=23))
    with database.unit_of_work() as session:
        assert episodes.end_quiet(session) == 0
    clock.shift(timedelta(hours=2))
    with database.unit_of_work() as session:
        assert episodes.end_quiet(session) == 1

    assert write("又坏了").id != contact.id
    with database.reading() as session:
        assert contact_of(session, contact).conclusion == Conclusion.LAPSED


def test_what_is_being_filed_does_not_end_by_itself(database: Database, write: Write, clock: time_machine.Traveller) -> None:
    write("路灯坏了")
    staff, contact = take(database)
    reply(database, staff, contact)
    with database.unit_of_work() as session:
        drafts.save(session, contact_of(session, contact), 1, DraftForm(title="路灯"), by=session.get_one(Staff, staff.id))
    clock.shift(timedelta(days=3))

    with database.unit_of_work() as session:
        assert episodes.end_quiet(session) == 0


def code_in(sent: list[tuple[str, str]]) -> str:
    return next("".join(filter(str.isdigit, text))[:6] for to, text in reversed(sent) if to == NUMBER)


def test_a_number_is_bound_by_the_code_that_was_sent_there(database: Database, write: Write, sent: list[tuple[str, str]]) -> None:
    contact = write("绑定 13800138000")
    write("000000" if code_in(sent) != "000000" else "111111")
    assert "不对" in sent[-1][1]

    write(code_in(sent))

    with database.reading() as session:
        assert contact_of(session, contact).conclusion == Conclusion.ANSWERED  # nobody has to read it
        assert len(session.scalars(select(Citizen)).all()) == 1
    new = write("路灯坏了")
    with database.reading() as session:
        found = contact_of(session, new)
        assert found.citizen_id is not None


def test_a_code_is_tried_a_few_times_only_and_few_are_sent_a_day(
    database: Database, write: Write, sent: list[tuple[str, str]]
) -> None:
    write("绑定 13800138000")
    code = code_in(sent)
    for _ in range(5):
        write(f"{(int(code) + 1) % 10**6:06}")
    write(code)
    assert "失效" in sent[-1][1]

    for _ in range(4):
        write("绑定 13800138000")
    assert [to for to, _ in sent].count(NUMBER) == 3


def test_what_we_wrote_does_not_count_as_what_the_citizen_said(database: Database, write: Write, stub: StubClassifier) -> None:
    contact = write("路灯坏了")
    with database.reading() as session:
        assert triage.text_of(session, contact_of(session, contact)) == "路灯坏了"
        written = session.scalars(select(Message.direction).where(Message.contact_id == contact.id)).all()
        assert sorted(written) == [Direction.IN, Direction.OUT]
        assert session.scalars(select(OutgoingMessage.message_id)).one() is not None


def test_messages_stand_as_they_were_written_however_they_come(session: Session) -> None:
    at = now()
    for text, minutes in (("二", 20), ("一", 30), ("四", None), ("三", 10), ("从前", 100_000), ("以后", -100_000)):
        sent_at = None if minutes is None else at - timedelta(minutes=minutes)
        inbound = make_inbound(channel="wechat", sender=ACCOUNT, text=text, sent_at=sent_at, received_at=at)
        contact = intake.receive(session, inbound).contact
        at += timedelta(seconds=1)

    shown = [line.message.text for line in reading_threads.lines(session, contact)]

    assert shown == ["一", "二", "三", "四", "从前", "以后"], "a clock that is days out is not believed"
