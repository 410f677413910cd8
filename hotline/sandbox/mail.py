"""A mail server's stand-in: SMTP that keeps what it is given, and as much of IMAP as a program that fetches mail needs."""

import asyncio
import base64
import contextlib
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import make_msgid
from socket import socket
from typing import Any, Self

from hotline.sandbox.mail_reports import report
from hotline.sandbox.stand_in import Fate, Script, Sent

HOST = "127.0.0.1"
LONGEST_LINE = 64 * 1024

Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Letter:
    content: bytes
    flags: set[str] = field(default_factory=set)


class Mail:
    """The fate of a mail is in the end of its recipient's name: citizen0001@… is busy once."""

    name = "mail"

    def __init__(self, *, user: str, password: str, address: str) -> None:
        self._user, self._password, self._address = user, password, address
        self._script = Script()
        self._servers: list[asyncio.Server] = []
        self.letters: list[Letter] = []
        self.received: list[Sent] = []
        self.contents: list[bytes] = []  # the same, as they came over the wire
        self.smtp_port = self.imap_port = 0

    async def start(self, *, smtp: socket | None = None, imap: socket | None = None) -> Self:
        """On loopback; without a socket on any port that is free."""
        self.smtp_port = await self._listen(self._smtp, smtp)
        self.imap_port = await self._listen(self._imap, imap)
        return self

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
            await server.wait_closed()

    async def _listen(self, conversation: Conversation, bound: socket | None) -> int:
        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await conversation(reader, writer)
            writer.close()

        where: dict[str, Any] = {"host": HOST, "port": 0} if bound is None else {"sock": bound}
        server = await asyncio.start_server(converse, limit=LONGEST_LINE, **where)
        self._servers.append(server)
        found: int = server.sockets[0].getsockname()[1]
        return found

    def inject(self, sender: str, text: str, pictures: Sequence[bytes] = ()) -> int:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"], mail["Message-ID"] = sender, self._address, text[:20], make_msgid()
        mail.set_content(text)
        for picture in pictures:
            mail.add_attachment(picture, maintype="image", subtype="png", filename="picture.png")
        return self.put(mail.as_bytes(policy=policy.SMTP))

    def put(self, content: bytes) -> int:
        """A mail as it came over the wire."""
        self.letters.append(Letter(content))
        return 250

    async def _smtp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = _Smtp(self, reader, writer)
        await session.say("220 stand-in")
        while await session.step():
            continue

    async def _imap(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = _Imap(self, writer)
        session.say("* OK stand-in")
        while line := await reader.readline():
            tag, _, rest = line.decode(errors="replace").strip().partition(" ")
            if not session.carry_out(tag, rest):
                break
            await writer.drain()
        await writer.drain()

    def admits(self, user: str, password: str) -> bool:
        return (user, password) == (self._user, self._password)

    def fate_of(self, recipient: str) -> Fate:
        return self._script.fate_of(recipient.partition("@")[0])

    def keep(self, recipient: str, content: bytes, *, state: str = "") -> None:
        mail = message_from_bytes(content, policy=policy.default)
        body = mail.get_body(("plain",))
        text = body.get_payload(decode=True) if body else b""
        words = text.decode() if isinstance(text, bytes) else ""
        words += "".join(f"\n［附件：{part.get_filename()}］" for part in mail.iter_attachments())
        self.contents.append(content)
        self.received.append(Sent(str(mail["Message-ID"]), recipient, words, key=str(mail["Subject"]), state=state))


class _Smtp:
    """One client's conversation."""

    def __init__(self, mail: Mail, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._mail, self._reader, self._writer = mail, reader, writer
        self._is_admitted = False
        self._recipient = ""

    async def say(self, line: str) -> None:
        self._writer.write(f"{line}\r\n".encode())
        await self._writer.drain()

    async def step(self) -> bool:
        line = (await self._reader.readline()).decode(errors="replace").strip()
        verb, _, rest = line.partition(" ")
        answers: dict[str, Callable[[str], str]] = {
            "EHLO": lambda _: "250-stand-in\r\n250-AUTH PLAIN\r\n250 SIZE 26214400",
            "AUTH": self._auth,
            "MAIL": lambda _: "250 ok" if self._is_admitted else "530 sign in first",
            "RCPT": self._rcpt,
            "RSET": lambda _: "250 ok",
            "QUIT": lambda _: "221 bye",
        }
        if verb.upper() == "DATA":
            return await self._data()
        if line:
            answer = answers.get(verb.upper())
            await self.say(answer(rest) if answer else "502 not known")
        return bool(line) and verb.upper() != "QUIT"

    def _auth(self, rest: str) -> str:
        _, user, password = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")
        self._is_admitted = self._mail.admits(user, password)
        return "235 ok" if self._is_admitted else "535 wrong"

    def _rcpt(self, rest: str) -> str:
        found = re.search(r"<([^>]*)>", rest)
        self._recipient = found[1] if found else ""
        fate = self._mail.fate_of(self._recipient)
        return {Fate.BUSY_ONCE: "451 later", Fate.OPTED_OUT: "550 no such mailbox"}.get(fate, "250 ok")

    async def _data(self) -> bool:
        """Silent: the mail is taken and the line goes dead before anybody says so."""
        await self.say("354 go on")
        content = (await self._reader.readuntil(b"\r\n.\r\n"))[:-3].replace(b"\r\n..", b"\r\n.")
        fate = self._mail.fate_of(self._recipient)
        self._mail.keep(self._recipient, content, state="returned" if fate == Fate.RETURNED else "")
        if fate == Fate.SILENT:
            return False
        if fate == Fate.RETURNED:
            self._mail.put(report(content, self._recipient))
        await self.say("250 taken")
        return True


class _Imap:
    """One client's conversation; letters are numbered from 1, and UIDs are those numbers."""

    def __init__(self, mail: Mail, writer: asyncio.StreamWriter) -> None:
        self._mail, self._writer = mail, writer
        self._is_admitted = False

    def say(self, line: str) -> None:
        self._writer.write(f"{line}\r\n".encode())

    def carry_out(self, tag: str, line: str) -> bool:
        verb, _, rest = line.partition(" ")
        if verb.upper() == "UID":
            verb, _, rest = rest.partition(" ")
        commands: dict[str, Callable[[str], str]] = {
            "CAPABILITY": self._capability,
            "LOGIN": self._login,
            "SELECT": self._select,
            "SEARCH": self._search,
            "FETCH": self._fetch,
            "STORE": self._store,
            "LOGOUT": self._logout,
        }
        command = commands.get(verb.upper())
        is_allowed = self._is_admitted or verb.upper() in ("CAPABILITY", "LOGIN", "LOGOUT")
        self.say(f"{tag} {command(rest) if command and is_allowed else 'BAD not now'}")
        return verb.upper() != "LOGOUT"

    def _capability(self, _: str) -> str:
        self.say("* CAPABILITY IMAP4rev1")
        return "OK done"

    def _login(self, rest: str) -> str:
        user, _, password = rest.partition(" ")
        self._is_admitted = self._mail.admits(user.strip('"'), password.strip('"'))
        return "OK done" if self._is_admitted else "NO wrong"

    def _select(self, _: str) -> str:
        self.say(f"* {len(self._mail.letters)} EXISTS")
        self.say("* OK [UIDVALIDITY 1] valid")
        return "OK [READ-WRITE] done"

    def _search(self, _: str) -> str:
        unseen = [str(n) for n, letter in enumerate(self._mail.letters, 1) if r"\Seen" not in letter.flags]
        self.say(f"* SEARCH {' '.join(unseen)}".rstrip())
        return "OK done"

    def _fetch(self, rest: str) -> str:
        number, _, wanted = rest.partition(" ")
        content = self._mail.letters[int(number) - 1].content
        if "RFC822.SIZE" in wanted:
            self.say(f"* {number} FETCH (UID {number} RFC822.SIZE {len(content)})")
            return "OK done"
        span = re.search(r"<0\.(\d+)>", wanted)
        sent = content[: int(span[1])] if span else content
        self._writer.write(f"* {number} FETCH (UID {number} BODY[]{'<0>' if span else ''} {{{len(sent)}}}\r\n".encode() + sent)
        self.say(")")
        return "OK done"

    def _store(self, rest: str) -> str:
        number, _, flags = rest.partition(" ")
        self._mail.letters[int(number) - 1].flags.update(re.findall(r"\\\w+", flags))
        return "OK done"

    def _logout(self, _: str) -> str:
        self.say("* BYE")
        return "OK done"
