"""E-mail: what citizens write is fetched by IMAP, what they are told goes out by SMTP. The mailbox is the service's own."""

import imaplib
import logging
import re
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.utils import format_datetime, parseaddr, parsedate_to_datetime
from typing import Self
from urllib.parse import unquote, urlsplit

from hotline.channels import mail_names, mail_reports, mail_text
from hotline.errors import NotGenuine, Unavailable
from hotline.ports import Channel, File, HttpAnswer, Inbound, Outbound, Parsed, RawRequest, Receipt, ReceiptState, Refusal
from hotline.settings import Mail
from models.base import now

log = logging.getLogger(__name__)

MOST_BYTES = 25 * 1024 * 1024
# Of a larger one, what the text lies in; its attachments are left with the provider.
BEGINNING = 256 * 1024
MOST_AT_ONCE = 10
SUBJECT = "12345热线回复"
TOO_LARGE = "（邮件过大，附件未收取）"
SENT_BY_PERSON = "reply"
MACHINES = mail_reports.SYSTEMS | {"noreply", "no-reply", "donotreply"}
IN_BULK = frozenset({"bulk", "list", "junk", "auto_reply"})
PORTS = {"imaps": 993, "imap": 143, "smtps": 465, "smtp": 587}

_ADDRESS = re.compile(r"[^@\s<>\"(),:;]{1,64}@[^@\s<>\"(),:;]{1,190}")
_ANSWERED = re.compile(r"^\s*(?:(?:re|回复|答复|回覆)\s*[:：]\s*)+", re.IGNORECASE)
_UID = re.compile(rb"[0-9]+")


@dataclass(frozen=True)
class Server:
    """Where a mail server is, and how to sign in there."""

    scheme: str
    starttls: bool
    host: str
    port: int
    user: str
    password: str
    folder: str

    @classmethod
    def of(cls, url: str) -> Self:
        parts = urlsplit(url)
        scheme, _, tls = parts.scheme.partition("+")
        return cls(
            scheme=scheme,
            starttls=tls == "starttls",
            host=parts.hostname or "",
            port=parts.port or PORTS[scheme],
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            folder=unquote(parts.path.strip("/")) or "INBOX",
        )


