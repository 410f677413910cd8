"""How mails name each other: what ours is called, which letter it answers, and which of ours another one speaks of."""

import re
from collections.abc import Iterator
from email.message import EmailMessage, Message
from email.policy import EmailPolicy
from hashlib import sha256
from typing import Any
from uuid import UUID

from hotline.ports import Answered

# As much as is stored of a name.
LONGEST = 128
LONGEST_SUBJECT = 200

_NAME = re.compile(r"<[^<>\s]+>")
_QUOTED = re.compile(r"^[> \t]*Message-ID:[ \t]*(?:\r?\n[ \t]+)?(<[^<>\s]+>)", re.IGNORECASE | re.MULTILINE)
_HEADS = frozenset({"text/rfc822-headers", "message/global-headers"})
_POINTING = frozenset({"In-Reply-To", "References"})


class _Wire(EmailPolicy):
    """The library would put a long name into an encoded word, where nobody finds it again."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name not in _POINTING:
            return super().fold_binary(name, value)
        return f"{name}: {f'{self.linesep} '.join(str(value).split())}{self.linesep}".encode("ascii")


WIRE = _Wire(linesep="\r\n")


def made_of(key: str, address: str) -> str:
    """The same key gives the same name, so that a server or a reader can drop repeats."""
    return f"<{key}@{_domain(address)}>"


def key_in(name: str, address: str) -> str:
    """The key that a name of ours was made of; empty for what is not ours."""
    key, _, domain = name.strip().removeprefix("<").removesuffix(">").rpartition("@")
    try:
        return str(UUID(key)) if domain.lower() == _domain(address).lower() else ""
    except ValueError:
        return ""


def of(message: Message, content: bytes) -> str:
    """What a mail calls itself, or a name for what calls itself nothing that can be kept."""
    named = str(message.get("Message-ID", "")).strip()
    is_plain = named.isascii() and named.isprintable() and " " not in named
    return named if named and is_plain and len(named) <= LONGEST else sha256(named.encode() or content).hexdigest()


def point(mail: EmailMessage, answered: Answered) -> None:
    """An answer stands below its letter in the citizen's mail program, under the letter's own subject."""
    names = [name for name in (*answered.before, answered.external_id) if name.isascii() and _NAME.fullmatch(name)]
    if names and names[-1] == answered.external_id:
        mail["In-Reply-To"] = answered.external_id
    if names:
        mail["References"] = " ".join(names)


def subject_for(answered: Answered | None) -> str:
    """Empty if the letter had none, or it must not be said again."""
    line = "".join(sign for sign in answered.first_line if sign.isprintable()).strip() if answered else ""
    return f"Re: {line if len(line) <= LONGEST_SUBJECT else line[: LONGEST_SUBJECT - 1] + '…'}" if line else ""


def quoted_in(message: Message, text: str) -> Iterator[str]:
    """The mails that another one has within it or quotes the head of, the outermost first; `text` is what it says."""
    for part in message.walk():
        if part is not message and "Message-ID" in part:
            yield str(part["Message-ID"])
        elif part.get_content_type() in _HEADS:
            heads = part.get_payload(decode=True)
            yield from _QUOTED.findall(heads.decode(errors="ignore")) if isinstance(heads, bytes) else ()
    yield from _QUOTED.findall(text)


def pointed_at(message: Message) -> list[str]:
    """The mails that it says it answers, the latest first."""
    pointing = " ".join(str(message.get(name, "")) for name in ("References", "In-Reply-To"))
    return _NAME.findall(pointing)[::-1]


def _domain(address: str) -> str:
    return address.rpartition("@")[2]
