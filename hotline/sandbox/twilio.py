"""Twilio's stand-in: signed forms to the service, its messages interface, states that follow, pictures to fetch."""

import base64
import hmac
from collections.abc import Sequence
from email.utils import formatdate
from urllib.parse import urlencode
from uuid import uuid4

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from twilio.request_validator import RequestValidator

from hotline.sandbox.stand_in import Fate, Script, Sent, post, say_nothing

FORM = "application/x-www-form-urlencoded"
TOO_MANY = {"code": 20429, "message": "Too Many Requests", "status": 429}
OPTED_OUT = {"code": 21610, "message": "Attempt to send to unsubscribed recipient", "status": 400}
UNKNOWN_CALLER = {"code": 20003, "message": "Authenticate", "status": 401}


class Twilio:
    name = "twilio"

    def __init__(self, *, account_sid: str, auth_token: str, address: str, callback: str) -> None:
        """`address` is where this stand-in is reached, `callback` the service's URL for messages."""
        self._account, self._token = account_sid, auth_token
        self._address, self._callback = address, callback
        self._pictures: dict[str, bytes] = {}
        self._script = Script()
        self.received: list[Sent] = []
        base = "/2010-04-01/Accounts/{account}"
        self.app = Starlette(
            routes=[
                Route(f"{base}/Messages.json", self._create, methods=["POST"]),
                Route(f"{base}/Messages.json", self._list, methods=["GET"]),
                Route(f"{base}/Messages/{{sid}}.json", self._show, methods=["GET"]),
                Route(f"{base}/Media/{{name}}", self._picture, methods=["GET"]),
            ]
        )

    def inject(self, sender: str, text: str, pictures: Sequence[bytes] = ()) -> int:
        form = {"MessageSid": _sid("SM"), "AccountSid": self._account, "From": sender, "To": "+8612345", "Body": text}
        form |= {"SmsStatus": "received", "NumMedia": str(len(pictures))}
        for place, picture in enumerate(pictures):
            name = _sid("ME")
            self._pictures[name] = picture
            form[f"MediaUrl{place}"] = f"{self._address}/2010-04-01/Accounts/{self._account}/Media/{name}"
            form[f"MediaContentType{place}"] = "image/png"
        return self._call_back(self._callback, form)

    def _call_back(self, url: str, form: dict[str, str]) -> int:
        signature = RequestValidator(self._token).compute_signature(url, form)
        return post(url, urlencode(form).encode(), {"content-type": FORM, "x-twilio-signature": signature})

    async def _create(self, request: Request) -> Response:
        if not self._knows(request):
            return JSONResponse(UNKNOWN_CALLER, 401)
        form = {name: str(value) for name, value in (await request.form()).items()}
        fate = self._script.fate_of(form["To"])
        if fate == Fate.BUSY_ONCE:
            return JSONResponse(TOO_MANY, 429)
        if fate == Fate.OPTED_OUT:
            return JSONResponse(OPTED_OUT, 400)
        sent = Sent(_sid("SM"), form["To"], form["Body"], state="queued")
        self.received.append(sent)
        if fate == Fate.SILENT:
            await say_nothing(request)
        return JSONResponse(self._shown(sent), 201, background=BackgroundTask(self._go_on, sent, form.get("StatusCallback", "")))

    def _go_on(self, sent: Sent, callback: str) -> None:
        """The states come out of order and one of them twice, as they do."""
        sent.state = "delivered"
        for state in ("delivered", "sent", "delivered") if callback else ():
            form = {"AccountSid": self._account, "MessageSid": sent.number, "MessageStatus": state, "To": sent.recipient}
            self._call_back(callback, form)

    async def _list(self, request: Request) -> Response:
        if not self._knows(request):
            return JSONResponse(UNKNOWN_CALLER, 401)
        found = [self._shown(each) for each in reversed(self.received) if each.recipient == request.query_params.get("To")]
        return JSONResponse({"messages": found, "page": 0, "next_page_uri": None})

    async def _show(self, request: Request) -> Response:
        found = next((each for each in self.received if each.number == request.path_params["sid"]), None)
        if found is None or not self._knows(request):
            return JSONResponse({"code": 20404, "message": "not found", "status": 404}, 404)
        return JSONResponse(self._shown(found))

    async def _picture(self, request: Request) -> Response:
        if not self._knows(request):
            return Response(status_code=401)
        content = self._pictures.get(request.path_params["name"])
        return Response(content, media_type="image/png") if content is not None else Response(status_code=404)

    def _shown(self, sent: Sent) -> dict[str, object]:
        made = formatdate(sent.at, usegmt=True)
        return {"sid": sent.number, "to": sent.recipient, "body": sent.text, "status": sent.state, "date_created": made}

    def _knows(self, request: Request) -> bool:
        expected = base64.b64encode(f"{self._account}:{self._token}".encode()).decode()
        return hmac.compare_digest(request.headers.get("authorization", ""), f"Basic {expected}")


def _sid(kind: str) -> str:
    return f"{kind}{uuid4().hex}"
