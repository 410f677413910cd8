"""A stand-in for 110's platform: takes signed orders, gives each a number, and gives back what is no police matter.

What it does with an order goes by words in it: 不属公安 sends it back, 已出警 ends it, 平台忙 turns the first try away.
"""

import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hotline.sandbox.stand_in import post
from hotline.signatures.generic import SIGNATURE, TIMESTAMP, signed

RETURNED, DONE, BUSY = "不属公安", "已出警", "平台忙"


@dataclass(frozen=True)
class Order:
    """`number` is its name here, `body` what came with it."""

    number: str
    body: Mapping[str, str]


@dataclass
class Police:
    secret: str
    callback: str
    orders: dict[str, Order] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/orders", self._take, methods=["POST"])])

    def say(self, key: str, state: str, said: str = "") -> int:
        """Tell the service what became of an order; the status of its answer."""
        told = {"id": key, "state": state, "number": self.orders[key].number, "said": said}
        body, timestamp = json.dumps(told, ensure_ascii=False).encode(), str(int(time.time()))
        signature = signed(SecretStr(self.secret), timestamp, body)
        return post(self.callback, body, {"content-type": "application/json", TIMESTAMP: timestamp, SIGNATURE: signature})

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        expected = signed(SecretStr(self.secret), request.headers.get(TIMESTAMP, ""), body)
        if not hmac.compare_digest(request.headers.get(SIGNATURE, ""), expected):
            return JSONResponse({"error": "signature"}, 403)
        asked = json.loads(body)
        key, words = asked["id"], asked.get("content", "")
        self.tries[key] = self.tries.get(key, 0) + 1
        if BUSY in words and self.tries[key] == 1:
            return JSONResponse({"error": "busy"}, 503)
        order = self.orders.setdefault(key, Order(f"JQ{len(self.orders) + 1:06}", asked))
        return JSONResponse({"number": order.number}, background=self._afterwards(key, words))

    def _afterwards(self, key: str, words: str) -> BackgroundTask | None:
        if RETURNED in words:
            return BackgroundTask(self.say, key, "returned", "经核不属公安职责，请12345受理")
        return BackgroundTask(self.say, key, "done", "已出警处置") if DONE in words else None