class Email:
    kind = "email"

    def __init__(self, settings: Mail, *, otherwise: Channel) -> None:
        """`otherwise` sends where no SMTP server is set."""
        self._imap = Server.of(settings.imap_url.get_secret_value()) if settings.imap_url else None
        self._smtp = Server.of(settings.smtp_url.get_secret_value()) if settings.smtp_url else None
        self._address = settings.address or (self._smtp.user if self._smtp else "")
        self._seconds = settings.timeout_seconds
        self._otherwise = otherwise
        # Where the mails lie that were collected and not yet stored.
        self._places: dict[str, list[str]] = {}

    def parse(self, raw: RawRequest) -> Parsed:
        raise NotGenuine("Mail is fetched; nobody brings it.")

    def refuse(self, reason: Refusal) -> HttpAnswer:
        return HttpAnswer(status=403)

    def collect(self) -> Sequence[Inbound | Receipt]:
        """The oldest that nobody has seen. What a machine wrote is marked as seen and left there, unless mail is returned."""
        if self._imap is None:
            return ()
        with self._mailbox(self._imap) as box:
            found = [self._collected(box, uid) for uid in _unseen(box)[:MOST_AT_ONCE]]
        return [each for each in found if each is not None]

    def stored(self, found: Sequence[Inbound | Receipt]) -> None:
        places = [uid for each in found for uid in self._places.pop(_known_as(each), ())]
        if self._imap is None or not places:
            return
        with self._mailbox(self._imap) as box:
            for uid in places:
                _mark(box, uid, r"\Seen")

    def _collected(self, box: imaplib.IMAP4, uid: str) -> Inbound | Receipt | None:
        try:
            content, is_whole = _fetch(box, uid)
            found = read(content, own=self._address, is_whole=is_whole)
        except imaplib.IMAP4.error:
            raise
        # The parser raises whatever a broken mail makes it stumble over.
        except Exception:
            log.exception("mail cannot be read; flagged in its folder")
            _mark(box, uid, r"\Seen \Flagged")
            return None
        if found is None:
            _mark(box, uid, r"\Seen")
        else:
            self._places.setdefault(_known_as(found), []).append(uid)
        return found

    @contextmanager
    def _mailbox(self, server: Server) -> Iterator[imaplib.IMAP4]:
        box: imaplib.IMAP4 | None = None
        try:
            if server.scheme == "imaps":
                box = imaplib.IMAP4_SSL(server.host, server.port, ssl_context=_tls(), timeout=self._seconds)
            else:
                box = imaplib.IMAP4(server.host, server.port, timeout=self._seconds)
            if server.starttls:
                box.starttls(_tls())
            box.login(server.user, server.password)
            _agreed(box.select(server.folder))
            yield box
        except (OSError, imaplib.IMAP4.error) as error:
            raise Unavailable("The mail server does not answer as it should.") from error
        finally:
            if box is not None:
                with suppress(OSError, imaplib.IMAP4.error):
                    box.logout()

    def send(self, message: Outbound) -> Receipt:
        if self._smtp is None:
            return self._otherwise.send(message)
        try:
            smtp = self._signed_in(self._smtp)
        except (OSError, smtplib.SMTPException) as error:
            return Receipt(ReceiptState.TRY_LATER, reason=type(error).__name__)
        try:
            return self._hand_over(smtp, message)
        finally:
            with suppress(OSError, smtplib.SMTPException):
                smtp.quit()
            smtp.close()

    def _signed_in(self, server: Server) -> smtplib.SMTP:
        if server.scheme == "smtps":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=self._seconds, context=_tls())
        else:
            smtp = smtplib.SMTP(server.host, server.port, timeout=self._seconds)
        try:
            if server.starttls:
                smtp.starttls(context=_tls())
            if server.user:
                smtp.login(server.user, server.password)
            smtp.ehlo_or_helo_if_needed()
        except (OSError, smtplib.SMTPException):
            smtp.close()
            raise
        return smtp

    def _hand_over(self, smtp: smtplib.SMTP, message: Outbound) -> Receipt:
        """Step by step: until the text is on its way nothing was sent; from then on only the answer tells."""
        mail = written(message, sender=self._address)
        try:
            code, _ = smtp.mail(self._address)
            if code < 400:
                code, _ = smtp.rcpt(message.recipient)
        except (OSError, smtplib.SMTPException, UnicodeError) as error:
            return Receipt(ReceiptState.TRY_LATER, reason=type(error).__name__)
        if code >= 400:
            return _refused(code, of_recipient=True)
        try:
            code, _ = smtp.data(mail.as_bytes(policy=mail_names.WIRE))
        except smtplib.SMTPDataError as error:
            return _refused(error.smtp_code, of_recipient=False)
        except (OSError, smtplib.SMTPException) as error:
            return Receipt(ReceiptState.UNKNOWN, mail["Message-ID"], type(error).__name__)
        if code >= 400:
            return _refused(code, of_recipient=False)
        return Receipt(ReceiptState.ACCEPTED, mail["Message-ID"])


def read(content: bytes, *, own: str, is_whole: bool = True) -> Inbound | Receipt | None:
    """A letter, or the return of one of ours, in our words; None for what else no person wrote, which is never answered."""
    message = message_from_bytes(content, policy=policy.default)
    if (returned := mail_reports.read(message, own=own)) is not None:
        return returned
    name, address = parseaddr(str(message.get("From", "")))
    address = address.lower()
    if not _ADDRESS.fullmatch(address) or address == own.lower() or _is_automatic(message, address):
        return None
    text = mail_text.of(message)
    subject = " ".join(str(message.get("Subject", "")).split())
    parts = (_ANSWERED.sub("", subject), text, "" if is_whole else TOO_LARGE)
    return Inbound(
        channel="email",
        external_id=mail_names.of(message, content),
        sender=address,
        text="\n\n".join(part for part in parts if part),
        received_at=now(),
        sent_at=_date_of(message),
        name=" ".join(name.split())[:60],
        files=tuple(_files(message)) if is_whole else (),
    )


