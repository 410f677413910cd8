"""What mail systems say of mail that we sent: returned for good, by their reports (RFC 3464) or by a notice in plain words.

What is only delayed is on its way yet, and what answers in somebody's absence has arrived: neither is of any consequence.
"""

import re
from collections.abc import Sequence
from email.message import Message
from email.utils import parseaddr

from hotline.channels import mail_names, mail_text
from hotline.ports import Receipt, ReceiptState

SYSTEMS = frozenset({"mailer-daemon", "postmaster"})
RETURNED = "退信"
LONGEST_REASON = 200

_ADDRESS = re.compile(r"<?[^@\s<>\"(),:;]+@[^@\s<>\"(),:;]+>?")
_PERMANENT = re.compile(r"(?<![\d.])5(?:\.\d{1,3}\.\d{1,3}(?!\.?\d)|[0-5]\d(?=[ -]))")
_TEMPORARY = re.compile(r"(?<![\d.])4(?:\.\d{1,3}\.\d{1,3}(?!\.?\d)|[0-5]\d(?=[ -]))")
_FAILED = re.compile(
    r"undeliver|deliver\w* (?:has )?fail|failure notice|returned (?:mail|to sender)|not be delivered|退信|退回|无法投递|投递失败",
    re.IGNORECASE,
)
_DELAYED = re.compile(r"delay|warning|retried|延迟|推迟|稍后", re.IGNORECASE)
# Where a notice begins to repeat the mail: what stands there is ours and the servers', and says nothing of its fate.
_COPY = re.compile(r"^[> \t]*(?:Return-Path|Received|Message-ID|From):", re.IGNORECASE | re.MULTILINE)


def read(message: Message, *, own: str) -> Receipt | None:
    """A mail of ours that was returned; None for everything else."""
    reason = _of_report(message) if message.get_content_type() == "multipart/report" else _of_notice(message)
    key = _returned(message, own) if reason else ""
    return Receipt(ReceiptState.UNREACHABLE, reason=f"{RETURNED}：{_brief(reason)}", key=key) if key else None


def _of_report(message: Message) -> str:
    """Why it failed for each of its recipients; empty if it has not, for one of them at least."""
    told = [block for block in _blocks(message) if "Action" in block or "Status" in block]
    if not told or not all(_is_final(block) for block in told):
        return ""
    kind, _, diagnosis = _word(told[0], "Diagnostic-Code").partition(";")
    return f"{_word(told[0], 'Status')} {diagnosis.strip() or kind}".strip() or _word(told[0], "Action")


def _blocks(message: Message) -> Sequence[Message]:
    """One for the mail, then one for each recipient."""
    parts = (part.get_payload() for part in message.walk() if part.get_content_type() == "message/delivery-status")
    return [block for part in parts if isinstance(part, list) for block in part if isinstance(block, Message)]


def _is_final(block: Message) -> bool:
    action = _word(block, "Action").lower()
    return action == "failed" or (not action and _word(block, "Status").startswith("5"))


def _word(block: Message, name: str) -> str:
    return " ".join(str(block.get(name, "")).split())


def _of_notice(message: Message) -> str:
    """Its line with a permanent code, else its subject if that says so; empty for what may be anything else."""
    subject = _word(message, "Subject")
    is_told = bool(_FAILED.search(subject)) and _word(message, "Auto-Submitted").lower() not in ("", "no")
    is_systems = parseaddr(str(message.get("From", "")))[1].partition("@")[0].lower() in SYSTEMS
    if _DELAYED.search(subject) or not (is_told or is_systems or "X-Failed-Recipients" in message):
        return ""
    said = _COPY.split(mail_text.plain(message), maxsplit=1)[0]
    permanent = [line for line in said.splitlines() if _PERMANENT.search(line)]
    if permanent:
        return permanent[0].strip()
    return subject if _FAILED.search(subject) and not _TEMPORARY.search(said) else ""


def _returned(message: Message, own: str) -> str:
    names = [*mail_names.quoted_in(message, mail_text.plain(message)), *mail_names.pointed_at(message)]
    return next((key for key in (mail_names.key_in(name, own) for name in names) if key), "")


def _brief(reason: str) -> str:
    """Without the citizen's address, which is kept elsewhere."""
    return " ".join(_ADDRESS.sub("…", reason[: 2 * LONGEST_REASON]).split())[:LONGEST_REASON]
