"""Providers as tests play them: their settings, their signed requests, and servers on real ports."""

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlencode

import httpx2
import uvicorn
from fastapi.testclient import TestClient
from pydantic import SecretStr
from starlette.types import ASGIApp
from twilio.request_validator import RequestValidator

from hotline.settings import Sms, TencentTemplate
from hotline.signatures import generic
from models import now
from tests.components import wait_until

PUBLIC = "http://127.0.0.1:8000"
TWILIO, ALIYUN, TENCENT, GENERIC = (f"/api/channels/sms/{name}" for name in ("twilio", "aliyun", "tencent", "generic"))
TOKEN = "a twilio token"
SECRET = "a-secret-part-of-the-path"
SHARED = "a shared secret"
FORM = "application/x-www-form-urlencoded"
NUMBER = "+8613800138000"


def sms_settings(**values: object) -> Sms:
    """Every gateway can receive and send; nothing real is reached by accident."""
    usual: dict[str, object] = {
        "timeout_seconds": 2,
        "twilio_account_sid": "AC1",
        "twilio_auth_token": SecretStr(TOKEN),
        "twilio_from": "+8612345",
        "twilio_base_url": "http://127.0.0.1:9",
        "aliyun_access_key_id": "id",
        "aliyun_access_key_secret": SecretStr("secret"),
        "aliyun_sign_name": "热线",
        "aliyun_templates": {"answered": "SMS_1", "reply": "SMS_2"},
        "aliyun_base_url": "http://127.0.0.1:9",
        "aliyun_callback_secret": SecretStr(SECRET),
        "tencent_secret_id": "id",
        "tencent_secret_key": SecretStr("secret"),
        "tencent_app_id": "1400000000",
        "tencent_sign_name": "热线",
        "tencent_templates": {"answered": TencentTemplate(id="1", params=["number", "link"])},
        "tencent_base_url": "http://127.0.0.1:9",
        "tencent_callback_secret": SecretStr(SECRET),
        "generic_url": "http://127.0.0.1:9/send",
        "generic_secret": SecretStr(SHARED),
    }
    return Sms.model_validate({**usual, **values})


def twilio_form(**values: str) -> dict[str, str]:
    usual = {"MessageSid": "SM1", "AccountSid": "AC1", "From": NUMBER, "To": "+8612345", "Body": "路灯坏了", "NumMedia": "0"}
    return {**usual, **values}


def twilio_signature(form: Mapping[str, object], *, path: str = TWILIO, token: str = TOKEN) -> str:
    return str(RequestValidator(token).compute_signature(f"{PUBLIC}{path}", form))


def post_twilio(client: TestClient, form: Mapping[str, str], *, path: str = TWILIO, **headers: str) -> httpx2.Response:
    signed = {"x-twilio-signature": twilio_signature(form, path=path), "content-type": FORM}
    return client.post(path, content=urlencode(form), headers={**signed, **headers})


def post_json(client: TestClient, path: str, content: object, *, secret: str = SECRET) -> httpx2.Response:
    return client.post(f"{path}/{secret}", content=json.dumps(content, ensure_ascii=False).encode())


def generic_headers(body: bytes, *, secret: str = SHARED, seconds_ago: int = 0) -> dict[str, str]:
    timestamp = str(int(now().timestamp()) - seconds_ago)
    return {generic.TIMESTAMP: timestamp, generic.SIGNATURE: generic.signed(SecretStr(secret), timestamp, body)}


def bound() -> socket.socket:
    """A port that is held from now on, so that its address can be told before anything answers there."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    return held


def address_of(held: socket.socket) -> str:
    return f"http://127.0.0.1:{held.getsockname()[1]}"


@contextmanager
def serving(app: ASGIApp, held: socket.socket) -> Iterator[None]:
    """The app on a real port, in a thread of its own."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [held]}, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started, "the server to answer")
        yield
    finally:
        server.should_exit = True
        thread.join()
        held.close()
