"""Signed callbacks: how many a second are committed, against the mailbox of the same run, and how soon WeChat is answered."""

from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import urlencode, urlsplit

from twilio.request_validator import RequestValidator

from bench import doors, letters, service
from bench.figures import Figure, percentile
from bench.load import Outcome, closed_loop, open_loop, request
from bench.service import Service
from hotline.sandbox.wechat_callbacks import Account, Callbacks
from tests.components import wait_until

CONNECTIONS = 16
ROUNDS = 4
WARM_UP = 60
PER_SECOND = 30
FULL, SMALL = 250, 60
SECONDS, FEW_SECONDS = 30, 3
RATE_BAR, ANSWER_BAR_MS = 0.7, 300.0
TOKEN = "a token for the benches"
WECHAT_PATH, TWILIO_PATH = "/api/channels/wechat", "/api/channels/sms/twilio"
# Without what the service answers by itself meanwhile.
HEARD = "message WHERE direction = 'in'"
PUBLIC_URL = "https://12345.example.gov.cn"
SETTINGS = {
    "HOTLINE_WEB__PUBLIC_URL": PUBLIC_URL,
    "HOTLINE_WECHAT__TOKEN": TOKEN,
    # Signed all at once, sent over minutes.
    "HOTLINE_WECHAT__FRESHNESS_SECONDS": "3600",
    "HOTLINE_SMS__TWILIO_AUTH_TOKEN": TOKEN,
}

Sign = Callable[[int], bytes]


def wechat(serial: int) -> bytes:
    """A text of a citizen of its own, so that a conversation is opened and no sender's pace is measured."""
    made = _WECHAT.message(f"oBenchCitizen{serial:08d}", "text", Content=letters.SENTENCES[serial % len(letters.SENTENCES)])
    at = urlsplit(made.url)
    return request("POST", f"{at.path}?{at.query}", content=("text/xml", made.body))


def twilio(serial: int, *, sender: int | None = None, text: str = "") -> bytes:
    words = {
        "MessageSid": f"SM{serial:032x}",
        "AccountSid": f"AC{0:032x}",
        "From": f"+86139{serial if sender is None else sender:08d}",
        "To": "+8612345",
        "Body": text or letters.SENTENCES[serial % len(letters.SENTENCES)],
        "NumMedia": "0",
    }
    signed = RequestValidator(TOKEN).compute_signature(PUBLIC_URL + TWILIO_PATH, words)
    content = ("application/x-www-form-urlencoded", urlencode(words).encode())
    return request("POST", TWILIO_PATH, headers={"X-Twilio-Signature": signed}, content=content)


_WECHAT = Callbacks(Account(WECHAT_PATH, TOKEN))
SIGNED: dict[str, Sign] = {"callback_twilio": twilio, "callback_wechat": wechat}


def rate(small: bool) -> Iterator[Figure]:
    """Each provider's callbacks and the mailbox's letters in turns, at the same door of the same process."""
    for name, sign in SIGNED.items():
        with service.running(arguments=["--only", "web"], settings=SETTINGS) as running:
            limit, reached = _in_turns(running, sign, SMALL if small else FULL)
        yield Figure(name, doors.SQLITE, reached.rate, "callbacks/s", limit.rate, RATE_BAR, "more")


def answer(small: bool) -> Iterator[Figure]:
    """The slowest hundredth of WeChat's waits, with all that follows from the messages running in the same process."""
    count = PER_SECOND * (FEW_SECONDS if small else SECONDS)
    with service.running(arguments=["--only", "all-in-one"], settings=SETTINGS) as running:
        requests = [wechat(serial) for serial in range(WARM_UP + count)]
        open_loop(running.port, requests[:WARM_UP], per_second=PER_SECOND)
        outcome = _committed(running, partial(open_loop, running.port, requests[WARM_UP:], per_second=PER_SECOND))
        look = doors.Look(f"sqlite:///{running.database_path}")
        wait_until(lambda: look.is_quiet, "what follows from the messages", seconds=300)
    slowest = 1000 * percentile(outcome.latencies, 0.99)
    yield Figure("wechat_p99", "embedded", slowest, f"ms p99 at {PER_SECOND}/s", bar=ANSWER_BAR_MS)


def _in_turns(running: Service, sign: Sign, count: int) -> tuple[Outcome, Outcome]:
    total = WARM_UP + count * ROUNDS
    limit, reached = Outcome(), Outcome()
    both = ((letters.prepare(running, total), limit), ([sign(serial) for serial in range(total)], reached))
    for requests, _ in both:
        closed_loop(running.port, requests[:WARM_UP], connections=CONNECTIONS)
    for first in range(WARM_UP, total, count):
        for requests, outcome in both:
            some = requests[first : first + count]
            outcome.add(_committed(running, partial(closed_loop, running.port, some, connections=CONNECTIONS)))
    return limit, reached


def _committed(running: Service, send: Callable[[], Outcome]) -> Outcome:
    """Every one acknowledged, and there as a message of its own."""
    look = doors.Look(f"sqlite:///{running.database_path}")
    before = look.count(HEARD)
    outcome = send()
    assert outcome.statuses() <= {200, 204}, outcome.statuses()
    assert look.count(HEARD) - before == len(outcome.answers)
    return outcome
