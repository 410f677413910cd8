"""The stand-in for 110's platform, spoken with as the service does: orders out, words back, both signed."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hotline.channels.police import Police
from hotline.ports import PoliceOrder, PoliceWord, ReceiptState
from hotline.sandbox import police as stand_in
from hotline.settings import Police as Settings
from tests.channels.providers import address_of, serving
from tests.components import wait_until

SECRET = "shared with the police"


@dataclass
class Place:
    """The platform, our side of it, and what it has told us."""

    platform: stand_in.Police
    service: Police
    url: str
    told: list[PoliceWord] = field(default_factory=list)


def held() -> socket.socket:
    found = socket.socket()
    found.bind(("127.0.0.1", 0))
    return found


@pytest.fixture
def place() -> Iterator[Place]:
    ours, theirs = held(), held()
    platform = stand_in.Police(secret=SECRET, callback=f"{address_of(ours)}/api/police")
    settings = Settings(url=f"{address_of(theirs)}/orders", secret=SecretStr(SECRET), timeout_seconds=10)
    found = Place(platform, Police(settings), settings.url)

    async def hear(request: Request) -> Response:
        found.told.append(found.service.word(dict(request.headers), await request.body()))
        return Response()

    with ExitStack() as stack:
        stack.enter_context(serving(Starlette(routes=[Route("/api/police", hear, methods=["POST"])]), ours))
        stack.enter_context(serving(platform.app, theirs))
        yield found


def order(key: str = "a" * 32, content: str = "有人打架") -> PoliceOrder:
    return PoliceOrder(key, {"content": content})


def test_an_order_gets_a_number_and_the_same_one_when_it_is_sent_again(place: Place) -> None:
    first, again = place.service.send(order()), place.service.send(order())

    assert (first.state, first.provider_id) == (ReceiptState.ACCEPTED, "JQ000001")
    assert again == first
    assert len(place.platform.orders) == 1


def test_a_busy_platform_is_to_be_tried_later_and_then_takes_it(place: Place) -> None:
    busy = order(content=f"{stand_in.BUSY}，打架")

    assert [place.service.send(busy).state for _ in range(2)] == [ReceiptState.TRY_LATER, ReceiptState.ACCEPTED]


def test_what_is_no_police_matter_comes_back_with_the_reason(place: Place) -> None:
    place.service.send(order(content=f"噪声扰民，{stand_in.RETURNED}"))

    wait_until(lambda: bool(place.told), "the word of the platform")
    assert (place.told[0].key, place.told[0].state, place.told[0].number) == ("a" * 32, "returned", "JQ000001")


def test_a_wrong_secret_is_refused_for_good_and_no_answer_is_tried_later(place: Place) -> None:
    stranger = Police(Settings(url=place.url, secret=SecretStr("a guess")))
    nobody = Police(Settings(url="http://127.0.0.1:9/orders", secret=SecretStr(SECRET), timeout_seconds=1))

    assert stranger.send(order()).state == ReceiptState.REFUSED
    assert nobody.send(order()).state == ReceiptState.TRY_LATER
    assert Police(Settings()).send(order()).state == ReceiptState.REFUSED
