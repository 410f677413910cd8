"""A stand-in for the groups of enterprise chats: takes what robots are sent, in each chat's form, and shows it on a page."""

import html
import json
import time
from collections import deque
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from hotline.sandbox.stand_in import Sent
from hotline.signatures import chat as signatures

WECOM, DINGTALK, FEISHU = "wecom", "dingtalk", "feishu"
NAMES = {WECOM: "企业微信", DINGTALK: "钉钉", FEISHU: "飞书"}
MOST = 200
HEADERS = {"Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'", "Cache-Control": "no-store"}
PAGE = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<title>企业群 · 12345 演示</title><link rel="stylesheet" href="/static/app.css">
<link rel="stylesheet" href="/static/sandbox.css"></head><body><header class="top"><b class="brand">12345</b><h1>企业群</h1>
<p class="small muted grow">演示用：发给承办单位企业群的提醒在这里收到。<a href="/">市民的手机</a></p></header>
<main class="phones"><section class="panel phone"><ol class="lines">{lines}</ol></section></main></body></html>"""


class ChatRobots:
    """One robot of each kind. With a secret it takes only what is signed with it."""

    def __init__(self, *, secret: str = "") -> None:
        self._secret = secret
        self.received: deque[Sent] = deque(maxlen=MOST)
        self.app = Starlette(routes=[Route("/", self._page), Route("/{kind}", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        kind = request.path_params["kind"]
        try:
            body = json.loads(await request.body())
            text = str(body["content"]["text"] if kind == FEISHU else body["text"]["content"])
        except (ValueError, TypeError, KeyError):
            return _answer(kind, 9499 if kind == FEISHU else 40035)
        if kind not in NAMES or (self._secret and not self._is_signed(kind, request, body)):
            return _answer(kind, 19021 if kind == FEISHU else 310000)
        self.received.append(Sent(str(len(self.received)), kind, text))
        return _answer(kind, 0)

    def _is_signed(self, kind: str, request: Request, body: Any) -> bool:
        if kind == WECOM:  # its robots know no signature
            return True
        if kind == DINGTALK:
            timestamp, given = request.query_params.get("timestamp", ""), request.query_params.get("sign", "")
            return given == signatures.dingtalk(self._secret, timestamp)
        timestamp = str(body.get("timestamp", ""))
        return bool(body.get("sign") == signatures.feishu(self._secret, timestamp))

    async def _page(self, _: Request) -> Response:
        lines = "".join(_line(sent) for sent in reversed(self.received)) or '<li class="nothing">还没有提醒</li>'
        return HTMLResponse(PAGE.format(lines=lines), headers=HEADERS)


def _line(sent: Sent) -> str:
    at = time.strftime("%H:%M:%S", time.localtime(sent.at))
    return f'<li class="theirs"><p>{html.escape(sent.text)}</p><small>{NAMES[sent.recipient]} {at}</small></li>'


def _answer(kind: str, code: int) -> Response:
    return JSONResponse({"code": code, "msg": ""} if kind == FEISHU else {"errcode": code, "errmsg": ""})
