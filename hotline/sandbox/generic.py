"""A stand-in for any gateway that speaks signed JSON, with the fields of the default settings."""

import hmac
import json
import time
from collections.abc import Sequence
from uuid import uuid4

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hotline.sandbox.stand_in import Fate, Script, Sent, post, say_nothing
from hotline.signatures.generic import SIGNATURE, TIMESTAMP, signed


class Generic:
    name = "generic"

    def __init__(self, *, secret: str, callback: str) -> None:
        self._secret, self._callback = SecretStr(secret), callback
        self._script = Script()
        self.received: list[Sent] = []
        self.app = Starlette(routes=[Route("/send", self._send, methods=["POST"])])

    def inject(self, sender: str, text: str, pictures: Sequence[bytes] = ()) -> int:
        """Pictures are left out: this provider takes none."""
        return self._push({"id": uuid4().hex, "from": sender, "text": text, "time": int(time.time())})

    def _push(self, content: object) -> int:
        body, timestamp = json.dumps(content, ensure_ascii=False).encode(), str(int(time.time()))
        headers = {"content-type": "application/json", TIMESTAMP: timestamp, SIGNATURE: signed(self._secret, timestamp, body)}
        return post(self._callback, body, headers)

    async def _send(self, request: Request) -> Response:
        body = await request.body()
        expected = signed(self._secret, request.headers.get(TIMESTAMP, ""), body)
        if not hmac.compare_digest(request.headers.get(SIGNATURE, ""), expected):
            return JSONResponse({"error": "signature"}, 403)
        asked = json.loads(body)
        fate = self._script.fate_of(asked["to"])
        if fate == Fate.BUSY_ONCE:
            return JSONResponse({"error": "pace"}, 429)
        if fate == Fate.OPTED_OUT:
            return JSONResponse({"error": "opted out"}, 422)
        sent = Sent(uuid4().hex, asked["to"], asked["text"], asked["id"], state="delivered")
        self.received.append(sent)
        if fate == Fate.SILENT:
            await say_nothing(request)
        receipt = BackgroundTask(self._push, {"id": sent.number, "state": sent.state})
        return JSONResponse({"id": sent.number}, background=receipt)
