"""/api/channels/{kind}[/{gateway}]: every message channel comes in here. Size first, then the signature, then everything else."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from hotline import channels, db
from hotline.errors import HotlineError, Invalid, NotGenuine, Unavailable
from hotline.ports import Channel, HttpAnswer, Inbound, RawRequest, Receipt, Refusal, Signal
from hotline.services import conversations, files, intake, receipts
from hotline.settings import Settings

log = logging.getLogger(__name__)
router = APIRouter(include_in_schema=False)

MOST_BYTES = 64 * 1024


async def _body(request: Request) -> bytes | None:
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
    kind: str, request: Request, body: Annotated[bytes | None, Depends(_body)], gateway: str = "", secret: str = ""
) -> Response:
    """Committed before the provider is told; a repeat is answered as the first time and stores nothing."""
    channel = channels.get(kind)
    if body is None:
        return _http(channel.refuse(Refusal.TOO_LARGE))
    try:
        parsed = channel.parse(_raw(request, body, gateway, secret))
        messages = [files.checked(replace(message, gateway=message.gateway or gateway)) for message in parsed.messages]
        _keep(kind, messages, parsed.signals, parsed.receipts)
    except HotlineError as error:
        return _http(_refusal(channel, error))
    return _http(parsed.answer)


def _keep(kind: str, messages: Sequence[Inbound], signals: Sequence[Signal], notes: Sequence[Receipt]) -> None:
    with db.unit_of_work() as session:
        for message in messages:
            intake.receive(session, message)
        for signal in signals:
            conversations.note(session, signal)
        for receipt in notes:
            receipts.note(session, kind, receipt)


def _refusal(channel: Channel, error: HotlineError) -> HttpAnswer:
    """In the provider's own form. What is not ours to refuse goes to the one place that renders errors."""
    reasons = {NotGenuine: Refusal.NOT_GENUINE, Invalid: Refusal.MALFORMED, Unavailable: Refusal.UNAVAILABLE}
    reason = next((reason for kind, reason in reasons.items() if isinstance(error, kind)), None)
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
