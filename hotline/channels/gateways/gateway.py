"""What the SMS channel asks of a gateway, and the guard of those whose callbacks carry no signature."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Protocol

from pydantic import SecretStr

from hotline.errors import NotGenuine
from hotline.ports import Outbound, Parsed, RawRequest, Receipt

Network = IPv4Network | IPv6Network


class Gateway(Protocol):
    """One provider. It may also be `Fetching`."""

    name: str

    def lacks(self) -> Sequence[str]:
        """The settings without which it cannot send."""
        ...

    def parse(self, raw: RawRequest) -> Parsed: ...
    def send(self, message: Outbound) -> Receipt: ...
    def look_up(self, message: Outbound, *, provider_id: str, tried_at: datetime) -> Receipt: ...


@dataclass(frozen=True)
class Guard:
    """A secret part of the path, and the provider's networks: without a secret nobody is let in."""

    secret: SecretStr | None
    networks: Sequence[Network]

    def check(self, raw: RawRequest) -> None:
        if self.secret is None or not hmac.compare_digest(_bytes(raw.secret), _bytes(self.secret.get_secret_value())):
            raise NotGenuine()
        if self.networks and not any(_lies_in(raw.address, network) for network in self.networks):
            raise NotGenuine()


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _lies_in(address: str, network: Network) -> bool:
    try:
        return ip_address(address) in network
    except ValueError:
        return False


def national(number: str) -> str:
    """As Chinese gateways write a Chinese number; others stay as they are."""
    return number.removeprefix("+86")


def unset(**settings: object) -> list[str]:
    """The names of those that are empty, as an operator sets them."""
    return [f"HOTLINE_SMS__{name.upper()}" for name, value in settings.items() if not value]
