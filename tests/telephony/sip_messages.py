"""SIP on paper: messages, the offer of one A-law stream, digest answers (RFC 3261, 2617)."""

import hashlib
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.telephony.sip_media import AUDIO, KEYS

ADDRESS = re.compile(r"<([^>]+)>")
PARAMETER = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


@dataclass
class SipMessage:
    start: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""

    @classmethod
    def parse(cls, data: bytes) -> "SipMessage":
        head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return cls(start, [(name.strip(), value.strip()) for name, colon, value in pairs if colon], body)

    def encode(self) -> bytes:
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers)]
        body = self.body.encode()
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body

    def get(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def status(self) -> int:
        """0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        return self.get("CSeq").partition(" ")[2]

    @property
    def branch(self) -> str:
        return parameter(self.get("Via"), "branch")


def parameter(value: str, name: str) -> str:
    found = re.search(rf";\s*{name}=([^;,\s>]+)", value)
    return found[1] if found else ""


def address(value: str) -> str:
    """What stands in angle brackets."""
    found = ADDRESS.search(value)
    return found[1] if found else value.partition(";")[0].strip()


def quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def answer_to(request: SipMessage, status: int, reason: str, *, tag: str, more: Iterable[tuple[str, str]] = ()) -> SipMessage:
    to = request.get("To")
    headers = [("Via", via) for via in request.all("Via")]
    headers += [("From", request.get("From")), ("To", to if parameter(to, "tag") else f"{to};tag={tag}")]
    headers += [("Call-ID", request.get("Call-ID")), ("CSeq", request.get("CSeq"))]
    return SipMessage(f"SIP/2.0 {status} {reason}", [*headers, *more])


def cancel(invite: SipMessage) -> SipMessage:
    headers = [(name, invite.get(name)) for name in ("Via", "From", "To", "Call-ID", "Max-Forwards")]
    number = invite.get("CSeq").partition(" ")[0]
    return SipMessage(invite.start.replace("INVITE", "CANCEL", 1), [*headers, ("CSeq", f"{number} CANCEL")])


def offer(host: str, port: int, *, direction: str = "sendrecv", version: int = 1, keys: int = KEYS) -> str:
    lines = ["v=0", f"o=- 1 {version} IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0"]
    lines += [f"m=audio {port} RTP/AVP {AUDIO} {keys}", f"a=rtpmap:{AUDIO} PCMA/8000"]
    lines += [f"a=rtpmap:{keys} telephone-event/8000", f"a=fmtp:{keys} 0-15", "a=ptime:20", f"a={direction}", ""]
    return "\r\n".join(lines)


@dataclass(frozen=True)
class Audio:
    """Where the other side listens, and the number under which it wants keys."""

    host: str
    port: int
    keys: int
    direction: str

    @classmethod
    def parse(cls, body: str) -> "Audio | None":
        host = re.search(r"^c=IN IP4 (\S+)", body, re.M)
        port = re.search(r"^m=audio (\d+)", body, re.M)
        keys = re.search(r"^a=rtpmap:(\d+) telephone-event/8000", body, re.M)
        direction = re.search(r"^a=(sendrecv|sendonly|recvonly|inactive)", body, re.M)
        if host is None or port is None:
            return None
        return cls(host[1], int(port[1]), int(keys[1]) if keys else KEYS, direction[1] if direction else "sendrecv")


def authorization(challenges: Sequence[str], *, user: str, password: str, method: str, uri: str) -> str:
    """A digest answer to the MD5 challenge among those given."""
    each = ({key: plain or bare for key, plain, bare in PARAMETER.findall(one)} for one in challenges)
    asked = next(one for one in each if one.get("algorithm", "MD5").upper() == "MD5")
    nonce, realm, once = asked["nonce"], asked["realm"], secrets.token_hex(8)
    secret, what = md5(f"{user}:{realm}:{password}"), md5(f"{method}:{uri}")
    response = md5(f"{secret}:{nonce}:00000001:{once}:auth:{what}")
    given = f'username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", response="{response}"'
    opaque = f', opaque="{asked["opaque"]}"' if "opaque" in asked else ""
    return f'Digest {given}, algorithm=MD5, qop=auth, nc=00000001, cnonce="{once}"{opaque}'


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
