"""Mail in and out, against a server on a real port that speaks IMAP and SMTP."""

import asyncio
import io
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from PIL import Image
from pydantic import SecretStr, ValidationError
from sqlalchemy import select

from hotline import channels, tasks
from hotline.channels import email
from hotline.channels.console import Console
from hotline.channels.email import Email
from hotline.db import Database
from hotline.errors import Unavailable
from hotline.ports import Outbound, ReceiptState
from hotline.sandbox.mail import Mail
from hotline.services import files, intake
from hotline.settings import Mail as MailSettings
from hotline.settings import get_settings
from models import Attachment, Contact, Message
from tests.components import free_port

OWN = "12345@hotline.example"
CITIZEN = "citizen@example.com"
# Of “p:/@ word”, as it stands in a URL.
GOOD = "p%3A%2F%40%20word"
KEY = "0198c0de-0000-7000-8000-000000000001"


@pytest.fixture
def server() -> Iterator[Mail]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    mail = Mail(user=OWN, password="p:/@ word", address=OWN)
    asyncio.run_coroutine_threadsafe(mail.start(), loop).result()
    yield mail
    asyncio.run_coroutine_threadsafe(mail.stop(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def mail_settings(imap_port: int, smtp_port: int, password: str = GOOD) -> MailSettings:
    sign_in = f"12345%40hotline.example:{password}@127.0.0.1"
    return MailSettings(
        imap_url=SecretStr(f"imap://{sign_in}:{imap_port}/INBOX"),
        smtp_url=SecretStr(f"smtp://{sign_in}:{smtp_port}"),
        timeout_seconds=20,
    )


@pytest.fixture
def channel(server: Mail, monkeypatch: pytest.MonkeyPatch) -> Email:
    files.make_folder(get_settings())
    made = Email(mail_settings(server.imap_port, server.smtp_port), otherwise=Console())
    monkeypatch.setitem(channels.register(), "email", made)
    return made


def poll(database: Database) -> None:
    tasks.TIMETABLE["poll_channels"].run(database)


def letter(text: str = "路灯坏了", **headers: str) -> bytes:
    mail = EmailMessage()
    for name, value in {"From": CITIZEN, "To": OWN, "Subject": "路灯", "Message_ID": "<1@example.com>", **headers}.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes(policy=policy.SMTP)


def picture() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(written, "PNG")
    return written.getvalue()


def texts(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(Message.text).order_by(Message.received_at)))


def test_a_mail_is_stored_before_the_server_hears_of_it(server: Mail, channel: Email, database: Database) -> None:
    server.inject(f"张三 <{CITIZEN.upper()}>", "路灯坏了，西门", [picture(), b"no picture"])

    poll(database)

    assert texts(database) == ["路灯坏了，西门\n\n路灯坏了，西门\n\n（附件未收取：picture.png）"]
    with database.reading() as session:
        contact = session.scalars(select(Contact)).one()
        attachments = session.scalars(select(Attachment)).all()
    assert (contact.channel, contact.sender_name, [each.media_type for each in attachments]) == ("email", "张三", ["image/png"])
    assert server.letters[0].flags == {r"\Seen"}


def test_a_mail_that_two_processes_fetch_is_stored_once(server: Mail, channel: Email, database: Database) -> None:
    server.put(letter())
    other = Email(mail_settings(server.imap_port, server.smtp_port), otherwise=Console())
    [theirs] = other.collect()

    poll(database)
    with database.unit_of_work() as session:
        assert not intake.receive(session, theirs).is_new
    other.stored([theirs])

    assert len(texts(database)) == 1


def test_a_database_that_is_down_leaves_the_mail_unseen(server: Mail, channel: Email, sqlite_database: Database) -> None:
    server.put(letter())

    class Down(Database):
        def unit_of_work(self):
            raise Unavailable()

    with pytest.raises(Unavailable):
        poll(Down(sqlite_database.url))
    assert server.letters[0].flags == set()

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
    server: Mail, channel: Email, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(email, "MOST_BYTES", 2000)
    monkeypatch.setattr(email, "BEGINNING", 1000)
    mail = message_from_bytes(letter(), policy=policy.default)
    mail.add_attachment(b"x" * 5000, maintype="image", subtype="png", filename="large.png")
    server.put(mail.as_bytes(policy=policy.SMTP))

    poll(sqlite_database)

    assert texts(sqlite_database) == [f"路灯\n\n路灯坏了\n\n{email.TOO_LARGE}"]


def test_a_broken_mail_is_flagged_and_does_not_stop_the_others(server: Mail, channel: Email, sqlite_database: Database) -> None:
    server.put(b"\xff\xfe\x00 no mail at all")
    server.put(b"From: citizen@example.com\r\nContent-Type: multipart/mixed\r\n\r\n\xff\xff")
    server.put(letter())

    poll(sqlite_database)

    assert texts(sqlite_database)[-1] == "路灯\n\n路灯坏了"
    assert all(r"\Seen" in each.flags for each in server.letters)


def test_answers_of_one_address_are_one_conversation(server: Mail, channel: Email, sqlite_database: Database) -> None:
    server.put(letter())
    server.put(
        letter("还没修", Message_ID="<2@example.com>", Subject="Re: 回复：12345热线回复", In_Reply_To="<key@hotline.example>")
    )

    poll(sqlite_database)

    assert sorted(texts(sqlite_database)) == ["12345热线回复\n\n还没修", "路灯\n\n路灯坏了"]
    with sqlite_database.reading() as session:
        assert len(session.scalars(select(Contact)).all()) == 1


def test_what_is_sent_arrives_under_the_name_of_its_key(server: Mail, channel: Email) -> None:
    values = {"number": "990181-20261123-000001"}
    receipt = channel.send(Outbound(key=KEY, recipient=CITIZEN, text="已答复", purpose="answered", values=values))

    assert (receipt.state, receipt.provider_id) == (ReceiptState.ACCEPTED, f"<{KEY}@hotline.example>")
    [sent] = server.received
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
def test_errors_say_whether_it_was_sent(server: Mail, channel: Email, name: str, states: list[ReceiptState]) -> None:
    message = Outbound(key=KEY, recipient=f"{name}@example.com", text="已答复")

    assert [channel.send(message).state for _ in states] == states


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


def test_a_wrong_password_reads_and_sends_nothing(server: Mail) -> None:
    stranger = Email(mail_settings(server.imap_port, server.smtp_port, password="wrong"), otherwise=Console())

    with pytest.raises(Unavailable):
        stranger.collect()
    assert stranger.send(Outbound(key=KEY, recipient=CITIZEN, text="x")).state == ReceiptState.TRY_LATER
    assert server.received == []


@pytest.mark.parametrize("url", ["imap://u:p@mail.example.com", "http://mail.example.com", "mail.example.com"])
def test_a_password_never_crosses_a_network_in_the_clear(url: str) -> None:
    with pytest.raises(ValidationError):
        MailSettings(imap_url=SecretStr(url))


def test_without_servers_nothing_is_read_and_what_is_sent_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = Email(MailSettings(), otherwise=Console())

    assert list(nothing.collect()) == []
    assert nothing.send(Outbound(key=KEY, recipient=CITIZEN, text="已答复")).state == ReceiptState.DELIVERED
    assert "已答复" in capsys.readouterr().out
