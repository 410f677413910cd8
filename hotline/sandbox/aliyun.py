"""Aliyun's stand-in: checks the signature of each call, pushes texts (SmsUp) and receipts (SmsReport) as JSON arrays."""

import json
from collections.abc import Mapping, Sequence
from itertools import count
from uuid import uuid4

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hotline.sandbox.stand_in import Fate, Script, Sent, post, say_nothing
from hotline.signatures.aliyun import signed_headers

WRITTEN_AT = "2026-11-23 10:00:00"
JSON = {"content-type": "application/json"}
PACE, BLACKLISTED = "isv.BUSINESS_LIMIT_CONTROL", "isv.MOBILE_IN_BLACK"


class Aliyun:
    name = "aliyun"

    def __init__(self, *, access_key_id: str, access_key_secret: str, callback: str) -> None:
        """`callback` is the service's URL, the secret part included."""
        self._key_id, self._key_secret, self._callback = access_key_id, access_key_secret, callback
        self._script = Script()
        self._numbers = count(1)
        self.received: list[Sent] = []
        self.app = Starlette(routes=[Route("/", self._answer, methods=["POST"])])

    def inject(self, sender: str, text: str, pictures: Sequence[bytes] = ()) -> int:
        """Pictures are left out: this provider takes none."""
        number = int(uuid4().int % 10**12) + next(self._numbers)
        item = {"phone_number": sender, "content": text, "send_time": WRITTEN_AT, "dest_code": "8888", "sequence_id": number}
        return self._push(item)

    def _push(self, item: Mapping[str, object]) -> int:
        return post(self._callback, json.dumps([item], ensure_ascii=False).encode(), JSON)

    async def _answer(self, request: Request) -> Response:
        parameters = dict(request.query_params)
        if not self._is_signed(request, parameters):
            return JSONResponse({"Code": "SignatureDoesNotMatch", "Message": "signature"}, 403)
        if request.headers["x-acs-action"] == "QuerySendDetails":
            return JSONResponse(self._details(parameters))
        number = parameters["PhoneNumbers"]
        fate = self._script.fate_of(number)
        if fate in (Fate.BUSY_ONCE, Fate.OPTED_OUT):
            return JSONResponse({"Code": PACE if fate == Fate.BUSY_ONCE else BLACKLISTED, "Message": fate})
        named = f"{uuid4().int % 10**18}^0"
        sent = Sent(named, number, parameters["TemplateParam"], parameters["OutId"], state="1")
        self.received.append(sent)
        if fate == Fate.SILENT:
            await say_nothing(request)
        return JSONResponse(
            {"Code": "OK", "Message": "OK", "BizId": named, "RequestId": str(uuid4())},
            background=BackgroundTask(self._report, sent),
        )

    def _report(self, sent: Sent) -> None:
        sent.state = "3"
        self._push(
            {
                "phone_number": sent.recipient,
                "send_time": WRITTEN_AT,
                "report_time": WRITTEN_AT,
                "success": True,
                "err_code": "DELIVERED",
                "err_msg": "用户接收成功",
                "sms_size": "1",
                "biz_id": sent.number,
                "out_id": sent.key,
            }
        )

    def _details(self, parameters: Mapping[str, str]) -> dict[str, object]:
        found = [each for each in self.received if each.recipient == parameters["PhoneNumber"]]
        details = [
            {"OutId": each.key, "PhoneNum": each.recipient, "SendStatus": int(each.state), "ErrCode": ""} for each in found
        ]
        return {"Code": "OK", "Message": "OK", "TotalCount": str(len(found)), "SmsSendDetailDTOs": {"SmsSendDetailDTO": details}}

    def _is_signed(self, request: Request, parameters: Mapping[str, str]) -> bool:
        headers = request.headers
        wanted = signed_headers(
            headers.get("x-acs-action", ""),
            parameters,
            host=headers.get("host", ""),
            key_id=self._key_id,
            key_secret=self._key_secret,
            at=headers.get("x-acs-date", ""),
            nonce=headers.get("x-acs-signature-nonce", ""),
        )
        return headers.get("authorization") == wanted["authorization"]
