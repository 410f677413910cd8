"""What Asterisk wrote while we were away becomes one true record for each call."""

import asyncio
import gzip
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hotline.telephony.asterisk_files import AsteriskFiles, CallRecord, Outcome
from models.base import now
from tests.telephony.asterisk import Exchange
from tests.telephony.fake_peers import in_loop, until
from tests.telephony.sip import SipPhone
from tests.telephony.sip_call import SipCall
from tests.telephony.sip_media import tone
from tests.telephony.test_sip import SECRET, give_secrets

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TRUNK = "PJSIP/trunk-00000001"


def cel(
    seconds: float, kind: str, uniqueid: str, linkedid: str = "", *, channel: str = TRUNK, number: str = "138", **more: str
) -> str:
    at = (NOON + timedelta(seconds=seconds)).timestamp()
    context, extra = more.get("context", "from-trunk"), more.get("extra", "")
    values = [f"{at:.6f}", kind, uniqueid, linkedid or uniqueid, channel, number, "张", "", context, "12345", "", "", "", extra]
    return ",".join('"' + value.replace('"', '""') + '"' for value in values) + "\n"


def logged(seconds: float, uniqueid: str, kind: str, *data: str, agent: str = "NONE") -> str:
    stamp = int((NOON + timedelta(seconds=seconds)).timestamp())
    return "|".join([str(stamp), uniqueid, "general", agent, kind, *data]) + "\n"


def answered_call(call: str = "t-1.1", leg: str = "t-1.2") -> tuple[str, str]:
    rows = [cel(0, "CHAN_START", call), cel(0.5, "ANSWER", call)]
    rows += [cel(6, "CHAN_START", leg, call, channel="PJSIP/1001-00000002", context="from-agent")]
    rows += [cel(9.25, "BRIDGE_ENTER", call), cel(60, "HANGUP", call, extra='{"hangupcause":16}')]
    rows += [cel(60, "CHAN_END", call), cel(60, "LINKEDID_END", call)]
    queue = [logged(5, call, "ENTERQUEUE", "", "138", "1"), logged(9, call, "CONNECT", "4", leg, "3", agent="张三")]
    return "".join(rows), "".join([*queue, logged(60, call, "COMPLETECALLER", "4", "51", "1", agent="张三")])


def waiting_call(call: str, *, begin: float, end: float, leaves: str) -> tuple[str, str]:
    rows = [cel(begin, "CHAN_START", call), cel(begin, "ANSWER", call), cel(end, "CHAN_END", call)]
    return "".join(rows), logged(begin + 1, call, "ENTERQUEUE", "", "138", "1") + logged(end, call, leaves, "1", "1", "9")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "cel-custom").mkdir()
    return tmp_path


def write(files: Path, cel_text: str, queue_text: str = "", *, suffix: str = "") -> None:
    (files / "cel-custom" / f"Master.csv{suffix}").write_text(cel_text)
    (files / f"queue_log{suffix}").write_text(queue_text)


def since(files: Path, moment: datetime = NOON) -> list[CallRecord]:
    return AsteriskFiles(files).calls_since(moment)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_an_answered_call_is_told_with_its_times_and_its_agent(files: Path) -> None:
    write(files, *answered_call())

    (call,) = since(files)

    assert (call.linkedid, call.caller_number, call.caller_name, call.dialled) == ("t-1.1", "138", "张", "12345")
    assert (call.started, call.answered, call.queued) == (at(0), at(0.5), at(5))
    assert (call.connected, call.ended) == (at(9.25), at(60))
    assert (call.queue, call.agent, call.outcome) == ("general", "PJSIP/1001", Outcome.COMPLETED)
    assert (call.waited, call.talked) == (timedelta(seconds=4.25), timedelta(seconds=50.75))


@pytest.mark.parametrize(("leaves", "outcome"), [("ABANDON", Outcome.ABANDONED), ("EXITWITHTIMEOUT", Outcome.NOT_SERVED)])
def test_a_call_that_nobody_took_says_how_it_left(files: Path, leaves: str, outcome: Outcome) -> None:
    write(files, *waiting_call("t-1.1", begin=0, end=10, leaves=leaves))

    (call,) = since(files)

    assert (call.outcome, call.waited, call.agent) == (outcome, timedelta(seconds=9), "")


def test_a_call_abandoned_in_the_notice_and_one_without_an_end_are_told_apart(files: Path) -> None:
    short = cel(0, "CHAN_START", "t-1.1") + cel(2, "CHAN_END", "t-1.1")
    write(files, short + cel(3, "CHAN_START", "t-1.2") + cel(4, "ANSWER", "t-1.2"))

    first, second = since(files)

    assert (first.outcome, first.ended) == (Outcome.NEVER_QUEUED, at(2))
    assert (second.outcome, second.ended, second.last_seen) == (Outcome.LIVE, None, at(4))


def test_calls_that_we_placed_and_calls_of_agents_do_not_count(files: Path) -> None:
    write(files, cel(0, "CHAN_START", "t-1.1", context="from-agent") + cel(1, "CHAN_START", "cb-1", context="callback-queue"))

    assert since(files) == []


def test_a_call_that_began_before_is_told_whole(files: Path) -> None:
    write(files, *answered_call())

    assert [call.started for call in since(files, at(30))] == [at(0)]
    assert since(files, at(61)) == []


