"""Mail in and out, against a server on a real port that speaks IMAP and SMTP."""

from email import message_from_bytes, policy

import pytest
from pydantic import SecretStr, ValidationError
from sqlalchemy import select

from hotline.channels import email
from hotline.channels.console import Console
from hotline.channels.email import Email
from hotline.db import Database
from hotline.errors import Unavailable
from hotline.ports import Inbound, Outbound, ReceiptState
from hotline.sandbox.mail import Mail
from hotline.services import intake
from hotline.settings import Mail as MailSettings
from models import Attachment, Contact
from tests.channels.mail import CITIZEN, KEY, OWN, letter, mail_settings, poll, texts
from tests.components import free_port
from tests.pictures import picture


def test_a_mail_is_stored_before_the_server_hears_of_it(mail_server: Mail, mail_channel: Email, database: Database) -> None:
    mail_server.inject(f"张三 <{CITIZEN.upper()}>", "路灯坏了，西门", [picture("PNG"), b"no picture"])

    poll(database)

    assert texts(database) == ["路灯坏了，西门\n\n路灯坏了，西门\n\n（附件未收取：picture.png）"]
    with database.reading() as session:
        contact = session.scalars(select(Contact)).one()
        attachments = session.scalars(select(Attachment)).all()
    assert (contact.channel, contact.sender_name, [each.media_type for each in attachments]) == ("email", "张三", ["image/png"])
    assert mail_server.letters[0].flags == {r"\Seen"}


def test_a_mail_that_two_processes_fetch_is_stored_once(mail_server: Mail, mail_channel: Email, database: Database) -> None:
    mail_server.put(letter())
    other = Email(mail_settings(mail_server.imap_port, mail_server.smtp_port), otherwise=Console())
    [theirs] = other.collect()
    assert isinstance(theirs, Inbound)

    poll(database)
    with database.unit_of_work() as session:
        assert not intake.receive(session, theirs).is_new
    other.stored([theirs])

    assert len(texts(database)) == 1


def test_a_database_that_is_down_leaves_the_mail_unseen(
    mail_server: Mail, mail_channel: Email, sqlite_database: Database
) -> None:
    mail_server.put(letter())

    class Down(Database):
        def unit_of_work(self):
            raise Unavailable()

    with pytest.raises(Unavailable):
        poll(Down(sqlite_database.url))
    assert mail_server.letters[0].flags == set()

    poll(sqlite_database)
    assert len(texts(sqlite_database)) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated; owner=x"},
        {"Precedence": "bulk"},
        {"Precedence": "List"},
        {"List_Id": "<list.example.com>"},
        {"Return_Path": "<>"},
        {"From": "MAILER-DAEMON@example.com"},
        {"From": OWN},
        {"From": "nobody"},
    ],
)
def test_what_a_machine_wrote_is_left_alone(headers: dict[str, str]) -> None:
    assert email.read(letter(**headers), own=OWN) is None
    assert email.read(letter(Auto_Submitted="no"), own=OWN) is not None


