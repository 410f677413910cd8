"""Posts what units' systems are told: to public addresses, or to networks that the settings name; no redirect is followed."""

import socket
import threading
import time
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

import httpx
from pydantic import IPvAnyNetwork

from hotline.channels.trust import trust
from hotline.ports import Post, Posted
from hotline.settings import Systems

Address = IPv4Address | IPv6Address
# RFC 6052: where a network of IPv6 reaches the rest.
TRANSLATED = IPv6Network("64:ff9b::/96")
PORTS = {"https": 443, "http": 80}


class NotCalled(Exception):
    """The address is none that may be called."""


def post(told: Post, settings: Systems) -> Posted:
    """What was answered. Of its body nothing is read: the status says all."""
    started = time.monotonic()
    try:
        status = _status(told, settings)
    except NotCalled as refusal:
        return Posted(None, 0, str(refusal))
    except (httpx.HTTPError, httpx.InvalidURL, OSError, RuntimeError) as error:
        # Not its words: they hold the address.
        return Posted(None, _since(started), type(error).__name__)
    return Posted(status, _since(started))


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _status(told: Post, settings: Systems) -> int:
    parts = urlsplit(told.url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    address = _address(host, port, parts.scheme, settings.webhook_networks)
    # Called by the address that was looked at: asked once more, the name might lead somewhere else.
    shown = f"[{address}]" if address.version == 6 else str(address)
    url = httpx.URL(told.url).copy_with(host=shown)
    headers = {**told.headers, "host": parts.netloc}
    with httpx.Client(timeout=settings.webhook_seconds, verify=trust(), trust_env=False, follow_redirects=False) as client:
        # Each word that comes begins the time-out anew: one that sends a letter a second is cut off here.
        end = threading.Timer(settings.webhook_seconds * 2, client.close)
        end.start()
        try:
            request = client.build_request("POST", url, content=told.body, headers=headers, extensions={"sni_hostname": host})
            answer = client.send(request, stream=True)
            answer.close()
        finally:
            end.cancel()
    return answer.status_code


def _address(host: str, port: int, scheme: str, networks: Sequence[IPvAnyNetwork]) -> Address:
    """The first address of this name, if all of them may be called."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise NotCalled("the name is not known") from error
    addresses = [ip_address(where[0]) for *_, where in found]
    for address in addresses:
        own = any(address in network for network in networks)
        if not own and not _is_public(address):
            raise NotCalled("the address is in a private network that the settings do not name")
        if not own and scheme != "https":
            raise NotCalled("outside the settings' networks only https is called")
    return addresses[0]


def _is_public(address: Address) -> bool:
    """Also of the IPv4 address inside an IPv6 one, which a network may translate to."""
    plain = _inner(address) if isinstance(address, IPv6Address) else address
    return plain.is_global and not plain.is_multicast


def _inner(address: IPv6Address) -> Address:
    if address in TRANSLATED:
        return IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour or address
