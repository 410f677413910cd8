"""Answers by mail: below the letter they answer, and what becomes of those that are returned."""

from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from sqlalchemy import select

from hotline import channels
from hotline.channels import email
from hotline.channels.email import Email
from hotline.db import Database
from hotline.errors import Unavailable
from hotline.ports import Answered, Outbound
from hotline.sandbox.mail import Mail
from hotline.sandbox.mail_reports import report
from hotline.services.messages import outgoing, receipts
from models import Contact, Delivery, OutgoingMessage
from tests.channels.mail import CITIZEN, KEY, letter, poll, texts
from tests.fakes import RecordingChannel


def answer_to(database: Database, text: str = "请问是哪一栋？", *, number: str | None = None) -> None:
    """A person's answer to the one contact there is, on its way as soon as the outbox is drained."""
    with database.unit_of_work() as session:
        contact = session.scalars(select(Contact)).one()
        contact.number = number
        outgoing.about_contact(session, contact, text=text, purpose="reply", values={"text": text})


def sent_by_mail(server: Mail, text: str = "请问是哪一栋？") -> EmailMessage:
    """The one that says this, as it came over the wire."""
    mails = [message_from_bytes(content, policy=policy.default) for content in server.contents]
    (found,) = [mail for mail in mails if isinstance(mail, EmailMessage) and text in mail.get_content()]
    return found


def outcomes(database: Database) -> list[tuple[str, Delivery, str]]:
    with database.reading() as session:
        rows = session.scalars(
            select(OutgoingMessage).where(OutgoingMessage.purpose == "reply").order_by(OutgoingMessage.created_at)
        )
        return [(row.channel, row.delivery, row.last_error) for row in rows]


@pytest.fixture
def sms(monkeypatch: pytest.MonkeyPatch) -> RecordingChannel:
    channel = RecordingChannel("sms")
    monkeypatch.setitem(channels.register(), "sms", channel)
    return channel


def test_a_mail_that_is_returned_goes_as_one_text_message_and_is_no_contact(
    mail_server: Mail, mail_channel: Email, sms: RecordingChannel, database: Database, drain: Callable[[], int]
) -> None:
    mail_server.put(letter(From="citizen0004@example.com"))
    poll(database)
    answer_to(database, number="+8613800138000")
    drain()
    poll(database)
    for report_again in mail_server.letters[1:]:
        mail_server.put(report_again.content)
    poll(database)
    drain()

    (mail, text) = outcomes(database)
    assert mail[:2] == ("email", Delivery.REFUSED)
    assert mail[2].startswith("退信：5.1.1 550")
    assert "citizen0004" not in mail[2]
    assert text[:2] == ("sms", Delivery.ACCEPTED)
    assert [each.text for each in sms.sent].count("请问是哪一栋？") == 1
    assert len(texts(database)) == 1
    assert all(each.flags == {r"\Seen"} for each in mail_server.letters)


def test_a_mail_that_is_only_late_is_on_its_way_yet(
    mail_server: Mail, mail_channel: Email, sms: RecordingChannel, sqlite_database: Database, drain: Callable[[], int]
) -> None:
    mail_server.put(letter())
    poll(sqlite_database)
    answer_to(sqlite_database, number="+8613800138000")
    drain()
    mail_server.put(
        report(
            sent_by_mail(mail_server).as_bytes(), CITIZEN, action="delayed", status="4.4.1", diagnosis="smtp; 450 4.4.1 try later"
        )
    )

    poll(sqlite_database)
    drain()

    assert outcomes(sqlite_database) == [("email", Delivery.ACCEPTED, "")]
    assert len(texts(sqlite_database)) == 1
    assert mail_server.letters[-1].flags == {r"\Seen"}


