"""Posting to units' systems: where to, where not, and what is told of the outcome."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hotline.channels import webhooks
from hotline.ports import Post
from hotline.settings import Systems
from tests.channels.providers import address_of, bound, serving

HERE = Systems.model_validate({"webhook_networks": ["127.0.0.0/8"], "webhook_seconds": 1})


def told(url: str) -> Post:
    return Post(url, b'{"id": "1"}', {"content-type": "application/json", "x-hotline-delivery": "1"})


@pytest.fixture
def unit() -> Iterator[tuple[str, list[Request]]]:
    """An address with a door for each way to answer, and what came."""
    came: list[Request] = []

    async def answer(request: Request) -> Response:
        await request.body()
        came.append(request)
        kind = request.path_params["kind"]
        return RedirectResponse("/200", 307) if kind == "moved" else Response("x" * 100_000, int(kind))

    held = bound()
    with serving(Starlette(routes=[Route("/{kind}", answer, methods=["POST"])]), held):
        yield address_of(held), came


def test_what_is_posted_arrives_whole(unit: tuple[str, list[Request]]) -> None:
    address, came = unit

    posted = webhooks.post(told(f"{address}/200?from=centre"), HERE)

    assert (posted.status, posted.is_success, posted.error) == (200, True, "")
    assert came[0].headers["host"] == address.removeprefix("http://")
    assert (came[0].headers["x-hotline-delivery"], came[0].url.query) == ("1", "from=centre")


@pytest.mark.parametrize(("kind", "status"), [("503", 503), ("404", 404), ("moved", 307)])
def test_a_refusal_is_told_and_no_redirect_followed(unit: tuple[str, list[Request]], kind: str, status: int) -> None:
    address, came = unit

    posted = webhooks.post(told(f"{address}/{kind}"), HERE)

    assert (posted.status, posted.is_success, len(came)) == (status, False, 1)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/",
        "https://localhost/",
        "https://10.0.0.8/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::10.0.0.1]/",
        "https://[2002:a00:1::1]/",
        "https://[fe80::1]/",
        "https://0.0.0.0/",
        "https://100.64.0.1/",
        "https://224.0.0.1/",
    ],
)
def test_nothing_inside_is_called_unless_the_settings_say_so(url: str) -> None:
    posted = webhooks.post(told(url), Systems())

    assert (posted.status, "private network" in posted.error) == (None, True)


def test_a_public_address_is_called_by_https_only() -> None:
    assert "https" in webhooks.post(told("http://8.8.8.8/"), Systems()).error


def test_a_name_that_leads_inside_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    def lookup(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (where, port)) for where in ("8.8.8.8", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)

    assert "private network" in webhooks.post(told("https://unit.example/"), Systems()).error


def test_a_system_that_is_away_or_silent_is_told_as_such() -> None:
    away, silent = bound(), bound()
    silent.listen()
    try:
        errors = [webhooks.post(told(address_of(each)), HERE).error for each in (away, silent)]
    finally:
        away.close()
        silent.close()

    assert errors == ["ConnectError", "ReadTimeout"]
