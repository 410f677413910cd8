"""WeChat's side of the callback: messages and events as XML, signed, wrapped in safe mode, delivered up to three times."""

import itertools
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

import httpx

from hotline.signatures.wechat import Envelope, signature

ACCOUNT = "gh_standin00001"
TIMES = 3
PATIENCE = 5.0

Deliver = Callable[[str, bytes], int]


@dataclass(frozen=True)
class Callback:
    """One delivery; sent again as it is, it is a repeat."""

    url: str
    body: bytes


@dataclass(frozen=True)
class Account:
    """What the account's owner has typed in at WeChat: where its server is, and the secrets of both directions."""

    callback_url: str
    token: str
    app_id: str = "wx0000000000000001"
    app_secret: str = "a secret of the stand-in"  # noqa: S105 -- of no account
    aes_key: str = ""


class Callbacks:
    """`deliver` sends a POST and returns the status; by default over HTTP with WeChat's five seconds."""

    def __init__(self, account: Account, deliver: Deliver | None = None) -> None:
        self._account = account
        self._deliver = deliver or _post
        self._envelope = Envelope(account.aes_key, account.app_id) if account.aes_key else None
        self._serial = itertools.count(int(time.time() * 1000) * 10**6)

    def message(self, sender: str, kind: str, **fields: Any) -> Callback:
        return self._callback(sender, {"MsgType": kind, **fields, "MsgId": next(self._serial)})

    def event(self, sender: str, event: str, **fields: Any) -> Callback:
        return self._callback(sender, {"MsgType": "event", "Event": event, **fields})

    def send(self, callback: Callback) -> int:
        """Until it is answered with 200, three times at most; the last status, 0 for none."""
        status = 0
        for _ in range(TIMES):
            status = self._deliver(callback.url, callback.body)
            if status == 200:
                break
        return status

    def check_url(self) -> str:
        """The question that WeChat asks with GET when the address is typed in; the answer must be `echo`."""
        return f"{self._account.callback_url}?{urlencode({**self._signed(), 'echostr': 'echo'})}"

    def _callback(self, sender: str, fields: Mapping[str, Any]) -> Callback:
        words = {"ToUserName": ACCOUNT, "FromUserName": sender, "CreateTime": int(time.time()), **fields}
        return self.wrap(sender, written(words))

    def wrap(self, sender: str, body: bytes) -> Callback:
        """Signed, and sealed in safe mode, whatever it is."""
        query = self._signed()
        if self._envelope is not None:
            sealed = self._envelope.seal(body)
            body = written({"ToUserName": ACCOUNT, "Encrypt": sealed})
            own = signature(self._account.token, query["timestamp"], query["nonce"], sealed)
            query |= {"openid": sender, "encrypt_type": "aes", "msg_signature": own}
        return Callback(f"{self._account.callback_url}?{urlencode(query)}", body)

    def _signed(self) -> dict[str, str]:
        timestamp, nonce = str(int(time.time())), str(secrets.randbelow(10**10))
        return {"signature": signature(self._account.token, timestamp, nonce), "timestamp": timestamp, "nonce": nonce}


def written(words: Mapping[str, Any]) -> bytes:
    return f"<xml>{_elements(words)}</xml>".encode()


def _elements(words: Mapping[str, Any]) -> str:
    return "".join(f"<{name}>{_content(value)}</{name}>" for name, value in words.items())


def _content(value: Any) -> str:
    if isinstance(value, Mapping):
        return _elements(value)
    return escape(str(value)) if isinstance(value, int | float) else f"<![CDATA[{str(value).replace(']]>', ']]]]><![CDATA[>')}]]>"


def _post(url: str, body: bytes) -> int:
    try:
        return httpx.post(url, content=body, headers={"Content-Type": "text/xml"}, timeout=PATIENCE).status_code
    except httpx.HTTPError:
        return 0
