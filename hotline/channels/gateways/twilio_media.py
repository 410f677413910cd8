"""Pictures that Twilio keeps: fetched from its own hosts only, with limits of size and time."""

import time

import httpx

from hotline.errors import FileRefused, Invalid, NotFound, Unavailable
from hotline.ports import File, Media
from hotline.settings import Sms

MOST_BYTES = 10 * 1024 * 1024
MOST_REDIRECTS = 3
LONGEST_SECONDS = 60
HOSTS = ("twilio.com", "twiliocdn.com")
# Where Twilio's own address for a picture leads to.
STORE = "s3-external-1.amazonaws.com"
GONE = frozenset({404, 410})
# As the desk shows it: Twilio's own names say nothing.
PICTURE, OTHER = "彩信图片", "彩信附件"


def fetch(settings: Sms, media: Media) -> File:
    """Refuses an address that is not Twilio's before anything is asked of it: a message must not make us call anybody."""
    base = httpx.URL(settings.twilio_base_url)
    url = _allowed(media.reference, base)
    deadline = time.monotonic() + LONGEST_SECONDS
    try:
        with httpx.Client(timeout=settings.timeout_seconds) as client:
            for _ in range(MOST_REDIRECTS + 1):
                found = _read(client, url, _auth(settings, url, base), deadline)
                if isinstance(found, bytes):
                    return File(PICTURE if media.media_type.startswith("image/") else OTHER, found)
                url = _allowed(str(url.join(found)), base)
    except httpx.HTTPError as error:
        raise Unavailable("The provider does not hand out this file at the moment.") from error
    raise Invalid("The provider sends us in circles.")


def _read(client: httpx.Client, url: httpx.URL, auth: httpx.BasicAuth | None, deadline: float) -> bytes | str:
    """The file, or the address that it has moved to."""
    with client.stream("GET", url, auth=auth) as answer:
        if answer.is_redirect:
            return str(answer.headers.get("location", ""))
        if answer.status_code in GONE:
            raise NotFound("The provider does not have this file any more.")
        if answer.status_code != httpx.codes.OK:
            raise Unavailable("The provider does not hand out this file at the moment.")
        content = bytearray()
        for chunk in answer.iter_bytes():
            content += chunk
            if len(content) > MOST_BYTES:
                raise FileRefused("This file is larger than 10 MB.")
            if time.monotonic() > deadline:
                raise Unavailable("The provider hands this file out too slowly.")
        return bytes(content)


def _allowed(address: str, base: httpx.URL) -> httpx.URL:
    try:
        url = httpx.URL(address)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise Invalid("This is no address of the provider.") from error
    if _origin(url) == _origin(base):
        return url
    is_theirs = url.host == STORE or any(url.host == host or url.host.endswith(f".{host}") for host in HOSTS)
    if url.scheme != "https" or url.port is not None or not is_theirs:
        raise Invalid("This is no address of the provider.")
    return url


def _auth(settings: Sms, url: httpx.URL, base: httpx.URL) -> httpx.BasicAuth | None:
    """The token goes to the provider's own interface, not to the store behind it."""
    token = settings.twilio_auth_token
    if token is None or _origin(url) != _origin(base):
        return None
    return httpx.BasicAuth(settings.twilio_account_sid, token.get_secret_value())


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
