"""Calls to WeChat's servers: the account's token, questions, uploads, downloads; what went wrong in three words.

The token is part of each URL, so that no URL and no exception of the HTTP library may reach a log.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeVar

import httpx

from hotline.errors import FileRefused, NotFound, Unavailable
from hotline.ports import File, Media, Token, TokenStore
from hotline.settings import Wechat

T = TypeVar("T")

TIMEOUT = httpx.Timeout(5, connect=3)
DOWNLOAD_SECONDS = 60
LARGEST_FILE = 10 * 1024 * 1024
# The token is not known (any more), malformed, over.
SPENT = frozenset({40001, 40014, 42001})
NO_SUCH_MEDIA = frozenset({40007, 41006})
BUSY = frozenset({429, 503})
NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
NAMES = {"image": "微信图片", "audio": "微信语音", "video": "微信视频"}

Body = dict[str, Any]


class Refused(Exception):
    """WeChat has understood and will not do it."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code} {message}".strip())
        self.code = code


class NotSent(Exception):
    """Nothing was done; later it may work."""


class Unclear(Exception):
    """It may have been done."""


class Api:
    """`tokens` is asked for at the first call: what is composed at the start may come after this is made."""

    def __init__(self, settings: Wechat, tokens: Callable[[], TokenStore]) -> None:
        self._settings, self._tokens = settings, tokens

    @property
    def is_configured(self) -> bool:
        return bool(self._settings.app_id and self._secret)

    @property
    def _secret(self) -> str:
        return self._settings.app_secret.get_secret_value() if self._settings.app_secret else ""

    @cached_property
    def _client(self) -> httpx.Client:
        # A kept connection that the server has just closed looks like a message that may have arrived.
        limits = httpx.Limits(max_keepalive_connections=0)
        return httpx.Client(base_url=self._settings.base_url, timeout=TIMEOUT, limits=limits, follow_redirects=False)

    def post(self, path: str, body: Mapping[str, Any]) -> Body:
        return self._with_token(lambda token: self._ask("POST", path, params={"access_token": token}, json=body))

    def get(self, path: str) -> Body:
        return self._with_token(lambda token: self._ask("GET", path, params={"access_token": token}))

    def upload(self, file: File, media_type: str) -> str:
        """The id under which a picture can be sent for three days."""
        files = {"media": (file.name, file.content, media_type)}
        try:
            told = self._with_token(
                lambda token: self._ask(
                    "POST", "/cgi-bin/media/upload", params={"access_token": token, "type": "image"}, files=files
                )
            )
            return str(told["media_id"])
        except (Unclear, KeyError) as error:
            # An upload that nobody uses does no harm.
            raise NotSent(f"upload: {error}") from None

    def download(self, media: Media) -> File:
        """NotFound for what is gone, FileRefused for what is too large, Unavailable for what may be had later."""
        try:
            content = self._with_token(
                lambda token: self._stream("/cgi-bin/media/get", {"access_token": token, "media_id": media.reference})
            )
        except Refused as error:
            if error.code in NO_SUCH_MEDIA:
                raise NotFound("WeChat keeps this file no more.") from error
            raise Unavailable("WeChat does not give out the file at the moment.") from error
        except (NotSent, Unclear) as error:
            raise Unavailable("WeChat does not give out the file at the moment.") from error
        return File(NAMES.get(media.media_type.partition("/")[0], "微信文件"), content)

    def _with_token(self, ask: Callable[[str], T]) -> T:
        """A token that was refused is renewed and the question asked again, once."""
        token = self._token()
        try:
            return ask(token)
        except Refused as error:
            if error.code not in SPENT:
                raise
        return ask(self._token(refused=token))

    def _token(self, *, refused: str = "") -> str:
        try:
            return self._tokens().token(f"wechat:{self._settings.app_id}"[:48], lambda: self._new_token(refused), refused=refused)
        except (Refused, Unclear, Unavailable) as error:
            raise NotSent(f"no token: {error}") from error

    def _new_token(self, refused: str) -> Token:
        """Force is for a token that WeChat itself gives out again although it refuses it; it is allowed 20 times a day."""
        token = self._ask_token(force=False)
        return self._ask_token(force=True) if token.text == refused else token

    def _ask_token(self, *, force: bool) -> Token:
        body = {
            "grant_type": "client_credential",
            "appid": self._settings.app_id,
            "secret": self._secret,
            "force_refresh": force,
        }
        told = self._ask("POST", "/cgi-bin/stable_token", json=body)
        try:
            return Token(str(told["access_token"]), timedelta(seconds=int(told["expires_in"])))
        except (KeyError, TypeError, ValueError, OverflowError):
            raise Unclear("the answer holds no token") from None

    def _ask(self, method: str, path: str, **content: Any) -> Body:
        with _in_plain_words():
            return _understood(self._client.request(method, path, **content))

    def _stream(self, url: str, params: Mapping[str, str]) -> bytes:
        """The file itself; where WeChat answers with words, these: the address of a video, or why there is nothing."""
        with _in_plain_words(), self._client.stream("GET", url, params=params or None) as response:
            content = _read(response)
            is_told = response.status_code >= 400 or content[:1] == b"{"
            told = _understood(httpx.Response(response.status_code, content=content)) if is_told else None
        if told is None:
            return content
        # The second address is fetched without the token, and may not lead to a third.
        if params and str(told.get("video_url", "")).startswith(("https://", "http://")):
            return self._stream(told["video_url"], {})
        raise Unclear("the answer holds no file")


def _read(response: httpx.Response) -> bytes:
    content, ends = bytearray(), time.monotonic() + DOWNLOAD_SECONDS
    for chunk in response.iter_bytes():
        content += chunk
        if len(content) > LARGEST_FILE:
            raise FileRefused("This file is larger than 10 MB.")
        if time.monotonic() > ends:
            raise NotSent("the file comes too slowly")
    return bytes(content)


@contextmanager
def _in_plain_words() -> Iterator[None]:
    try:
        yield
    except NEVER_LEFT as error:
        raise NotSent(type(error).__name__) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unclear(type(error).__name__) from None


def _understood(response: httpx.Response) -> Body:
    if response.status_code in BUSY:
        raise NotSent(f"HTTP {response.status_code}")
    if response.status_code != 200:
        raise Unclear(f"HTTP {response.status_code}")
    try:
        told = response.json()
        code = int(told.get("errcode", 0))
    except (ValueError, TypeError, AttributeError):
        raise Unclear("the answer cannot be read") from None
    if code:
        raise Refused(code, str(told.get("errmsg", ""))[:160])
    return dict(told)
