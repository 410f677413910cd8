"""What a mail server sends back of mail that it could not hand on (RFC 3464)."""

from email import message_from_bytes, policy
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.mime.text import MIMEText
from email.utils import formatdate, make_msgid

SYSTEM = "MAILER-DAEMON@stand-in.example"
NO_SUCH_USER = "smtp; 550 5.1.1 <{recipient}>: Recipient address rejected: User unknown"


def report(
    content: bytes, recipient: str, *, action: str = "failed", status: str = "5.1.1", diagnosis: str = NO_SUCH_USER
) -> bytes:
    """For the sender of `content`, whose head goes back with it."""
    original = message_from_bytes(content, policy=policy.default)
    mail: MIMEMultipart = MIMEMultipart("report")
    mail.set_param("report-type", "delivery-status")
    mail["From"], mail["To"], mail["Message-ID"], mail["Date"] = SYSTEM, str(original["From"]), make_msgid(), formatdate()
    mail["Subject"] = f"Delivery Status Notification ({action})"
    mail["Auto-Submitted"] = "auto-replied"
    mail.attach(MIMEText(f"This is the mail system. Your mail to {recipient}: {action}.\n"))
    told = {"Final-Recipient": f"rfc822; {recipient}", "Action": action, "Status": status}
    diagnosed = {"Diagnostic-Code": diagnosis.format(recipient=recipient)}
    mail.attach(_status({"Reporting-MTA": "dns; stand-in.example"}, {**told, **diagnosed}))
    heads = "".join(f"{name}: {value}\n" for name, value in original.items())
    mail.attach(MIMEText(heads, "rfc822-headers", "utf-8"))
    return mail.as_bytes(policy=policy.SMTP)


def _status(*told: dict[str, str]) -> Message:
    part = MIMENonMultipart("message", "delivery-status")
    part.set_payload([_block(each) for each in told])
    return part


def _block(words: dict[str, str]) -> Message:
    block = Message()
    for name, value in words.items():
        block[name] = value
    return block