def test_a_report_is_marked_as_seen_only_when_its_outcome_is_stored(
    mail_server: Mail, mail_channel: Email, sqlite_database: Database, drain: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    mail_server.put(letter(From="citizen0004@example.com"))
    poll(sqlite_database)
    answer_to(sqlite_database)
    drain()

    def away(*_: object) -> None:
        raise Unavailable()

    with monkeypatch.context() as patched:
        patched.setattr(receipts, "note", away)
        with pytest.raises(Unavailable):
            poll(sqlite_database)
    assert mail_server.letters[-1].flags == set()

    poll(sqlite_database)
    assert outcomes(sqlite_database)[0][1] == Delivery.REFUSED


def test_an_answer_stands_below_its_letter_under_the_letters_subject(
    mail_server: Mail, mail_channel: Email, sqlite_database: Database, drain: Callable[[], int]
) -> None:
    mail_server.put(letter(Subject="Re: 答复：滨江路的路灯"))
    poll(sqlite_database)
    answer_to(sqlite_database)
    drain()

    ours = sent_by_mail(mail_server)
    assert (ours["Subject"], ours["In-Reply-To"], ours["References"]) == (
        "Re: 滨江路的路灯",
        "<1@example.com>",
        "<1@example.com>",
    )

    mine = str(ours["Message-ID"])
    mail_server.put(
        letter(
            "西门那盏", Message_ID="<2@example.com>", Subject="换个题目", In_Reply_To=mine, References=f"<1@example.com> {mine}"
        )
    )
    poll(sqlite_database)
    answer_to(sqlite_database, "今晚去修。")
    drain()

    again = sent_by_mail(mail_server, "今晚去修。")
    assert (again["Subject"], again["In-Reply-To"]) == ("Re: 换个题目", "<2@example.com>")
    assert str(again["References"]).split()[0] == "<1@example.com>"
    assert str(again["References"]).split()[-1] == "<2@example.com>"
    with sqlite_database.reading() as session:
        assert len(session.scalars(select(Contact)).all()) == 1
        assert mine in session.scalars(select(OutgoingMessage.provider_id)).all()


def test_an_answer_names_what_stands_in_the_thread_before_it(
    mail_server: Mail, mail_channel: Email, sqlite_database: Database, drain: Callable[[], int]
) -> None:
    mail_server.put(letter())
    poll(sqlite_database)
    drain()
    greeting = str(sent_by_mail(mail_server, "编号")["Message-ID"])
    mail_server.put(letter("西门", Message_ID="<2@example.com>"))
    poll(sqlite_database)
    answer_to(sqlite_database)
    drain()

    assert str(sent_by_mail(mail_server)["References"]).split() == ["<1@example.com>", greeting, "<2@example.com>"]


def test_a_confidential_letters_subject_is_not_said_again(
    mail_server: Mail, mail_channel: Email, sqlite_database: Database, drain: Callable[[], int]
) -> None:
    mail_server.put(letter(Subject="举报某某公司"))
    poll(sqlite_database)
    with sqlite_database.unit_of_work() as session:
        session.scalars(select(Contact)).one().confidential = True
    answer_to(sqlite_database)
    drain()

    ours = sent_by_mail(mail_server)
    assert (ours["Subject"], ours["In-Reply-To"]) == (email.SUBJECT, "<1@example.com>")


def test_names_arrive_whole_however_long_they_are(mail_server: Mail, mail_channel: Email) -> None:
    long = f"<{'x' * 100}@mail.example.com>"
    answered = Answered(long, before=("<0@example.com>", "no name", long), first_line="路灯" * 150 + "\x07")
    mail_channel.send(Outbound(key=KEY, recipient=CITIZEN, text="已答复", answered=answered))

    ours = sent_by_mail(mail_server, "已答复")
    assert (ours["In-Reply-To"], str(ours["References"]).split()) == (long, ["<0@example.com>", long, long])
    assert ours["Subject"].startswith("Re: 路灯路灯")
    assert ours["Subject"].endswith("…")
    assert b"References: <0@example.com>\r\n <x" in mail_server.contents[-1]


def test_a_letter_whose_own_name_is_too_long_to_keep_is_stored_once_and_answered(
    mail_server: Mail, mail_channel: Email, database: Database, drain: Callable[[], int]
) -> None:
    for _ in range(2):
        mail_server.put(letter(Message_ID=f"<{'x' * 130}@example.com>"))
    poll(database)
    answer_to(database)
    drain()

    assert len(texts(database)) == 1
    assert sent_by_mail(mail_server)["In-Reply-To"] is None
