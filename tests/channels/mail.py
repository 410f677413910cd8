"""A mail server on a real port, the channel that is led to it, and letters of citizens."""

from email import policy
from email.message import EmailMessage

from pydantic import SecretStr
from sqlalchemy import select

from hotline.db import Database
from hotline.settings import Mail as MailSettings
from hotline.timetable import TIMETABLE
from models import Direction, Message

OWN = "12345@hotline.example"
CITIZEN = "citizen@example.com"
# Of “p:/@ word”, as it stands in a URL.
GOOD = "p%3A%2F%40%20word"
KEY = "0198c0de-0000-7000-8000-000000000001"


def mail_settings(imap_port: int, smtp_port: int, password: str = GOOD) -> MailSettings:
    sign_in = f"12345%40hotline.example:{password}@127.0.0.1"
    return MailSettings(
        imap_url=SecretStr(f"imap://{sign_in}:{imap_port}/INBOX"),
        smtp_url=SecretStr(f"smtp://{sign_in}:{smtp_port}"),
        timeout_seconds=20,
    )


def poll(database: Database) -> None:
    TIMETABLE["poll_channels"].run(database)


def letter(text: str = "路灯坏了", **headers: str) -> bytes:
    mail = EmailMessage()
    for name, value in {"From": CITIZEN, "To": OWN, "Subject": "路灯", "Message_ID": "<1@example.com>", **headers}.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes(policy=policy.SMTP)


def texts(database: Database) -> list[str]:
    """What citizens wrote."""
    with database.reading() as session:
        return list(session.scalars(select(Message.text).where(Message.direction == Direction.IN).order_by(Message.received_at)))
