"""A stand-in for WeChat: its servers' calls as a small application, and citizens who write by `inject`.

Errors are ordered by whom one writes to: the open id `anybody-45015` answers every sending with 45015, `anybody-_1` with -1.
Where the number is one of the closed window (45015, 45047), templates still reach.
"""

import itertools
import re
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ExceptionHandler

from hotline.sandbox.wechat_callbacks import Account, Callback, Callbacks, Deliver

TOKEN_SECONDS = 7200
LONGEST_TEXT = 2048
WINDOW_CLOSED = frozenset({45015, 45047})
ORDERED = re.compile(r"-(_1|\d{5})$")

DONE = {"errcode": 0, "errmsg": "ok"}

Told = dict[str, Any]


@dataclass(frozen=True)
class Received:
    """What a citizen's telephone would show."""

    recipient: str
    text: str
    number: str = ""  # its name at WeChat; customer-service messages have none
    key: str = ""
    state: str = "sent"
    kind: str = "text"
    body: Told = field(default_factory=dict)
    at: float = field(default_factory=time.time)


class Fault(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.told = {"errcode": code, "errmsg": message}


class Wechat:
    """`app` is mounted where the service's base URL points to; `received` is what was sent through it, oldest first."""

    name = "wechat"

    def __init__(self, account: Account, *, deliver: Deliver | None = None) -> None:
        self.account = account
        self.callbacks = Callbacks(account, deliver)
        self.received: list[Received] = []
        self.menu: Told = {}
        self.templates: dict[str, str] = {}  # template id: title
        self.offered: dict[str, str] = {}  # short id: title
        self.media: dict[str, tuple[bytes, str]] = {}
        self.tokens_given = 0
        self._token, self._ends = "", 0.0
        self._spent: set[str] = set()
        self._told: dict[str, str] = {}  # client_msg_id: msgid
        self._serial = itertools.count(2_000_000_001)
        self.app = _application(self)

    # Citizens.

    def inject(self, sender: str, text: str, pictures: Sequence[bytes] = ()) -> int:
        """A text, and each picture as a message of its own, as telephones send them. The status of the last answer."""
        messages = [self.callbacks.message(sender, "text", Content=text)] if text else []
        messages += [self._with_file(sender, "image", each, "image/jpeg", PicUrl="http://mmbiz.example/p") for each in pictures]
        return [self.callbacks.send(each) for each in messages][-1]

    def inject_voice(self, sender: str, voice: bytes, recognised: str = "") -> int:
        told = {"Recognition": recognised} if recognised else {}
        return self.callbacks.send(self._with_file(sender, "voice", voice, "audio/amr", Format="amr", **told))

    def inject_video(self, sender: str, video: bytes) -> int:
        return self.callbacks.send(self._with_file(sender, "video", video, "video/mp4", ThumbMediaId="thumb"))

    def inject_link(self, sender: str, url: str, title: str = "") -> int:
        return self.callbacks.send(self.callbacks.message(sender, "link", Title=title, Description="", Url=url))

    def inject_location(self, sender: str, latitude: float, longitude: float, label: str = "") -> int:
        given = {"Location_X": latitude, "Location_Y": longitude, "Scale": 16, "Label": label}
        return self.callbacks.send(self.callbacks.message(sender, "location", **given))

    def inject_event(self, sender: str, event: str, key: str = "") -> int:
        """`subscribe`, `unsubscribe`, `CLICK` and `VIEW` with the key of the menu, `SCAN`."""
        return self.callbacks.send(self.callbacks.event(sender, event, EventKey=key))

    def report(self, sender: str, message_id: str, status: str = "success") -> int:
        """What became of a template message: `success`, `failed:user block`, `failed: system failed`."""
        given = {"MsgID": int(message_id), "Status": status}
        return self.callbacks.send(self.callbacks.event(sender, "TEMPLATESENDJOBFINISH", **given))

    def _with_file(self, sender: str, kind: str, content: bytes, media_type: str, **fields: str) -> Callback:
        return self.callbacks.message(sender, kind, MediaId=self.keep(content, media_type), **fields)

    def keep(self, content: bytes, media_type: str) -> str:
        media_id = secrets.token_urlsafe(32)
        self.media[media_id] = (content, media_type)
        return media_id

    def refuse_token(self) -> None:
        """From now on 40001, though the token is given out again unless a new one is forced."""
        self._spent.add(self._token)

    def end_token(self) -> None:
        """From now on 42001: the next question for a token gives a new one."""
        self._ends = 0.0

    # What the service asks for.

    def token(self, asked: Told) -> Told:
        if asked.get("appid") != self.account.app_id:
            raise Fault(40013, "invalid appid")
        if asked.get("secret") != self.account.app_secret:
            raise Fault(40125, "invalid appsecret")
        if asked.get("force_refresh") or time.time() >= self._ends:
            self._token, self._ends = secrets.token_urlsafe(64), time.time() + TOKEN_SECONDS
        self.tokens_given += 1
        return {"access_token": self._token, "expires_in": int(self._ends - time.time())}

    def require(self, token: str) -> None:
        if not self._token or token != self._token or token in self._spent:
            raise Fault(40001, "invalid credential, access_token is invalid or not latest")
        if time.time() >= self._ends:
            raise Fault(42001, "access_token expired")

    def write(self, body: Told) -> Told:
        _require_reachable(body["touser"], by_template=False)
        if body["msgtype"] == "image":
            if body["image"]["media_id"] not in self.media:
                raise Fault(40007, "invalid media_id")
            self.received.append(Received(body["touser"], "［图片］", kind="image", body=body))
            return {}
        content = body["text"]["content"]
        if len(content.encode()) > LONGEST_TEXT:
            raise Fault(45002, "content size out of limit")
        self.received.append(Received(body["touser"], content, body=body))
        return {}

    def notify(self, body: Told, kind: str) -> Told:
        _require_reachable(body["touser"], by_template=True)
        if body["template_id"] not in self.templates:
            raise Fault(40037, "invalid template_id")
        if not all(each["value"].strip() for each in body["data"].values()):
            raise Fault(47003, "argument invalid")
        own = body.get("client_msg_id", "")
        if own and own in self._told:
            return {"msgid": int(self._told[own])}
        message_id = str(next(self._serial))
        self._told[own] = message_id
        lines = (self.templates[body["template_id"]], *(each["value"] for each in body["data"].values()))
        self.received.append(Received(body["touser"], "\n".join(lines), message_id, own, kind=kind, body=body))
        return {"msgid": int(message_id)}

    def put_menu(self, body: Told) -> Told:
        self.menu = body
        return {}

    def pick_template(self, body: Told) -> Told:
        if body["template_id_short"] not in self.offered:
            raise Fault(40036, "invalid template_id_short")
        return {"template_id": self.add_template(self.offered[body["template_id_short"]])}

    def listed(self, name: str) -> list[Told]:
        """The account's templates, their ids under the name that a kind of them has."""
        return [{name: template_id, "title": title} for template_id, title in self.templates.items()]

    def add_template(self, title: str) -> str:
        template_id = secrets.token_urlsafe(32)
        self.templates[template_id] = title
        return template_id


def _require_reachable(recipient: str, *, by_template: bool) -> None:
    ordered = ORDERED.search(recipient)
    code = int(ordered[1].replace("_", "-")) if ordered else 0
    if code and not (by_template and code in WINDOW_CLOSED):
        raise Fault(code, "ordered by the open id")


def _application(wechat: Wechat) -> Starlette:
    """Every call with a token in its query, but the one that asks for a token, and a video's address."""
    tell = cast(ExceptionHandler, _tell)
    return Starlette(routes=[*_calls(wechat), *_media(wechat)], exception_handlers={Fault: tell})


def _tell(_: Request, fault: Fault) -> Response:
    return JSONResponse(fault.told)


def _calls(wechat: Wechat) -> list[Route]:
    async def stable_token(request: Request) -> Response:
        return JSONResponse(wechat.token(await request.json()))

    def posted(path: str, act: Callable[[Told], Told]) -> Route:
        async def answer(request: Request) -> Response:
            wechat.require(request.query_params.get("access_token", ""))
            return JSONResponse({**DONE, **act(await request.json())})

        return Route(path, answer, methods=["POST"])

    def asked(path: str, act: Callable[[], Told]) -> Route:
        async def answer(request: Request) -> Response:
            wechat.require(request.query_params.get("access_token", ""))
            return JSONResponse(act())

        return Route(path, answer, methods=["GET"])

    return [
        Route("/cgi-bin/stable_token", stable_token, methods=["POST"]),
        posted("/cgi-bin/message/custom/send", wechat.write),
        posted("/cgi-bin/message/template/send", lambda body: wechat.notify(body, "template")),
        posted("/cgi-bin/message/subscribe/bizsend", lambda body: wechat.notify(body, "subscribe")),
        posted("/cgi-bin/menu/create", wechat.put_menu),
        posted("/cgi-bin/template/api_add_template", wechat.pick_template),
        asked("/cgi-bin/get_api_domain_ip", lambda: {"ip_list": ["127.0.0.1"]}),
        asked("/cgi-bin/template/get_all_private_template", lambda: {"template_list": wechat.listed("template_id")}),
        asked("/wxaapi/newtmpl/gettemplate", lambda: {**DONE, "data": wechat.listed("priTmplId")}),
    ]


def _media(wechat: Wechat) -> list[Route]:
    async def upload(request: Request) -> Response:
        wechat.require(request.query_params.get("access_token", ""))
        async with request.form() as form:
            media = form["media"]
            if not isinstance(media, UploadFile) or media.content_type not in ("image/jpeg", "image/png"):
                raise Fault(40004, "invalid media type")
            media_id = wechat.keep(await media.read(), media.content_type)
        told = {"type": request.query_params.get("type", ""), "media_id": media_id, "created_at": int(time.time())}
        return JSONResponse(told)

    async def get(request: Request) -> Response:
        wechat.require(request.query_params.get("access_token", ""))
        media_id = request.query_params.get("media_id", "")
        if media_id not in wechat.media:
            raise Fault(40007, "invalid media_id")
        content, media_type = wechat.media[media_id]
        if media_type.startswith("video/"):
            return JSONResponse({"video_url": str(request.url_for("video", media_id=media_id))})
        return Response(content, media_type=media_type, headers={"Content-Disposition": 'attachment; filename="media"'})

    async def video(request: Request) -> Response:
        return Response(wechat.media[request.path_params["media_id"]][0], media_type="video/mp4")

    return [
        Route("/cgi-bin/media/upload", upload, methods=["POST"]),
        Route("/cgi-bin/media/get", get, methods=["GET"]),
        Route("/video/{media_id}", video, methods=["GET"], name="video"),
    ]
