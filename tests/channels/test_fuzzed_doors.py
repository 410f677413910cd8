"""Whatever comes to a callback with a good signature is stored or refused, and nothing breaks. `--fuzz 10000` tries harder."""

from collections import Counter
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from hotline import channels
from hotline.channels.sms import Sms
from hotline.db import Database
from hotline.services.limiting import Window
from tests.channels import fuzzed
from tests.channels.wechat import PLAIN, SAFE, channel_for

pytestmark = pytest.mark.timeout(600)
ANSWERS = {200, 403}


@pytest.mark.parametrize("callback", fuzzed.CALLBACKS)
def test_no_body_breaks_a_callback(
    client: TestClient, sqlite_database: Database, sms: Sms, monkeypatch: pytest.MonkeyPatch, fuzz: int, callback: str
) -> None:
    monkeypatch.setitem(channels.register(), "wechat", channel_for(SAFE if callback == "wechat_safe" else PLAIN))
    client.app.state.sender_pace = Window(fuzz, timedelta(hours=1))  # type: ignore[attr-defined]

    answers = Counter(
        client.post(each.target, content=each.body, headers=each.headers).status_code for each in fuzzed.requests(callback, fuzz)
    )

    assert answers.keys() == ANSWERS, answers
    assert min(answers.values()) > fuzz / 20, f"much of both is tried: {answers}"
