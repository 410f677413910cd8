"""What mail systems send back is told from what people and their programs write."""

from email import message_from_string, policy
from email.message import EmailMessage, Message

import pytest

from hotline.channels import email, mail_reports
from hotline.ports import Outbound, Receipt, ReceiptState
from hotline.sandbox.mail_reports import report

OWN = "12345@hotline.example"
CITIZEN = "citizen@example.com"
KEY = "0198c0de-0000-7000-8000-000000000001"
NAME = f"<{KEY}@hotline.example>"


def ours() -> bytes:
    return email.written(Outbound(key=KEY, recipient=CITIZEN, text="已答复"), sender=OWN).as_bytes()


def read(content: bytes) -> object:
    return email.read(content, own=OWN)


def notice(text: str, **heads: str) -> bytes:
    mail = EmailMessage()
    usual = {"From": "Mail System <MAILER-DAEMON@mx.example>", "To": OWN, "Subject": "Undelivered Mail Returned to Sender"}
    for name, value in {**usual, **heads}.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes(policy=policy.SMTP)


COPY = f"\n--- Below this line is a copy of the message.\n\nReceived: from 4.4.7.1\nMessage-ID: {NAME}\nSubject: x\n\n已答复\n"


@pytest.mark.parametrize(
    ("action", "status", "is_final"),
    [
        ("failed", "5.1.1", True),
        ("Failed", "4.4.7", True),
        ("", "5.2.2", True),
        ("delayed", "4.4.1", False),
        ("", "4.4.1", False),
        ("delivered", "2.0.0", False),
        ("relayed", "2.0.0", False),
        ("expanded", "2.0.0", False),
    ],
)
def test_only_what_will_never_arrive_counts(action: str, status: str, is_final: bool) -> None:
    found = read(report(ours(), CITIZEN, action=action, status=status))

    assert (isinstance(found, Receipt), found is None) == (is_final, not is_final)


def test_a_report_names_the_message_and_says_why_but_not_to_whom() -> None:
    assert read(report(ours(), CITIZEN)) == Receipt(
        ReceiptState.UNREACHABLE, reason="退信：5.1.1 550 5.1.1 …: Recipient address rejected: User unknown", key=KEY
    )


def test_what_reached_one_of_several_has_arrived() -> None:
    content = report(ours(), CITIZEN).decode()
    block = "Final-Recipient: rfc822; other@example.com\r\nAction: delivered\r\nStatus: 2.0.0\r\n"
    several = content.replace("Diagnostic-Code", f"X: x\r\n\r\n{block}X", 1)

    assert "delivered" in several
    assert read(several.encode()) is None


@pytest.mark.parametrize("name", ["<other@hotline.example>", f"<{KEY}@elsewhere.example>", "", "rubbish"])
def test_a_report_of_what_is_not_ours_is_nothing(name: str) -> None:
    assert read(report(ours().replace(NAME.encode(), name.encode()), CITIZEN)) is None


def test_a_report_without_the_mail_names_it_as_what_it_answers() -> None:
    mail: Message = message_from_string(report(ours().replace(b"Message-ID", b"X-ID"), CITIZEN).decode())
    mail["References"] = f"<{'0' * 8}@example.com> {NAME}"

    found = read(mail.as_bytes())

    assert isinstance(found, Receipt)
    assert found.key == KEY


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (notice(f"<{CITIZEN}>: host mx said: 550 5.1.1 User unknown\n{COPY}"), "退信：…: host mx said: 550 5.1.1 User unknown"),
        (notice(f"I'm afraid I wasn't able to deliver.\n{COPY}", Subject="failure notice"), "退信：failure notice"),
        (notice(f"无此用户\n{COPY}", From="PostMaster@mx.example", Subject="系统退信"), "退信：系统退信"),
        (notice(f"552 mailbox full\n{COPY}", From="mx@mx.example", X_Failed_Recipients=CITIZEN), "退信：552 mailbox full"),
        (
            notice(f"未送达\n{COPY}", From="mx@mx.example", Auto_Submitted="auto-replied"),
            "退信：Undelivered Mail Returned to Sender",
        ),
    ],
)
def test_a_notice_in_plain_words_is_understood(content: bytes, reason: str) -> None:
    assert read(content) == Receipt(ReceiptState.UNREACHABLE, reason=reason, key=KEY)


def test_a_notice_with_the_mail_in_it_is_understood() -> None:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "postmaster@mx.example", "Mail delivery failed"
    mail.set_content("We are sorry.")
    mail.add_attachment(message_from_string(ours().decode(), policy=policy.default))

    found = mail_reports.read(message_from_string(mail.as_string(), policy=policy.default), own=OWN)

    assert found is not None
    assert found.key == KEY


@pytest.mark.parametrize(
    "content",
    [
        notice(f"451 4.7.1 greylisted\n{COPY}"),
        notice(f"Not yet delivered; no action is needed.\n{COPY}", Subject="Warning: message delayed 24 hours"),
        notice(f"We will try again.\n{COPY}", Subject="Delayed Mail (still being retried)"),
        notice("550 5.1.1 User unknown\n"),
        notice(f"I am away until 5.1.27\n{COPY}", From=CITIZEN, Subject="Out of office", Auto_Submitted="auto-replied"),
    ],
)
def test_what_is_late_or_away_or_not_about_ours_is_nothing(content: bytes) -> None:
    assert read(content) is None


def test_a_person_who_passes_a_notice_on_is_heard() -> None:
    found = read(
        notice(
            f"你们的邮件被退了\n550 5.1.1\n{COPY}", From=CITIZEN, Subject="Fwd: Undelivered Mail", Message_ID="<1@example.com>"
        )
    )

    assert not isinstance(found, Receipt)
    assert found is not None


def test_a_mail_that_is_made_to_be_hard_to_read_comes_to_an_end() -> None:
    for text in ("\n" * 300_000, "> " * 300_000, "x" * 300_000 + " 5.1.1", "Message-ID:\n" * 50_000, "<" * 300_000):
        assert read(notice(text + COPY.replace(NAME, "<0@example.com>"))) is None