def test_a_mail_that_is_too_large_is_read_without_its_attachments(
    mail_server: Mail, mail_channel: Email, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(email, "MOST_BYTES", 2000)
    monkeypatch.setattr(email, "BEGINNING", 1000)
    mail = message_from_bytes(letter(), policy=policy.default)
    mail.add_attachment(b"x" * 5000, maintype="image", subtype="png", filename="large.png")
    mail_server.put(mail.as_bytes(policy=policy.SMTP))

    poll(sqlite_database)

    assert texts(sqlite_database) == [f"路灯\n\n路灯坏了\n\n{email.TOO_LARGE}"]


def test_a_broken_mail_is_flagged_and_does_not_stop_the_others(
    mail_server: Mail, mail_channel: Email, sqlite_database: Database
) -> None:
    mail_server.put(b"\xff\xfe\x00 no mail at all")
    mail_server.put(b"From: citizen@example.com\r\nContent-Type: multipart/mixed\r\n\r\n\xff\xff")
    mail_server.put(letter())

    poll(sqlite_database)

    assert texts(sqlite_database)[-1] == "路灯\n\n路灯坏了"
    assert all(r"\Seen" in each.flags for each in mail_server.letters)


def test_answers_of_one_address_are_one_conversation(mail_server: Mail, mail_channel: Email, sqlite_database: Database) -> None:
    mail_server.put(letter())
    mail_server.put(
        letter("还没修", Message_ID="<2@example.com>", Subject="Re: 回复：12345热线回复", In_Reply_To="<key@hotline.example>")
    )

    poll(sqlite_database)

    assert sorted(texts(sqlite_database)) == ["12345热线回复\n\n还没修", "路灯\n\n路灯坏了"]
    with sqlite_database.reading() as session:
        assert len(session.scalars(select(Contact)).all()) == 1


def test_what_is_sent_arrives_under_the_name_of_its_key(mail_server: Mail, mail_channel: Email) -> None:
    values = {"number": "990181-20261123-000001"}
    receipt = mail_channel.send(Outbound(key=KEY, recipient=CITIZEN, text="已答复", purpose="answered", values=values))

    assert (receipt.state, receipt.provider_id) == (ReceiptState.ACCEPTED, f"<{KEY}@hotline.example>")
    [sent] = mail_server.received
    assert (sent.number, sent.recipient, sent.text.strip()) == (receipt.provider_id, CITIZEN, "已答复")
    assert sent.key == "12345热线回复 990181-20261123-000001"


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("citizen0001", [ReceiptState.TRY_LATER, ReceiptState.ACCEPTED]),
        ("citizen0002", [ReceiptState.UNKNOWN]),
        ("citizen0003", [ReceiptState.UNREACHABLE]),
    ],
)
def test_errors_say_whether_it_was_sent(mail_server: Mail, mail_channel: Email, name: str, states: list[ReceiptState]) -> None:
    message = Outbound(key=KEY, recipient=f"{name}@example.com", text="已答复")

    assert [mail_channel.send(message).state for _ in states] == states


def test_only_a_persons_answer_counts_as_written_by_a_person() -> None:
    def header(purpose: str) -> str:
        mail = email.written(Outbound(key=KEY, recipient=CITIZEN, text="x", purpose=purpose), sender=OWN)
        return str(mail.get("Auto-Submitted", "no"))

    assert (header("answered"), header("reply")) == ("auto-generated", "no")


def test_servers_that_do_not_answer_are_tried_later() -> None:
    nobody = Email(mail_settings(free_port(), free_port()), otherwise=Console())

    assert nobody.send(Outbound(key=KEY, recipient=CITIZEN, text="x")).state == ReceiptState.TRY_LATER
    with pytest.raises(Unavailable):
        nobody.collect()


def test_a_wrong_password_reads_and_sends_nothing(mail_server: Mail) -> None:
    stranger = Email(mail_settings(mail_server.imap_port, mail_server.smtp_port, password="wrong"), otherwise=Console())

    with pytest.raises(Unavailable):
        stranger.collect()
    assert stranger.send(Outbound(key=KEY, recipient=CITIZEN, text="x")).state == ReceiptState.TRY_LATER
    assert mail_server.received == []


@pytest.mark.parametrize("url", ["imap://u:p@mail.example.com", "http://mail.example.com", "mail.example.com"])
def test_a_password_never_crosses_a_network_in_the_clear(url: str) -> None:
    with pytest.raises(ValidationError):
        MailSettings(imap_url=SecretStr(url))


def test_without_servers_nothing_is_read_and_what_is_sent_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = Email(MailSettings(), otherwise=Console())

    assert list(nothing.collect()) == []
    assert nothing.send(Outbound(key=KEY, recipient=CITIZEN, text="已答复")).state == ReceiptState.DELIVERED
    assert "已答复" in capsys.readouterr().out
