"""From the exchange's word that an agent is rung to the caller drawn on the desk in Chromium; and how soon a pause is done."""

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import select

from bench import telephone_seats, telephone_stack
from bench.figures import Figure, percentile
from bench.telephone_seats import Seat
from bench.telephone_stack import Load, Stack
from hotline.telephony.console import ConsoleClosed
from models import CommandState, SwitchboardAction, SwitchboardCommand, now
from tests.components import need, wait_until
from tests.real.browser import ARGUMENTS, settled

CALLS, CALLS_SMALL = 30, 4
PAUSES, PAUSES_SMALL = 40, 4
POP_BAR_MS, PAUSE_BAR_MS = 150.0, 300.0
TALK_SECONDS = 0.5
# One agent's pace: the ring, the talk, the notes, and the queue's look once a second.
PER_SECOND = 0.2
SHAPE = "postgresql"

# A browser paints what has changed before the second frame begins. The desk goes on to the contact when it is answered.
NOTE_DRAWN = """document.addEventListener("DOMContentLoaded", () => {
  const ring = document.querySelector("#ring");
  if (!ring) return;
  let shown = "";
  new MutationObserver(() => {
    const contact = ring.querySelector("[data-contact]")?.dataset.contact ?? "";
    if (contact && contact !== shown) requestAnimationFrame(() => requestAnimationFrame(() => noteDrawn(Date.now() / 1000)));
    shown = contact;
  }).observe(ring, {childList: true, subtree: true});
});"""


def screen_pop(small: bool) -> Iterator[Figure]:
    with telephone_stack.running(1) as stack:
        seat = telephone_seats.take_seats(stack.running, stack.engine, 1)[0]
        yield _pops(stack, seat, CALLS_SMALL if small else CALLS)
        yield _pauses(stack, seat, PAUSES_SMALL if small else PAUSES)


def _pops(stack: Stack, seat: Seat, calls: int) -> Figure:
    shared = {"url": stack.running.url, "sip_port": stack.sip_port, "talk": TALK_SECONDS}
    plan = {**shared, "calls": calls, "per_second": PER_SECOND, "first_number": 13900000000}
    with Load("agents", {**shared, "seats": [seat.as_dict()], "phones": True, "desks": False}) as agents, Ears(stack) as ears:
        agents.wait_ready()
        telephone_seats.make_available(stack.running, seat)
        outcomes, drawn = _watched(stack, seat, plan)
    assert len(ears.called) == calls, f"{calls} calls, {len(ears.called)} rings heard: {outcomes}"
    milliseconds = [1000 * seconds for seconds in _matched(ears.called, drawn)]
    assert len(milliseconds) == calls, f"{calls} calls, {len(milliseconds)} of them drawn: {outcomes}"
    lags = [1000 * (heard - said) for said, heard in ears.heard]
    details: dict[str, Any] = {"calls": calls, "outcomes": outcomes, "p50_ms": percentile(milliseconds, 0.5)}
    details |= {"ami_lag_p50_ms": percentile(lags, 0.5), "ami_lag_p95_ms": percentile(lags, 0.95)}
    return Figure("screen_pop", SHAPE, percentile(milliseconds, 0.95), "ms p95", bar=POP_BAR_MS, details=details)


def _watched(stack: Stack, seat: Seat, plan: dict[str, Any]) -> tuple[dict[str, int], list[float]]:
    """What became of the calls, and when each was drawn."""
    drawn: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(need("chromium")), args=list(ARGUMENTS))
        page = _desk(stack, browser, seat, drawn)
        with Load("citizens", plan) as citizens:
            while citizens.is_working():
                page.wait_for_timeout(500)  # the page's own events are taken care of meanwhile
            outcomes = citizens.finish()["outcomes"]
        browser.close()
    return outcomes, drawn


def _desk(stack: Stack, browser: Browser, seat: Seat, drawn: list[float]) -> Page:
    context = browser.new_context(base_url=stack.running.url, locale="zh-CN")
    name, _, value = seat.cookie.partition("=")
    context.add_cookies([{"name": name, "value": value, "url": stack.running.url}])
    page = context.new_page()
    page.expose_function("noteDrawn", lambda at: drawn.append(at))  # a method of a list takes no mark of its wrapper
    page.add_init_script(NOTE_DRAWN)
    page.goto("/desk")
    settled(page)
    return page


def _matched(called: Sequence[float], drawn: Sequence[float]) -> list[float]:
    """What was drawn first after each call rang, and before the next one did."""
    ends = [*called[1:], float("inf")]
    found = [[at - began for at in drawn if began <= at < end] for began, end in zip(called, ends, strict=True)]
    return [each[0] for each in found if each]


class Ears:
    """Hears AMI beside the service: when each agent was rung by the exchange's clock, and how late even this bare ear was."""

    def __init__(self, stack: Stack) -> None:
        self.heard: list[tuple[float, float]] = []
        self._console = stack.console()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    @property
    def called(self) -> list[float]:
        return [said for said, _ in self.heard]

    def __enter__(self) -> "Ears":
        self._console.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self._console.__exit__(None, None, None)

    def _listen(self) -> None:
        while True:
            try:
                event = self._console.wait_for("AgentCalled")
            except ConsoleClosed:
                return
            self.heard.append((float(event["Timestamp"]), time.time()))


def _pauses(stack: Stack, seat: Seat, pauses: int) -> Figure:
    """From the agent's click to the exchange's confirmation, written down in the command's row."""
    waits = []
    for _ in range(pauses):
        clicked = now()
        telephone_seats.post(stack.running, seat, "/desk/presence", state="paused", reason="休息")
        wait_until(lambda: _done(stack, SwitchboardAction.PAUSE, clicked) is not None, "the pause")  # noqa: B023 -- asked at once
        done = _done(stack, SwitchboardAction.PAUSE, clicked)
        assert done is not None
        waits.append(1000 * (done.timestamp() - clicked.timestamp()))
        telephone_seats.make_available(stack.running, seat)
        time.sleep(0.5)
    details = {"pauses": pauses, "p50_ms": percentile(waits, 0.5), "p95_ms": percentile(waits, 0.95)}
    return Figure("pause", SHAPE, max(waits), "ms at most", bar=PAUSE_BAR_MS, details=details)


def _done(stack: Stack, action: SwitchboardAction, since: Any) -> Any:
    row = SwitchboardCommand
    wanted = (row.action == action, row.state == CommandState.DONE, row.created_at >= since)
    with stack.engine.connect() as connection:
        return connection.execute(select(row.settled_at).where(*wanted)).scalar()
