"""The one door in: arrivals open or join contacts, once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.services import access, cases, drafts, intake, numbering, queueing
from models import (
    Base,
    Call,
    CaseEvent,
    CitizenKind,
    Conclusion,
    Contact,
    Message,
    OutboxMessage,
    QueueEntry,
    Urgency,
    privacy,
)
from tests.factories_contacts import make_agent, make_inbound
from tests.statements import counted


def how_many(session: Session, entity: type[Base]) -> int:
    return session.scalar(select(func.count()).select_from(entity)) or 0


def announced(session: Session) -> list[str]:
    session.flush()
    return list(session.scalars(select(OutboxMessage.event).order_by(OutboxMessage.event)))


def test_a_letter_opens_a_contact_that_waits_with_number_and_code(session: Session) -> None:
    letter = make_inbound(
        text="\n路灯坏了\n已经一个星期",
        number="138 0013 8000",
        name="王某",
        place="银杏大道15号",
        wished_kind="complaint",
        consent="consent/1",
    )

    received = intake.receive(session, letter)

    contact = received.contact
    assert received.is_new
    assert (contact.subject, contact.state, contact.urgency) == ("路灯坏了", "waiting", Urgency.NORMAL)
    assert (contact.number, contact.sender_name, contact.place_text) == ("+8613800138000", "王某", "银杏大道15号")
    assert (contact.wished_kind, contact.consent, contact.sender_kind) == ("complaint", "consent/1", CitizenKind.PERSON)
    assert received.query_code is not None
    assert contact.code_hash == numbering.code_hash(contact.reference, received.query_code)
    assert [waiting.contact for waiting in queueing.waiting(session)] == [contact]
    assert announced(session) == ["ContactOpened", "ContactQueued", "MessageReceived"]


def test_a_letter_sent_twice_is_one_letter_with_the_same_number_and_code(session: Session) -> None:
    letter = make_inbound()
    first = intake.receive(session, letter)

    again = intake.receive(session, letter)

    assert not again.is_new
    assert (again.contact, again.message, again.query_code) == (first.contact, first.message, first.query_code)
    assert (how_many(session, Contact), how_many(session, Message), how_many(session, QueueEntry)) == (1, 1, 1)
    assert len(announced(session)) == 3


def test_each_letter_is_a_contact_of_its_own(session: Session) -> None:
    first = intake.receive(session, make_inbound(sender="+8613800138000"))
    second = intake.receive(session, make_inbound(sender="+8613800138000"))

    assert first.contact != second.contact


def test_a_second_message_joins_the_open_contact_of_its_sender(session: Session) -> None:
    first = intake.receive(session, make_inbound(channel="sms", sender="+8613800138000"))

    second = intake.receive(session, make_inbound(channel="sms", sender="+8613800138000"))
    stranger = intake.receive(session, make_inbound(channel="sms", sender="+8613900139000"))

    assert second.contact == first.contact
    assert second.query_code is None
    assert stranger.contact != first.contact
    assert announced(session).count("ContactOpened") == 2


def test_after_the_contact_is_concluded_a_message_opens_another(session: Session) -> None:
    first = intake.receive(session, make_inbound(channel="sms", sender="+8613800138000"))
    agent = make_agent(session)
    queueing.take(session, agent, first.contact.id)
    queueing.conclude(session, first.contact, Conclusion.ANSWERED, by=agent)

    second = intake.receive(session, make_inbound(channel="sms", sender="+8613800138000"))

    assert second.contact != first.contact
    assert second.contact.conversation_id == first.contact.conversation_id


def test_a_code_of_a_text_message_is_told_once(session: Session) -> None:
    message = make_inbound(channel="sms")
    first = intake.receive(session, message)

    again = intake.receive(session, message)

    assert first.query_code is not None
    assert again.query_code is None


def test_a_call_is_a_contact_that_has_not_joined_the_queue(session: Session) -> None:
    call = make_inbound(channel="voice", text="", number="13800138000")

    received = intake.receive(session, call)
    again = intake.receive(session, call)

    assert (received.is_new, again.is_new) == (True, False)
    assert again.contact == received.contact
    assert session.scalars(select(Call)).one().linkedid == call.external_id
    assert how_many(session, QueueEntry) == 0
    assert announced(session) == ["ContactOpened"]


def test_a_remark_on_a_waiting_contact_joins_it(session: Session) -> None:
    contact = intake.receive(session, make_inbound()).contact

    remark = intake.receive(session, make_inbound(text="补充：是西门", about=contact.reference))

    assert remark.contact == contact
    assert remark.query_code is None
    assert how_many(session, Contact) == 1


def test_a_remark_on_what_ended_without_a_case_is_read_as_a_new_letter(session: Session) -> None:
    contact = intake.receive(session, make_inbound()).contact
    agent = make_agent(session)
    queueing.take(session, agent, contact.id)
    queueing.conclude(session, contact, Conclusion.ANSWERED, by=agent)

    remark = intake.receive(session, make_inbound(about=contact.reference))

    assert remark.contact != contact
    assert remark.contact.state == "waiting"


def test_a_remark_on_a_case_is_in_its_history_once(session: Session) -> None:
    contact = intake.receive(session, make_inbound()).contact
    agent = make_agent(session)
    queueing.take(session, agent, contact.id)
    form = drafts.DraftForm(
        request_type="complaint", category="0101", unit="CGJ", title="路灯", content="路灯坏了", place_text="银杏大道15号"
    )
    case = cases.file_case(session, contact, form, matter=1, by=access.actor(agent), key=uuid4().hex, how="dispatch")
    inbound = make_inbound(text="还没有人来", about=case.number)

    remark = intake.receive(session, inbound)
    intake.receive(session, inbound)

    assert remark.message is not None
    assert (remark.contact, remark.message.case_id) == (contact, case.id)
    remarks = session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.action == "remark")).all()
    assert len(remarks) == 1


def test_what_no_database_can_store_is_left_out_and_the_rest_is_kept(session: Session) -> None:
    received = intake.receive(session, make_inbound(text="路\0灯\ud800坏了", name="\0", number="不方便说"))

    assert received.message is not None
    assert received.message.text == "路灯坏了"
    assert (received.contact.sender_name, received.contact.number) == (None, "不方便说")
    assert received.contact.number_hash is None


def test_personal_data_is_not_legible_in_the_database(session: Session) -> None:
    contact = intake.receive(session, make_inbound(number="13800138000", name="王某", place="银杏大道15号")).contact

    row = session.connection().exec_driver_sql("SELECT number, sender_name, place_text FROM contact").one()

    assert all(value and b"138" not in bytes(value) and "王某".encode() not in bytes(value) for value in row)
    assert contact.number_hash == privacy.lookup_hash("number", "+8613800138000")


def test_a_letter_takes_three_journeys_to_a_server_and_six_statements_in_a_file(session: Session) -> None:
    intake.receive(session, make_inbound())
    session.flush()

    with counted(session) as statements:
        intake.receive(session, make_inbound(number="13800138000"))
        session.flush()

    assert len(statements) == (6 if session.get_bind().dialect.name == "sqlite" else 3), statements


@pytest.mark.parametrize("channel", ["mailbox", "sms", "voice"])
def test_sixteen_deliveries_at_once_are_one_arrival(database: Database, channel: str) -> None:
    inbound = make_inbound(channel=channel)
    together = threading.Barrier(16)

    def deliver(_: int) -> tuple[str, bool, str | None]:
        together.wait()
        with database.unit_of_work() as session:
            received = intake.receive(session, inbound)
            return received.contact.reference, received.is_new, received.query_code

    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(deliver, range(16)))

    assert len({reference for reference, _, _ in told}) == 1
    assert sum(is_new for _, is_new, _ in told) == 1
    if channel == "mailbox":
        assert len({code for _, _, code in told}) == 1
    with database.reading() as session:
        assert how_many(session, Contact) == 1
        assert how_many(session, Call if channel == "voice" else Message) == 1


def test_first_messages_of_one_sender_at_once_open_one_contact(database: Database) -> None:
    together = threading.Barrier(8)

    def deliver(number: int) -> None:
        together.wait()
        with database.unit_of_work() as session:
            intake.receive(session, make_inbound(channel="sms", sender="+8613800138000", text=f"第{number}条"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(deliver, range(8)))

    with database.reading() as session:
        assert (how_many(session, Contact), how_many(session, Message)) == (1, 8)


def test_nothing_of_an_arrival_is_left_when_its_transaction_fails(database: Database) -> None:
    def receive_and_fail(session: Session) -> None:
        intake.receive(session, make_inbound())
        raise RuntimeError("the power went")

    with pytest.raises(RuntimeError), database.unit_of_work() as session:
        receive_and_fail(session)

    with database.reading() as session:
        assert [how_many(session, entity) for entity in (Contact, Message, QueueEntry, OutboxMessage)] == [0, 0, 0, 0]