def written(message: Outbound, *, sender: str) -> EmailMessage:
    """Below the letter that it answers, if there is one."""
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, message.recipient
    mail["Subject"] = mail_names.subject_for(message.answered) or f"{SUBJECT} {message.values.get('number', '')}".strip()
    mail["Date"] = format_datetime(now())
    mail["Message-ID"] = mail_names.made_of(message.key, sender)
    if message.answered is not None:
        mail_names.point(mail, message.answered)
    if message.purpose != SENT_BY_PERSON:
        mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    for file in message.files:
        mail.add_attachment(file.content, maintype="application", subtype="octet-stream", filename=file.name)
    return mail


def _known_as(found: Inbound | Receipt) -> str:
    return found.key if isinstance(found, Receipt) else found.external_id


def _is_automatic(message: Message, address: str) -> bool:
    """Answers of machines, bounces, lists (RFC 3834): to answer one is how loops begin."""

    def word(name: str) -> str:
        return str(message.get(name, "")).partition(";")[0].strip().lower()

    return (
        word("Auto-Submitted") not in ("", "no")
        or word("Precedence") in IN_BULK
        or "List-Id" in message
        or word("Return-Path") == "<>"
        or message.get_content_type() == "multipart/report"
        or address.partition("@")[0] in MACHINES
    )


def _date_of(message: Message) -> datetime | None:
    try:
        found = parsedate_to_datetime(str(message.get("Date", "")))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _files(message: Message) -> Iterator[File]:
    for part in message.walk():
        is_attached = part.get_content_disposition() == "attachment" or part.get_content_maintype() in ("image", "application")
        content = part.get_payload(decode=True) if is_attached and not part.is_multipart() else None
        if isinstance(content, bytes) and content:
            yield File(part.get_filename() or part.get_content_type().replace("/", "."), content)


def _unseen(box: imaplib.IMAP4) -> list[str]:
    found = _agreed(box.uid("SEARCH", "UNSEEN"))
    return [uid.decode() for uid in _UID.findall(found[0] or b"")]


def _fetch(box: imaplib.IMAP4, uid: str) -> tuple[bytes, bool]:
    """The mail, and whether that is all of it."""
    told = b" ".join(part for part in _agreed(box.uid("FETCH", uid, "(RFC822.SIZE)")) if isinstance(part, bytes))
    size = re.search(rb"RFC822\.SIZE (\d+)", told)
    is_whole = size is not None and int(size[1]) <= MOST_BYTES
    wanted = "(BODY.PEEK[])" if is_whole else f"(BODY.PEEK[]<0.{BEGINNING}>)"
    parts = [part for part in _agreed(box.uid("FETCH", uid, wanted)) if isinstance(part, tuple)]
    return (parts[0][1] if parts else b""), is_whole


def _mark(box: imaplib.IMAP4, uid: str, flags: str) -> None:
    _agreed(box.uid("STORE", uid, "+FLAGS.SILENT", f"({flags})"))


def _agreed(answer: tuple[str, list]) -> list:  # type: ignore[type-arg]  # as imaplib gives it
    status, data = answer
    if status != "OK":
        raise imaplib.IMAP4.error(f"answered {status}")
    return data


def _refused(code: int, *, of_recipient: bool) -> Receipt:
    if code < 500:
        return Receipt(ReceiptState.TRY_LATER, reason=f"SMTP {code}")
    return Receipt(ReceiptState.UNREACHABLE if of_recipient else ReceiptState.REFUSED, reason=f"SMTP {code}")


def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
