"""Hints to open pages: what changed is told within a second, and a page without the stream looks by itself."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from hotline.live import Listener, Pusher
from hotline.process import live_socket
from hotline.settings import Settings
from hotline.web import stream
from models import Role
from tests.conftest import SignIn


def test_the_stream_is_for_staff_and_for_named_topics(client: TestClient, as_role: SignIn) -> None:
    assert client.get("/desk/stream?topics=queue").status_code == 303
    agent = as_role(Role.AGENT)
    assert agent.get("/desk/stream?topics=").status_code == 422
    assert agent.get(f"/desk/stream?topics={'+'.join(f't{n}' for n in range(30))}").status_code == 422


def test_a_push_from_another_process_reaches_the_page_within_a_second(settings: Settings) -> None:
    async def run() -> tuple[Any, Any, Any]:
        listener = Listener(redis_url="", socket_path=live_socket(settings))
        listening = asyncio.create_task(listener.run())
        hints = stream._hints(listener, ["queue", "contact:1"])
        hello = await anext(hints)
        waiting = asyncio.ensure_future(_next(hints))
        await asyncio.sleep(0.05)
        pusher = Pusher(redis_url="", socket_path=live_socket(settings))
        await asyncio.to_thread(pusher.push, ["wall", "queue"])
        changed = await asyncio.wait_for(waiting, 1)
        listening.cancel()
        return hello, changed, changed.data

    hello, changed, data = asyncio.run(run())

    assert (hello.event, changed.event) == ("hello", "changed")
    assert json.loads(data) == ["queue"]


async def _next(hints: AsyncIterator[Any]) -> Any:
    return await anext(hints)


def test_a_quiet_stream_gives_signs_of_life(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "SIGN_OF_LIFE_SECONDS", 0.05)

    async def run() -> str:
        hints = stream._hints(Listener(redis_url="", socket_path=live_socket(settings)), ["queue"])
        await anext(hints)
        return str((await asyncio.wait_for(_next(hints), 1)).data)

    assert asyncio.run(run()) == "[]"


def test_every_refreshing_piece_of_the_desk_can_be_fetched_alone(as_role: SignIn) -> None:
    agent = as_role(Role.AGENT)
    page = agent.get("/desk").text

    assert 'data-stream="queue notices staff:' in page
    urls = [part.split('"')[0].replace("&amp;", "&") for part in page.split('hx-get="')[1:]]
    pieces = [agent.get(url) for url in urls]
    assert {piece.status_code for piece in pieces} == {200}
    assert [piece.url for piece in pieces if "<html" in piece.text] == []


def test_a_ring_does_not_wait_for_other_hints_to_gather(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hotline.live.GATHER", 30)

    async def run() -> str:
        listener = Listener(redis_url="", socket_path=live_socket(settings))
        hints = stream._hints(listener, ["queue", "phone:1"])
        await anext(hints)
        waiting = asyncio.ensure_future(_next(hints))
        await asyncio.sleep(0)
        listener.spread(["phone:1"])
        return str((await asyncio.wait_for(waiting, 5)).data)

    assert json.loads(asyncio.run(run())) == ["phone:1"]