@pytest.mark.parametrize("kept", range(1, 60, 7))
def test_a_last_line_cut_short_costs_that_line_only(files: Path, kept: int) -> None:
    rows, queue = answered_call()
    cut = cel(70, "CHAN_START", "t-1.9")[:kept]
    write(files, rows + cut, queue + logged(70, "t-1.9", "ENTERQUEUE", "", "1")[: kept // 3])

    (call,) = since(files)

    assert call.outcome == Outcome.COMPLETED


def test_a_line_written_after_one_cut_short_is_read(files: Path) -> None:
    write(files, cel(0, "CHAN_START", "t-1.0")[:40] + cel(1, "CHAN_START", "t-1.1") + cel(2, "CHAN_END", "t-1.1"))

    assert [call.linkedid for call in since(files)] == ["t-1.1"]


def test_a_number_with_line_breaks_and_quotation_marks_forges_no_row(files: Path) -> None:
    forged = 'x\n"1795176000.0","CHAN_START","evil","evil","","","","","from-trunk","","","","",""\n'
    write(files, cel(0, "CHAN_START", "t-1.1", number=forged) + cel(2, "CHAN_END", "t-1.1"))

    assert [call.linkedid for call in since(files)] == ["t-1.1"]


def test_rotated_files_are_read_too(files: Path) -> None:
    rows, queue = answered_call()
    middle, half = rows.index('"', len(rows) // 2 - 1), queue.index("\n") + 1
    middle = rows.rindex("\n", 0, middle) + 1
    write(files, rows[:middle], queue[:half], suffix=".1")
    write(files, rows[middle:], queue[half:])
    earlier = cel(-50, "CHAN_START", "t-0.1") + cel(1, "CHAN_END", "t-0.1")
    (files / "cel-custom" / "Master.csv.2.gz").write_bytes(gzip.compress(earlier.encode()))

    assert [(call.linkedid, call.outcome) for call in since(files)] == [
        ("t-0.1", Outcome.NEVER_QUEUED),
        ("t-1.1", Outcome.COMPLETED),
    ]


def test_files_older_than_the_longest_call_are_not_opened(files: Path) -> None:
    write(files, *answered_call())
    path = files / "cel-custom" / "Master.csv.9"
    path.write_bytes(b"\xff")
    os.utime(path, (0, 0))
    path.chmod(0)

    assert len(since(files)) == 1


def test_no_files_are_no_calls(tmp_path: Path) -> None:
    assert since(tmp_path) == []


def test_of_a_year_only_the_end_is_read(files: Path) -> None:
    def year() -> Iterable[str]:
        for number in range(60_000):
            yield cel(-600 * (60_000 - number), "CHAN_START", f"t-0.{number}")

    rows, queue = answered_call()
    write(files, "".join(year()) + rows, queue)

    read = list(AsteriskFiles(files).cel_rows(NOON - timedelta(hours=12)))

    assert len(read) == 72 + rows.count("\n")
    assert [call.linkedid for call in since(files)] == ["t-1.1"]


@in_loop
async def test_a_real_call_that_nobody_watched_is_found_again(exchange: Exchange) -> None:
    """No process of ours runs: the queue rings the agent's phone by itself."""
    began = now()
    await asyncio.to_thread(give_secrets, exchange, "1004")
    server = ("127.0.0.1", exchange.sip_port)
    async with (
        SipPhone(local=("127.0.0.1", 0), server=server) as agent,
        SipPhone(local=("127.0.0.2", 0), server=server) as citizen,
    ):
        assert await agent.register("1004", SECRET) == 200
        queue = await asyncio.to_thread(add_member, exchange, "PJSIP/1004")
        gone = await citizen.call("12345", caller="13900000000", sound=tone(20))
        await gone.answered()
        await gone.hang_up()
        call = await citizen.call("12345", caller="13800000000", name="张三丰", sound=tone(60))
        served = await next_call_of(agent, "13800000000")
        await served.answer(sound=tone(60))
        await served.hears(seconds=20)
        await call.hang_up()
        await served.gone()
        files = AsteriskFiles(exchange.folder / "log")
        numbers = {"13800000000", "13900000000"}
        await until(
            lambda: {one.caller_number for one in files.calls_since(began) if one.ended} >= numbers, "both calls in the files"
        )

    records = {one.caller_number: one for one in files.calls_since(began)}
    told = records["13800000000"]
    assert (told.caller_name, told.dialled, told.queue) == ("张三丰", "12345", queue)
    assert (told.agent, told.outcome) == ("PJSIP/1004", Outcome.COMPLETED)
    times = [began, told.started, told.answered, told.connected, told.ended, now()]
    assert None not in times
    assert times == sorted(time for time in times if time is not None)
    assert records["13900000000"].outcome in {Outcome.NEVER_QUEUED, Outcome.ABANDONED}


async def next_call_of(agent: SipPhone, caller: str) -> SipCall:
    """The exchange is shared: whom an earlier test left in the queue is served first."""
    while (call := await agent.incoming(seconds=40)).caller != caller:
        await call.answer()
        await call.hang_up()
    return call


def add_member(exchange: Exchange, interface: str) -> str:
    with exchange.console() as console:
        queue = console.wait_for("QueueParams")["Queue"] if console.ask("QueueStatus") else ""
        console.ask("QueueAdd", Queue=queue, Interface=interface, MemberName="张三", StateInterface=interface)
        return queue
