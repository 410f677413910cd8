"""What Hypothesis finds to send to a gateway's callback, signed or not: it is taken and stored, or refused."""

import json
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotline.db import Database
from tests.channels.providers import (
    ALIYUN,
    FORM,
    GENERIC,
    SECRET,
    TENCENT,
    TWILIO,
    generic_headers,
    twilio_form,
    twilio_signature,
)

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
