"""A browser without script: cookies, forms, redirects; it waits for a service that is away and sends the same form again."""

import time
from collections.abc import Callable, Mapping
from urllib.parse import unquote

import httpx

from hotline.cli.drill.clocks import Clocks
from hotline.cli.drill.pages import Form, Page, Unexpected
from hotline.errors import HotlineError

AWAY = frozenset({429, 500, 502, 503, 504})
# An error of the program itself does not pass by waiting.
MOST_ERRORS = 5
LONGEST_PAUSE = 2.0
# For how long one request is tried again; a service that was killed is back long before.
PATIENCE_SECONDS = 120.0
FIRST_ANSWER_SECONDS = 15.0
NOTICE = "hotline_notice"


class Browser:
    def __init__(self, url: str, clocks: Clocks, *, until: float) -> None:
        self._client = httpx.Client(base_url=url, timeout=30, headers={"Accept-Language": "zh-CN"})
        self._clocks = clocks
        # Until when an absent service is waited for.
        self.until = until
        # What the last redirect said on arrival, as "good:…".
        self.notice = ""

    def get(self, url: str, step: str = "") -> Page:
        return self._read(self._patiently(lambda: self._client.get(url), step), "reading")

    def send(self, form: Form, changes: Mapping[str, str | None] | None = None, *, step: str) -> Page:
        """Send the form and stay where the answer leads; `url` of an answered redirect is where it leads to."""
        data = form.filled(changes or {})
        files = [("files", ("", b""))] if form.has_files else None
        return self._read(self._patiently(lambda: self._client.post(form.action, data=data, files=files), step), form.name)

    def follow(self, answer: Page) -> Page:
        return self.get(answer.url) if 300 <= answer.status < 400 else answer

    def _patiently(self, ask: Callable[[], httpx.Response], step: str) -> httpx.Response:
        pause, errors = 0.1, 0
        until = min(self.until, time.monotonic() + PATIENCE_SECONDS)
        while True:
            started = time.monotonic()
            try:
                response = ask()
                if response.status_code not in AWAY:
                    break
                why = f"status {response.status_code}"
                errors += response.status_code == 500
            except httpx.TransportError as error:
                why = type(error).__name__
            if errors > MOST_ERRORS or time.monotonic() + pause > until:
                raise Unexpected("{step}: the service stayed away ({why})", step=step or "reading", why=why)
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        if step:
            self._clocks.note(step, time.monotonic() - started)
        return response

    def _read(self, response: httpx.Response, what: str) -> Page:
        self.notice = unquote((response.cookies.get(NOTICE) or "").strip('"'))
        page = Page(response.status_code, response.headers.get("Location") or str(response.url), response.text)
        if page.status >= 400:
            raise Unexpected("{what} was refused on {url} with {status}: {text}", what=what, **page.described())
        return page

    def close(self) -> None:
        self._client.close()


def require_service(url: str) -> None:
    """Before anything is sent: one clear line where nothing answers."""
    browser = Browser(url, Clocks(), until=time.monotonic() + FIRST_ANSWER_SECONDS)
    try:
        browser.get("/healthz")
    except Unexpected as problem:
        raise HotlineError("Nothing answers on {url}: start the service first (make run).", url=url) from problem
    finally:
        browser.close()
