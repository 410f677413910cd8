"""What every channel keeps to, whichever it is."""

import pytest

from hotline import channels
from hotline.errors import NotFound, NotGenuine
from hotline.ports import Channel, Outbound, RawRequest, ReceiptState, Refusal

KINDS = ("mailbox", "sms", "email", "console", "wechat", "chat")
# What is sent there has arrived: nothing leaves the house.
AT_HOME = ("mailbox", "console")


@pytest.fixture(params=KINDS)
def channel(request: pytest.FixtureRequest) -> Channel:
    return channels.get(request.param)


def test_the_register_holds_each_channel_under_its_kind() -> None:
    assert sorted(channel.kind for channel in channels.all()) == sorted(KINDS)


def test_an_unknown_kind_is_not_found() -> None:
    with pytest.raises(NotFound):
        channels.get("pigeon")


def test_what_is_not_signed_is_not_read(channel: Channel) -> None:
    raw = RawRequest("POST", f"https://hotline.example/api/channels/{channel.kind}", {}, {}, b"text=forged")

    with pytest.raises(NotGenuine):
        channel.parse(raw)


def test_a_forgery_is_answered_403_and_every_refusal_with_an_error(channel: Channel) -> None:
    assert channel.refuse(Refusal.NOT_GENUINE).status == 403
    assert all(channel.refuse(reason).status >= 400 for reason in Refusal)


@pytest.mark.parametrize("kind", AT_HOME)
def test_sending_gives_a_receipt_with_the_key_that_drops_repeats(kind: str) -> None:
    receipt = channels.get(kind).send(Outbound(key="a key", recipient="+8613800138000", text="已答复"))

    assert receipt.state == ReceiptState.DELIVERED
    assert receipt.provider_id == "a key"
