"""Text messages in and out. Which gateway speaks is in the path of what comes in; which one sends is a setting."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from hotline.channels import opt_out
from hotline.channels.gateways.aliyun import Aliyun
from hotline.channels.gateways.gateway import Gateway
from hotline.channels.gateways.generic import Generic
from hotline.channels.gateways.tencent import Tencent
from hotline.channels.gateways.twilio import Twilio
from hotline.errors import Invalid, NotFound, NotGenuine
from hotline.ports import (
    Channel,
    Fetching,
    File,
    HttpAnswer,
    Media,
    Outbound,
    Parsed,
    RawRequest,
    Receipt,
    ReceiptState,
    Refusal,
)
from hotline.settings import Settings

# Providers know two answers: taken, and forbidden. What cannot be read was not written by one of them.
STATUS = {
    Refusal.NOT_GENUINE: 403,
    Refusal.TOO_LARGE: 413,
    Refusal.MALFORMED: 403,
    Refusal.TOO_MANY: 429,
    Refusal.UNAVAILABLE: 503,
}
# It answered, so the text may have gone out.
UNREADABLE = Receipt(ReceiptState.UNKNOWN, reason="not the provider's usual answer")


def gateways(settings: Settings) -> Mapping[str, Gateway]:
    """The register: one line each."""
    found: tuple[Gateway, ...] = (
        Twilio(settings.sms, public_url=settings.public_url),
        Aliyun(settings.sms),
        Tencent(settings.sms),
        Generic(settings.sms),
    )
    return {gateway.name: gateway for gateway in found}


def lacks(settings: Settings) -> Sequence[str]:
    """The settings without which the chosen gateway cannot send; a chosen console lacks nothing."""
    return gateways(settings)[settings.sms.gateway].lacks() if settings.sms.gateway else ()


class Sms:
    kind = "sms"

    def __init__(self, settings: Settings, *, otherwise: Channel) -> None:
        """`otherwise` sends where no gateway is chosen."""
        self._gateways = gateways(settings)
        self._chosen = settings.sms.gateway
        self._otherwise = otherwise

    def parse(self, raw: RawRequest) -> Parsed:
        gateway = self._gateways.get(raw.gateway)
        if gateway is None:
            raise NotGenuine("No gateway speaks here.")
        return opt_out.told_apart(gateway.parse(raw))

    def refuse(self, reason: Refusal) -> HttpAnswer:
        return HttpAnswer(status=STATUS[reason], body=reason.encode())

    def send(self, message: Outbound) -> Receipt:
        gateway = self._sender(message.gateway)
        if gateway is None:
            return self._otherwise.send(message)
        if missing := gateway.lacks():
            return Receipt(ReceiptState.TRY_LATER, reason=f"{', '.join(missing)} not set")
        try:
            return gateway.send(message)
        except Invalid:
            return UNREADABLE

    def look_up(self, message: Outbound, *, provider_id: str, tried_at: datetime) -> Receipt:
        # Nobody else: another provider would say that it has never got it, and it would go out twice.
        gateway = self._gateways.get(message.gateway or self._chosen)
        if gateway is None or gateway.lacks():
            return Receipt(ReceiptState.UNKNOWN, provider_id, "no gateway to ask")
        try:
            return gateway.look_up(message, provider_id=provider_id, tried_at=tried_at)
        except Invalid:
            return UNREADABLE

    def route(self, gateway: str) -> str:
        found = self._sender(gateway)
        return found.name if found else ""

    def fetch(self, media: Media) -> File:
        for gateway in self._gateways.values():
            if isinstance(gateway, Fetching):
                return gateway.fetch(media)
        raise NotFound("No gateway gives out files.")

    def _sender(self, gateway: str) -> Gateway | None:
        """The one it was given to, while that can send: a citizen is best answered by the number that he or she wrote to."""
        asked = self._gateways.get(gateway)
        if asked is not None and not asked.lacks():
            return asked
        return self._gateways.get(self._chosen)
