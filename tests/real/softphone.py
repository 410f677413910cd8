"""People with a telephone: a desk with its softphone in a browser, and scripted telephones for the other end."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from playwright.sync_api import Playwright, expect

from tests.components import need
from tests.real.browser import ARGUMENTS, Street, settled
from tests.telephony.sip import SipCall, SipPhone
from tests.telephony.sip_media import tone

# A microphone that beeps, and nobody who has to allow it.
HEADSET = (
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)
PHONE = (420, 680)
SERVER, TRUNK = "127.0.0.1", "127.0.0.2"
T = TypeVar("T")


# What the browser does when the headset's plug is pulled out: its tracks end, and no other can be had.
PLUG = """
const devices = navigator.mediaDevices, open = devices.getUserMedia.bind(devices), tracks = [];
let isIn = true;
devices.getUserMedia = async (wanted) => {
  if (!isIn) throw new DOMException("pulled out", "NotFoundError");
  const stream = await open(wanted);
  tracks.push(...stream.getAudioTracks());
  return stream;
};
window.microphone = (plugged) => {
  isIn = plugged;
  for (const track of plugged ? [] : tracks.filter((each) => each.readyState === "live")) {
    track.stop();
    track.dispatchEvent(new Event("ended"));
  }
  devices.dispatchEvent(new Event("devicechange"));
};
"""


class Telephones:
    """Scripted telephones in a thread of their own, for a test that also drives a browser."""

    def __init__(self, port: int) -> None:
        self._server = (SERVER, port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="telephones")
        self._open: list[SipPhone] = []
        self._thread.start()

    def do(self, work: Coroutine[Any, Any, T], *, seconds: float = 60) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    def dial(self, caller: str, *, seconds: float = 120) -> SipCall:
        """A citizen whose every second is loud; the hotline has answered."""

        async def dialled() -> SipCall:
            call = await self._at(TRUNK).call("12345", caller=caller, sound=tone(seconds))
            await call.answered()
            return call

        citizen = self.do(SipPhone(local=(TRUNK, 0), server=self._server).__aenter__())
        self._open.append(citizen)
        return self.do(dialled())

    def _at(self, host: str) -> SipPhone:
        return next(phone for phone in reversed(self._open) if phone.host == host)

    def desk_phone(self, extension: str, secret: str) -> SipPhone:
        """A colleague's telephone on its table."""

        async def registered() -> SipPhone:
            phone = await SipPhone(local=(SERVER, 0), server=self._server).__aenter__()
            self._open.append(phone)
            # The exchange learns a secret a moment after the person.
            async with asyncio.timeout(30):
                while await phone.register(extension, secret) != 200:
                    await asyncio.sleep(0.3)
            return phone

        return self.do(registered())

    def hang_up_all(self) -> None:
        while self._open:
            self.do(self._open.pop().__aexit__(None, None, None))

    def close(self) -> None:
        self.hang_up_all()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Seat:
    """An agent with both windows open: the desk, and the telephone that lives beside it."""

    def __init__(self, people: Street, username: str) -> None:
        self.desk = people.staff(username, permissions=["microphone", "notifications"])
        self.open_phone()
        self.registered()
        if settled(self.desk).get_attribute("#seat", "data-state") != "available":
            self.desk.keyboard.press("F8")
        expect(self.desk.locator("#seat")).to_have_attribute("data-state", "available")
        expect(settled(self.desk).locator("[data-phone-line]")).to_contain_text("软电话已注册")

    def open_phone(self) -> None:
        self.phone = self.desk.context.new_page()
        self.phone.add_init_script(PLUG)
        self.phone.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        self.phone.goto("/phone")

    def registered(self) -> None:
        expect(self.phone.locator("[data-part=line]")).to_have_attribute("data-ok", "true")

    def is_(self, state: str) -> None:
        expect(self.phone.locator("body")).to_have_attribute("data-phone", state)

    def answer(self) -> None:
        self.is_("ringing")
        self._press_answer("[data-contact]")
        self.desk.wait_for_url("**/desk?c=*")
        expect(self.desk.locator(".call-bar")).to_be_visible()
        settled(self.desk)

    def answers_again(self, contact: str) -> None:
        """A caller who was held while the telephone was away."""
        self.is_("ringing")
        self._press_answer(f"[data-contact='{contact}']")
        expect(self.desk.locator("#ring [data-contact]")).to_have_count(0)
        assert contact in self.desk.url

    def _press_answer(self, caller: str) -> None:
        """The desk learns who rings from the service, and that it rings from the telephone: a key acts once it knows both."""
        expect(self.desk.locator(f"#ring {caller} [data-key=F2]")).to_be_visible()
        self.desk.keyboard.press("F2")
        self.is_("talking")

    def hang_up(self) -> None:
        self.desk.locator("body").press("Escape")
        self.desk.locator("body").press("Escape")
        self.is_("ready")

    def finish(self) -> None:
        """Hangs up if need be, and ends the contact: a call that nobody finished would wait for the next agent."""
        if self.phone.get_attribute("body", "data-phone") == "talking":
            self.hang_up()
        self.desk.locator("summary[data-key='9']").click()
        self.desk.fill("#void-note", "试机")
        self.desk.press("#void-note", "Enter")
        expect(self.desk.locator(".toast")).to_contain_text("已按无效诉求结束")

    def pull_microphone(self) -> None:
        self.phone.evaluate("microphone(false)")

    def plug_microphone(self) -> None:
        self.phone.evaluate("microphone(true)")

    def level(self, side: str) -> float:
        """The loudest of a second."""
        meter = self.phone.locator(f"[data-part=level-{side}]")
        seen = []
        for _ in range(10):
            seen.append(float(meter.evaluate("meter => meter.value")))
            self.phone.wait_for_timeout(100)
        return max(seen)


@contextmanager
def headsets(playwright: Playwright, url: str) -> Iterator[Street]:
    """A street whose browsers have a microphone."""
    browser = playwright.chromium.launch(executable_path=str(need("chromium")), args=[*ARGUMENTS, *HEADSET])
    try:
        yield Street(browser, url)
    finally:
        browser.close()
