"""Whatever is sent to a callback, signed or not: it is taken or refused, and never breaks anything."""

import json
import random
from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotline.channels.sms import Sms
from hotline.db import Database
from hotline.errors import Invalid, NotGenuine
from hotline.ports import RawRequest
from tests.channels.providers import (
    ALIYUN,
    FORM,
    GENERIC,
    PUBLIC,
    SECRET,
    TENCENT,
    TWILIO,
    generic_headers,
    twilio_form,
    twilio_signature,
)

# So many bodies are read for each callback; through the public door into the database go fewer, found by Hypothesis.
READ = 10_000
STORED = 50

Request = tuple[bytes, dict[str, str]]

FIELDS = [
    *("phone_number", "content", "send_time", "sequence_id", "biz_id", "success", "err_code"),
    *("mobile", "nationcode", "text", "time", "report_status", "sid", "errmsg", "id", "from", "state"),
]
WORDS = st.one_of(
    st.sampled_from(["13800138000", "+8613800138000", "SUCCESS", "delivered", "退订", "\0", "\ud800", ""]), st.text(max_size=12)
)
VALUES = st.recursive(
    st.one_of(WORDS, st.integers(), st.floats(), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(FIELDS), inner, max_size=3)),
    max_leaves=4,
)
ITEMS = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=12)
BODIES = st.one_of(
    st.binary(max_size=60),
    st.one_of(ITEMS, st.lists(ITEMS, max_size=3), VALUES).map(lambda value: json.dumps(value).encode()),
)
FORM_NAMES = ["MessageSid", "From", "Body", "NumMedia", "MediaUrl0", "MessageStatus", "ErrorCode", "OptOutType"]
FORMS = st.dictionaries(st.sampled_from(FORM_NAMES), st.text(st.characters(exclude_categories=["Cs"]), max_size=30))


def _twilio(data: st.DataObject) -> Request:
    """Most are signed as they should be; some are bytes of any kind."""
    if data.draw(st.integers(0, 9)) == 0:
        return data.draw(st.binary(max_size=60)), {"x-twilio-signature": "AAAA", "content-type": FORM}
    form = {**twilio_form(), **data.draw(FORMS)}
    return urlencode(form).encode(), {"x-twilio-signature": twilio_signature(form), "content-type": FORM}


def _unsigned(data: st.DataObject) -> Request:
    return data.draw(BODIES), {}


def _generic(data: st.DataObject) -> Request:
    body = data.draw(BODIES)
    return body, generic_headers(body)


CALLBACKS = [
    pytest.param(TWILIO, _twilio, id="twilio"),
    pytest.param(f"{ALIYUN}/{SECRET}", _unsigned, id="aliyun"),
    pytest.param(f"{TENCENT}/{SECRET}", _unsigned, id="tencent"),
    pytest.param(GENERIC, _generic, id="generic"),
]
quiet = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}


GENUINE = (
    json.dumps(
        [{"phone_number": "13800138000", "content": "路灯坏了", "send_time": "2026-11-23 10:00:00", "sequence_id": 1}]
    ).encode(),
    json.dumps([{"phone_number": "13800138000", "success": True, "err_code": "DELIVERED", "biz_id": "1^0"}]).encode(),
    json.dumps({"mobile": "13800138000", "nationcode": "86", "text": "路灯坏了", "time": 1795399200}).encode(),
    json.dumps([{"mobile": "13800138000", "report_status": "SUCCESS", "errmsg": "DELIVRD", "sid": "5000:1"}]).encode(),
    json.dumps({"id": "1", "from": "13800138000", "text": "路灯坏了", "time": 1795399200}).encode(),
    json.dumps({"id": "1", "state": "delivered"}).encode(),
    urlencode(twilio_form()).encode(),
    urlencode({"MessageSid": "SM1", "MessageStatus": "delivered"}).encode(),
)
PIECES = (
    b"\0",
    b"\xff",
    b"[",
    b"{",
    b'"',
    b"null",
    b"1e999",
    b"-1",
    b"\\ud800",
    b"%",
    b"&",
    b"=",
    b"9" * 5000,
    b"[" * 2000,
    "退订".encode(),
)


def _mangled(chance: random.Random) -> bytes:
    """A genuine body with some of it cut out, doubled, or replaced by what parsers stumble over."""
    body = bytearray(chance.choice(GENUINE))
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(body) + 1)
        end = min(len(body), start + chance.randrange(12))
        body[start:end] = chance.choice((b"", bytes(body[start:end]) * 2, chance.choice(PIECES)))
    return bytes(body)


def _signed(path: str, body: bytes) -> dict[str, str]:
    if path == GENERIC:
        return generic_headers(body)
    try:
        fields = dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict"))
    except ValueError:
        fields = {}
    return {"x-twilio-signature": twilio_signature(fields)} if path == TWILIO else {}


@pytest.mark.parametrize("path", [TWILIO, f"{ALIYUN}/{SECRET}", f"{TENCENT}/{SECRET}", GENERIC])
def test_no_body_is_stumbled_over(sms: Sms, path: str) -> None:
    gateway, _, secret = path.removeprefix("/api/channels/sms/").partition("/")
    chance, taken = random.Random(gateway), 0

    for _ in range(READ):
        body = _mangled(chance)
        try:
            sms.parse(RawRequest("POST", f"{PUBLIC}{path}", _signed(path, body), {}, body, gateway, secret, "127.0.0.1"))
            taken += 1
        except (Invalid, NotGenuine):
            continue

    assert 0 < taken < READ


@pytest.mark.parametrize(("path", "make"), CALLBACKS)
@pytest.mark.usefixtures("sms")
def test_what_is_taken_can_be_stored(
    client: TestClient, database: Database, path: str, make: Callable[[st.DataObject], Request]
) -> None:
    @settings(max_examples=STORED, **quiet)  # type: ignore[arg-type]
    @given(st.data())
    def run(data: st.DataObject) -> None:
        body, headers = make(data)
        assert client.post(path, content=body, headers=headers).status_code in (200, 403)

    run()
