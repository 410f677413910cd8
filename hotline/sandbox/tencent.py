"""Tencent's stand-in: checks the signature of each call, calls back with texts and receipts as JSON."""

import json
import time
from collections.abc import Mapping, Sequence
from uuid import uuid4

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hotline.sandbox.stand_in import Fate, Script, Sent, post, say_nothing
from hotline.signatures.tencent import signed_headers

JSON = {"content-type": "application/json"}
PACE = "LimitExceeded.PhoneNumberThirtySecondLimit"
BLACKLISTED = "FailedOperation.PhoneNumberInBlacklist"


class Tencent:
    name = "tencent"

    def __init__(self, *, secret_id: str, secret_key: str, callback: str) -> None:
        """`callback` is the service's URL, the secret part included."""
        self._id, self._key, self._callback = secret_id, secret_key, callback
        self._script = Script()
        self.received: list[Sent] = []
        self.app = Starlette(routes=[Route("/", self._answer, methods=["POST"])])

    def inject(self, sender: str, text: str, pictures: Sequence[bytes] = ()) -> int:
        """Pictures are left out: this provider takes none."""
        mobile = sender.removeprefix("+86")
        written = {"extend": "", "mobile": mobile, "nationcode": "86", "sign": "热线", "text": text, "time": int(time.time())}
        return self._push(written)

    def _push(self, content: object) -> int:
        return post(self._callback, json.dumps(content, ensure_ascii=False).encode(), JSON)

    async def _answer(self, request: Request) -> Response:
        body = await request.body()
        if not self._is_signed(request, body):
            return _told({"Error": {"Code": "AuthFailure.SignatureFailure", "Message": "signature"}})
        asked = json.loads(body)
        if request.headers["x-tc-action"] == "PullSmsSendStatusByPhoneNumber":
            return _told({"PullSmsSendStatusSet": self._statuses(asked)})
        number = asked["PhoneNumberSet"][0]
        fate = self._script.fate_of(number)
        if fate in (Fate.BUSY_ONCE, Fate.OPTED_OUT):
            code = PACE if fate == Fate.BUSY_ONCE else BLACKLISTED
            return _told({"SendStatusSet": [{"SerialNo": "", "PhoneNumber": number, "Code": code, "Message": fate}]})
        sent = Sent(
            f"5000:{uuid4().int % 10**20}", number, " ".join(asked["TemplateParamSet"]), asked["SessionContext"], "SUCCESS"
        )
        self.received.append(sent)
        if fate == Fate.SILENT:
            await say_nothing(request)
        status = {
            "SerialNo": sent.number,
            "PhoneNumber": number,
            "SessionContext": sent.key,
            "Code": "Ok",
            "Message": "send success",
        }
        return _told({"SendStatusSet": [status]}, BackgroundTask(self._report, sent))

    def _report(self, sent: Sent) -> None:
        self._push(
            [
                {
                    "user_receive_time": "2026-11-23 10:00:05",
                    "nationcode": "86",
                    "mobile": sent.recipient.removeprefix("+86"),
                    "report_status": sent.state,
                    "errmsg": "DELIVRD",
                    "description": "用户短信送达成功",
                    "sid": sent.number,
                }
            ]
        )

    def _statuses(self, asked: Mapping[str, object]) -> list[dict[str, str]]:
        return [
            {"PhoneNumber": each.recipient, "SerialNo": each.number, "ReportStatus": each.state, "SessionContext": each.key}
            for each in self.received
            if each.recipient == asked["PhoneNumber"]
        ]

    def _is_signed(self, request: Request, body: bytes) -> bool:
        headers = request.headers
        wanted = signed_headers(
            headers.get("x-tc-action", ""),
            body,
            host=headers.get("host", ""),
            key_id=self._id,
            key_secret=self._key,
            timestamp=int(headers.get("x-tc-timestamp", "0")),
        )
        return headers.get("authorization") == wanted["authorization"]


def _told(response: Mapping[str, object], background: BackgroundTask | None = None) -> Response:
    return JSONResponse({"Response": {**response, "RequestId": str(uuid4())}}, background=background)
