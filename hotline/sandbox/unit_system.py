"""A unit's own system, played: hears webhooks, checks who sent them, fetches the case, signs for it and answers it.

Also the worked example of docs/api.md: whoever connects a real system does these same steps.
"""

import hmac
import json
import time
from collections.abc import Sequence
from typing import Any

import httpx
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hotline.sandbox.stand_in import SECONDS
from hotline.signatures.generic import SIGNATURE, TIMESTAMP, signed

FRESH_SECONDS = 300
OUTDATED, GONE = 409, 404


class UnitSystem:
    def __init__(self, *, api: str, key: str, secrets: Sequence[str] = ()) -> None:
        """`api` is the address of the service's /api/v1."""
        self._api, self._key = api, key
        self.secrets = list(secrets)  # of its webhooks, as administrators gave them out; two while one is replaced
        self.heard: dict[str, dict[str, Any]] = {}
        self.cases: dict[str, dict[str, Any]] = {}
        self.app = Starlette(routes=[Route("/hotline", self._hear, methods=["POST"])])

    async def _hear(self, request: Request) -> Response:
        """Answered at once; the work comes afterwards, so that the service does not wait for it."""
        body = await request.body()
        if not self._is_genuine(request.headers.get(TIMESTAMP, ""), request.headers.get(SIGNATURE, ""), body):
            return JSONResponse({"error": "signature"}, 403)
        told = json.loads(body)
        if told["id"] in self.heard:
            return JSONResponse({"heard": "before"})
        self.heard[told["id"]] = told
        work = BackgroundTask(self._work, told["case"]) if "case" in told else None
        return JSONResponse({"heard": "now"}, background=work)

    def _is_genuine(self, timestamp: str, signatures: str, body: bytes) -> bool:
        if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > FRESH_SECONDS:
            return False
        expected = [signed(SecretStr(secret), timestamp, body) for secret in self.secrets]
        given = signatures.split(",")
        return any(hmac.compare_digest(one.encode(), other.encode()) for one in expected for other in given)

    def _work(self, told: dict[str, Any]) -> None:
        """What was told may be old by now: the case itself says how things stand."""
        with httpx.Client(base_url=self._api, headers={"Authorization": f"Bearer {self._key}"}, timeout=SECONDS) as service:
            found = service.get(f"/cases/{told['id']}")
            if found.status_code == GONE:
                self.cases.pop(told["id"], None)
                return
            case = found.raise_for_status().json()
            self.cases[case["id"]] = case
            if case["status"] == "dispatched":
                self._act(service, case, "sign", json={"seen": case["version"]})
            elif case["status"] == "in_progress":
                answer = {"public_text": "已派人处理完毕。", "closure": "solved", "seen": str(case["version"])}
                self._act(service, case, "answer", data=answer)

    def _act(self, service: httpx.Client, case: dict[str, Any], act: str, **sent: Any) -> None:
        """The key says what is done to which version: however often this is tried, it is done once."""
        key = f"{act}-{case['id']}-{case['version']}"
        done = service.post(f"/cases/{case['id']}/{act}", headers={"Idempotency-Key": key}, **sent)
        if done.status_code != OUTDATED:  # else the next webhook tells what somebody else did
            done.raise_for_status()
