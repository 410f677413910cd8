"""The service and the providers' stand-ins over real HTTP, both ways: only the addresses differ from the real ones."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import select

from hotline import channels
from hotline.app import forget
from hotline.channels.console import Console
from hotline.channels.sms import Sms
from hotline.db import Database
from hotline.errors import Invalid, NotFound, Unavailable
from hotline.ports import Media, Outbound, Parsed, RawRequest, Receipt, ReceiptState
from hotline.sandbox.aliyun import Aliyun
from hotline.sandbox.generic import Generic
from hotline.sandbox.stand_in import WebStandIn
from hotline.sandbox.tencent import Tencent
from hotline.sandbox.twilio import Twilio
from hotline.settings import Settings
from models import Message, PendingMedia, now
from tests.channels.providers import SECRET, SHARED, TOKEN, address_of, bound, serving, sms_settings
from tests.components import wait_until
from tests.pictures import picture

KEY = "0198c0de-0000-7000-8000-000000000001"
GATEWAYS = ("twilio", "aliyun", "tencent", "generic")
# After this a provider lists whatever it took.
LONG_AGO = timedelta(minutes=5)


class Listening(Sms):
    """Keeps the receipts that came in."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, otherwise=Console())
        self.heard: list[Receipt] = []

    def parse(self, raw: RawRequest) -> Parsed:
        parsed = super().parse(raw)
        self.heard += parsed.receipts
        return parsed


@dataclass
class Line:
    """A stand-in, the service's channel that speaks with it, and the database behind the service."""

    provider: WebStandIn
    channel: Listening
    database: Database

    def send(self, ending: str) -> tuple[Outbound, ReceiptState, str]:
        message = outbound(ending)
        receipt = self.channel.send(message)
        return message, receipt.state, receipt.provider_id


def outbound(ending: str, text: str = "已答复，见 http://localhost/track") -> Outbound:
    values = {"number": "990181-20261123-000001", "link": "http://localhost/track"}
    return Outbound(key=KEY, recipient=f"+861380013{ending}", text=text, purpose="answered", values=values)


def stand_in(name: str, address: str, service: str) -> WebStandIn:
    callback = f"{service}/api/channels/sms/{name}"
    makers: dict[str, Callable[[], WebStandIn]] = {
        "twilio": lambda: Twilio(account_sid="AC1", auth_token=TOKEN, address=address, callback=callback),
        "aliyun": lambda: Aliyun(access_key_id="id", access_key_secret="secret", callback=f"{callback}/{SECRET}"),
        "tencent": lambda: Tencent(secret_id="id", secret_key="secret", callback=f"{callback}/{SECRET}"),
        "generic": lambda: Generic(secret=SHARED, callback=callback),
    }
    return makers[name]()


@pytest.fixture(params=GATEWAYS)
def line(
    request: pytest.FixtureRequest, sqlite_database: Database, app: FastAPI, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Line]:
    name, service, provider = request.param, bound(), bound()
    address = address_of(provider)
    sms = sms_settings(
        gateway=name, **{"generic_url": f"{address}/send"} | {f"{each}_base_url": address for each in GATEWAYS[:3]}
    )
    web = settings.web.model_copy(update={"public_url": address_of(service)})
    own = settings.model_copy(update={"sms": sms, "web": web})
    channel = Listening(own)
    monkeypatch.setitem(channels.register(), "sms", channel)
    played = stand_in(name, address, address_of(service))
    forget(app, own)
    with serving(app, service), serving(played.app, provider):
        yield Line(played, channel, sqlite_database)


def test_what_a_citizen_writes_arrives(line: Line) -> None:
    assert line.provider.inject("+8613800138000", "路灯坏了，西门") == 200

    with line.database.reading() as session:
        message = session.scalars(select(Message)).one()
    assert (message.gateway, message.text) == (line.provider.name, "路灯坏了，西门")


def test_what_is_sent_arrives_and_its_state_comes_back(line: Line) -> None:
    _, state, provider_id = line.send("8000")

    heard = line.channel.heard
    wait_until(lambda: any(receipt.state == ReceiptState.DELIVERED for receipt in heard), "the state to come back")
    assert state == ReceiptState.ACCEPTED
    assert {receipt.provider_id for receipt in heard} == {provider_id}
    [sent] = line.provider.received
    assert (sent.number, "http://localhost/track" in sent.text) == (provider_id, True)


def test_a_busy_provider_is_tried_later_and_takes_it_then(line: Line) -> None:
    assert line.send("0001")[1] == ReceiptState.TRY_LATER
    assert line.provider.received == []

    assert line.send("0001")[1] == ReceiptState.ACCEPTED
    assert len(line.provider.received) == 1


