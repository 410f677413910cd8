"""/api/channels/{kind}[/{gateway}]: every message channel comes in here. Size first, then the signature, then everything else."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from hotline import channels, db
from hotline.errors import HotlineError, Invalid, NotGenuine, TooMany, Unavailable
from hotline.ports import Channel, HttpAnswer, Inbound, RawRequest, Receipt, Refusal, Signal
from hotline.services import intake
from hotline.services.conversations import conversations
from hotline.services.files import files
from hotline.services.limiting import Window
from hotline.services.messages import receipts
from hotline.settings import Settings

log = logging.getLogger(__name__)
router = APIRouter(include_in_schema=False)

MOST_BYTES = 64 * 1024
# Nobody types faster, and no telephone hands in more after an hour without a network; scripts do. A repeat does not count.
FROM_SENDER, WITHIN = 60, timedelta(minutes=1)
REASONS = {
    NotGenuine: Refusal.NOT_GENUINE,
    Invalid: Refusal.MALFORMED,
    TooMany: Refusal.TOO_MANY,
    Unavailable: Refusal.UNAVAILABLE,
}


def sender_pace() -> Window:
    """How fast one sender's messages are taken. In each process, so that several together take that many times as much."""
    return Window(FROM_SENDER, WITHIN)


async def limited_body(request: Request) -> bytes | None:
    """None for more than 64 KiB, of which no more is read."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            return None
    return bytes(body)


@router.api_route("/api/channels/{kind}", methods=["GET", "POST"])
@router.api_route("/api/channels/{kind}/{gateway}", methods=["GET", "POST"])
@router.api_route("/api/channels/{kind}/{gateway}/{secret}", methods=["GET", "POST"])
def come_in(
    kind: str, request: Request, body: Annotated[bytes | None, Depends(limited_body)], gateway: str = "", secret: str = ""
) -> Response:
    """Committed before the provider is told; a repeat is answered as the first time and stores nothing."""
    channel = channels.get(kind)
    if body is None:
        return _http(channel.refuse(Refusal.TOO_LARGE))
    try:
        parsed = channel.parse(_raw(request, body, gateway, secret))
        messages = [files.checked(replace(message, gateway=message.gateway or gateway)) for message in parsed.messages]
        _keep(request.app.state.sender_pace, kind, (*messages, *parsed.signals), parsed.receipts)
    except HotlineError as error:
        return _http(_refusal(channel, error))
    return _http(parsed.answer)


def _keep(pace: Window, kind: str, heard: Sequence[Inbound | Signal], notes: Sequence[Receipt]) -> None:
    """What comes too fast is left to its provider's next try; what others sent with it is stored."""
    with db.unit_of_work() as session:
        held_back = [each for each in heard if not _is_kept(session, pace, each)]
        for receipt in notes:
            receipts.note(session, kind, receipt)
    if held_back:
        raise TooMany()


def _is_kept(session: Session, pace: Window, one: Inbound | Signal) -> bool:
    key = conversations.key_of(one.channel, one.sender)
    if pace.is_full(key):
        return intake.is_known(session, one) if isinstance(one, Inbound) else conversations.is_noted(session, one)
    is_new = intake.receive(session, one).is_new if isinstance(one, Inbound) else conversations.note(session, one)
    if is_new:
        pace.count(key)
    return True


def _refusal(channel: Channel, error: HotlineError) -> HttpAnswer:
    """In the provider's own form. What is not ours to refuse goes to the one place that renders errors."""
    reason = next((reason for kind, reason in REASONS.items() if isinstance(error, kind)), None)
    if reason is None:
        raise error
    log.warning("callback refused", extra={"channel": channel.kind, "reason": reason})
    return channel.refuse(reason)


def _raw(request: Request, body: bytes, gateway: str, secret: str) -> RawRequest:
    settings: Settings = request.app.state.settings
    query = f"?{request.url.query}" if request.url.query else ""
    return RawRequest(
        method=request.method,
        url=f"{settings.public_url}{request.url.path}{query}",
        headers=dict(request.headers),
        query=dict(request.query_params),
        body=body,
        gateway=gateway,
        secret=secret,
        address=request.client.host if request.client else "",
    )


def _http(answer: HttpAnswer) -> Response:
    return Response(answer.body, answer.status, dict(answer.headers), answer.media_type)
