"""Server-sent events: tells a page which of its topics changed; the page then fetches them again."""

import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from hotline.errors import Invalid
from hotline.live import Listener
from hotline.web.deps import Me

router = APIRouter(include_in_schema=False)

MOST_TOPICS = 20
SIGN_OF_LIFE_SECONDS = 15.0


@router.get("/desk/stream")
async def stream(request: Request, me: Me, topics: Annotated[str, Query(max_length=1000)] = "") -> EventSourceResponse:
    """A hint holds names of topics only, so watching one tells nothing that a page would not."""
    wanted = topics.split()
    if not wanted or len(wanted) > MOST_TOPICS:
        raise Invalid()
    return EventSourceResponse(_hints(request.app.state.listener, wanted), ping=3600)


async def _hints(listener: Listener, topics: list[str]) -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(event="hello", data="[]", retry=2000)
    async for changed in listener.watch(topics, every=SIGN_OF_LIFE_SECONDS):
        yield ServerSentEvent(event="changed", data=json.dumps(sorted(changed)))