def test_a_silent_provider_leaves_it_unknown_and_can_be_asked(line: Line) -> None:
    message, state, provider_id = line.send("0002")
    assert (state, provider_id) == (ReceiptState.UNKNOWN, "")
    assert len(line.provider.received) == 1

    found = line.channel.look_up(message, provider_id="", tried_at=now())

    if line.provider.name == "generic":
        assert found.state == ReceiptState.UNKNOWN
    else:
        assert found.state in (ReceiptState.ACCEPTED, ReceiptState.DELIVERED)


def test_what_the_provider_never_saw_may_be_sent_again(line: Line) -> None:
    message = outbound("7777")
    just_now = line.channel.look_up(message, provider_id="", tried_at=now())
    long_ago = line.channel.look_up(message, provider_id="", tried_at=now() - LONG_AGO)

    assert just_now.state == ReceiptState.UNKNOWN
    lists_all = line.provider.name in ("twilio", "aliyun")
    assert long_ago.state == (ReceiptState.ABSENT if lists_all else ReceiptState.UNKNOWN)


def test_who_has_opted_out_at_the_provider_is_not_reached_this_way(line: Line) -> None:
    refused = ReceiptState.REFUSED if line.provider.name == "generic" else ReceiptState.UNREACHABLE

    assert line.send("0003")[1] == refused


@pytest.mark.parametrize("line", ["twilio"], indirect=True)
def test_a_picture_is_fetched_from_where_it_lies(line: Line) -> None:
    assert line.provider.inject("+8613800138000", "看图", [picture("PNG")]) == 200
    with line.database.reading() as session:
        [waiting] = session.scalars(select(PendingMedia)).all()

    found = line.channel.fetch(Media(waiting.reference, waiting.media_type))
    assert (found.name, found.content) == ("彩信图片", picture("PNG"))
    with pytest.raises(NotFound):
        line.channel.fetch(Media(f"{waiting.reference}gone"))


@pytest.mark.parametrize(
    "reference",
    [
        "https://example.com/ME1",
        "http://api.twilio.com/ME1",
        "https://api.twilio.com:8443/ME1",
        "https://api.twilio.com.example.com/ME1",
        "https://twilio.com@example.com/ME1",
        "file:///etc/passwd",
        "http://169.254.169.254/latest",
        "nonsense",
        "",
    ],
)
def test_nobody_else_is_called_for_a_picture(reference: str, sms: Sms) -> None:
    with pytest.raises(Invalid):
        sms.fetch(Media(reference))


def test_a_provider_that_cannot_be_reached_is_tried_later(settings: Settings) -> None:
    for name in GATEWAYS:
        channel = Sms(settings.model_copy(update={"sms": sms_settings(gateway=name)}), otherwise=Console())

        assert channel.send(outbound("8000")).state == ReceiptState.TRY_LATER
        assert channel.look_up(outbound("8000"), provider_id="", tried_at=now()).state == ReceiptState.UNKNOWN
    with pytest.raises(Unavailable):
        channel.fetch(Media("http://127.0.0.1:9/ME1"))


def test_a_gateway_without_its_settings_sends_nothing_and_says_which(settings: Settings) -> None:
    sms = sms_settings(gateway="twilio", twilio_from="", twilio_auth_token=SecretStr(""))
    receipt = Sms(settings.model_copy(update={"sms": sms}), otherwise=Console()).send(outbound("8000"))

    assert receipt.state == ReceiptState.TRY_LATER
    assert "HOTLINE_SMS__TWILIO_FROM" in receipt.reason


def test_nobody_is_asked_about_what_went_out_elsewhere(settings: Settings) -> None:
    """It would say that it has never got it, and the text would go out twice."""
    sms = sms_settings(gateway="aliyun", twilio_from="")
    asked = replace(outbound("8000"), gateway="twilio")

    found = Sms(settings.model_copy(update={"sms": sms}), otherwise=Console()).look_up(
        asked, provider_id="", tried_at=now() - LONG_AGO
    )

    assert (found.state, found.reason) == (ReceiptState.UNKNOWN, "no gateway to ask")


def test_an_answer_goes_out_where_the_citizen_wrote(settings: Settings) -> None:
    """…if that gateway can send; here none can be reached, so that its error tells which was asked."""
    channel = Sms(settings.model_copy(update={"sms": sms_settings(gateway="twilio")}), otherwise=Console())
    by_aliyun = channel.send(Outbound(key=KEY, recipient="+8613800138000", text="x", purpose="no such", gateway="aliyun"))

    assert by_aliyun.state == ReceiptState.REFUSED
    assert "no template" in by_aliyun.reason
