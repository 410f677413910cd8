"""People at real browsers: each in a window of their own, signed in or not, and whatever went wrong in any of them noted."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Response

from tests.cli.running import PASSWORD
from tests.components import need

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
DESK = (1440, 900)
TELEPHONE = (390, 844)
# The longest a person waits for anything, in milliseconds; the machine may be busy with other tests.
PATIENCE = 15_000

# What a screen reader or a telephone would stumble over.
STUMBLING_BLOCKS = """() => {
  const found = [];
  const say = (what, element) => found.push(what + ': ' + element.outerHTML.slice(0, 160));
  const named = (e) => (e.labels && e.labels.length) || e.ariaLabel || e.getAttribute('aria-labelledby');
  if (document.documentElement.lang !== 'zh-CN') found.push('lang is ' + document.documentElement.lang);
  if (!document.title.trim()) found.push('no title');
  if (document.querySelectorAll('h1').length !== 1) found.push(document.querySelectorAll('h1').length + ' h1');
  if (document.querySelectorAll('main').length !== 1) found.push('no main');
  for (const e of document.querySelectorAll('input:not([type=hidden]), select, textarea')) if (!named(e)) say('no label', e);
  for (const e of document.querySelectorAll('button, a[href], summary'))
    if (!e.textContent.trim() && !e.ariaLabel) say('no name', e);
  for (const e of document.querySelectorAll('img')) if (!e.hasAttribute('alt')) say('no alt', e);
  for (const e of document.querySelectorAll('fieldset')) if (!e.querySelector(':scope > legend')) say('no legend', e);
  for (const e of document.querySelectorAll('[id]'))
    if (document.querySelectorAll('#' + CSS.escape(e.id)).length > 1) say('id twice', e);
  for (const e of document.querySelectorAll('[aria-describedby], [aria-labelledby], label[for]'))
    for (const id of (e.getAttribute('aria-describedby') || e.getAttribute('aria-labelledby') || e.htmlFor).split(' '))
      if (!document.getElementById(id)) say('points to nothing', e);
  const beyond = document.documentElement.scrollWidth - innerWidth;
  if (beyond > 0) found.push('wider than the window by ' + beyond);
  return found;
}"""


@dataclass
class Street:
    """Opens windows on one service, and closes them."""

    browser: Browser
    url: str
    # Errors on a console (a breach of the content policy is one), in a script, and answers that say the service failed.
    troubles: list[str] = field(default_factory=list)
    _open: list[BrowserContext] = field(default_factory=list)

    def window(self, size: tuple[int, int] = DESK, *, script: bool = True, **options: Any) -> Page:
        context = self.browser.new_context(
            base_url=self.url,
            viewport={"width": size[0], "height": size[1]},
            java_script_enabled=script,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            **options,
        )
        context.set_default_timeout(PATIENCE)
        self._open.append(context)
        page = context.new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.troubles.append(f"{page.url}: {error}"))
        page.on("response", self._answered)
        return page

    def staff(self, username: str, size: tuple[int, int] = DESK, *, script: bool = True, **options: Any) -> Page:
        """A window that has just signed in, on the person's first page."""
        page = self.window(size, script=script, **options)
        sign_in(page, username)
        return page

    def close(self) -> None:
        while self._open:
            self._open.pop().close()

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.troubles.append(f"{message.location.get('url')}: {message.text}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500:
            self.troubles.append(f"{response.url}: status {response.status}")


@contextmanager
def street(playwright: Playwright, url: str) -> Iterator[Street]:
    browser = playwright.chromium.launch(executable_path=str(need("chromium")), args=list(ARGUMENTS))
    try:
        yield Street(browser, url)
    finally:
        browser.close()


def sign_in(page: Page, username: str) -> None:
    page.goto("/login")
    page.fill("[name=username]", username)
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login" not in url)


def settled(page: Page) -> Page:
    """Loaded, and listening to what changes: from here on keys and pushes arrive."""
    page.wait_for_load_state("load")
    page.wait_for_selector("[data-live=on]")
    return page
