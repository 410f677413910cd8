"""A real Asterisk from our templates: it loads what it must, refuses strangers, takes calls with all of our processes dead."""

import signal
import socket
import socketserver
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from hotline.settings import Asterisk, Settings
from hotline.telephony import configuration
from hotline.telephony import exchange as exchanges
from hotline.telephony.console import Console, ConsoleClosed
from hotline.telephony.exchange import TelephonyOff
from tests.components import Process, wait_until
from tests.house.source import ROOT
from tests.telephony.asterisk import Exchange, running_exchange

STRANGER, CARRIER = "127.0.0.9", "127.0.0.2"


def invite(exchange: Exchange, number: str, *, source: str) -> str:
    """The first answer that is not provisional, to an INVITE from this address."""
    with socket.socket(type=socket.SOCK_DGRAM) as phone:
        phone.bind((source, 0))
        phone.settimeout(5)
        host, port = phone.getsockname()
        lines = [
            f"INVITE sip:{number}@127.0.0.1:{exchange.sip_port} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{uuid.uuid4().hex}",
            f"From: <sip:13800000000@{host}>;tag=1",
            f"To: <sip:{number}@127.0.0.1>",
            f"Call-ID: {uuid.uuid4()}",
            "CSeq: 1 INVITE",
            f"Contact: <sip:13800000000@{host}:{port}>",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
        phone.sendto("\r\n".join([*lines, "", ""]).encode(), ("127.0.0.1", exchange.sip_port))
        while True:
            answer = phone.recv(65536).decode().splitlines()[0]
            if not answer.startswith("SIP/2.0 1"):
                return answer


def call(console: Console, where: str, **variables: str) -> None:
    """A call that arrives in the dialplan there; its other half sends music."""
    answer = console.ask(
        "Originate",
        Channel=f"Local/{where}/n",
        Application="MusicOnHold",
        Async="true",
        Variable=[f"{name}={value}" for name, value in variables.items()],
    )
    assert answer["Response"] == "Success", answer


def said(console: Console, name: str) -> Mapping[str, str]:
    return console.wait_for("UserEvent", UserEvent=name)


@pytest.fixture
def console(exchange: Exchange) -> Iterator[Console]:
    with exchange.console() as console:
        yield console
        console.ask("Hangup", Channel="/.*/")


@contextmanager
def flow_that_sets(exchange: Exchange, **variables: str) -> Iterator[list[str]]:
    """A FastAGI that sets variables and ends; yields the flows that were asked for."""
    asked: list[str] = []

    class Turn(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            lines = list(iter(lambda: self.rfile.readline().decode().strip(), ""))
            asked.extend(line.partition(": ")[2] for line in lines if line.startswith("agi_network_script"))
            for name, value in variables.items():
                self.wfile.write(f'SET VARIABLE {name} "{value}"\n'.encode())
                self.rfile.readline()

    class Server(socketserver.TCPServer):
        allow_reuse_address = True

    with Server(("127.0.0.1", exchange.agi_port), Turn) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield asked
        server.shutdown()


def test_every_module_runs_and_nothing_is_complained_about(tmp_path: Path) -> None:
    with running_exchange(tmp_path) as exchange:
        instance = exchanges.Exchange(exchange.settings, exchange.kit)

        assert instance.modules_not_running() == []
        assert [line for line in exchange.log() if "WARNING" in line or "ERROR" in line] == []


def test_a_stranger_is_asked_for_a_secret(exchange: Exchange) -> None:
    assert invite(exchange, "12345", source=STRANGER).startswith("SIP/2.0 401")


def test_the_carrier_reaches_our_numbers_only(exchange: Exchange) -> None:
    assert invite(exchange, "13900000000", source=CARRIER).startswith("SIP/2.0 404")


@pytest.mark.parametrize(("action", "on"), [("Command", "core show version"), ("UpdateConfig", "extensions.conf")])
def test_the_service_may_neither_run_commands_nor_write_configuration(console: Console, action: str, on: str) -> None:
    answer = console.ask(action, Command=on, SrcFilename=on)

    assert answer["Response"] == "Error"
    assert "ermission" in answer["Message"]


def test_a_wrong_secret_is_refused(exchange: Exchange) -> None:
    with pytest.raises(ConsoleClosed, match="Authentication failed"), Console("127.0.0.1", exchange.ami_port, "guessed"):
        pass


def test_without_the_flows_a_caller_still_hears_the_notice_and_queues(console: Console) -> None:
    call(console, "12345@from-trunk")

    assert said(console, "HotlineIvrDown")["Flow"] == "main"
    joined = console.wait_for("QueueCallerJoin")
    assert joined["Queue"] == "main"
    assert joined["Context"] == "intake"


def test_the_flow_chooses_the_queue_and_the_rank(exchange: Exchange, console: Console) -> None:
    with flow_that_sets(exchange, SPOKE="1", QNAME="no-such-queue", CALLPRIO="7") as asked:
        call(console, "12345@from-trunk")
        joined = console.wait_for("QueueCallerJoin")

    assert asked == ["main"]
    assert joined["Queue"] == "main"  # a queue that does not exist loses nobody


def test_the_flow_may_end_the_call(exchange: Exchange, console: Console) -> None:
    with flow_that_sets(exchange, SPOKE="1", NEXT="hangup"):
        call(console, "12345@from-trunk")

        assert console.wait_for("Hangup", Context="intake")["Cause"] == "16"


def test_key_2_in_the_queue_asks_for_a_callback(console: Console) -> None:
    call(console, "12345@from-trunk")
    caller = console.wait_for("QueueCallerJoin")

    console.ask("PlayDTMF", Channel=caller["Channel"], Digit="2", Receive="yes")

    wish = said(console, "WantsCallback")
    assert (wish["Queue"], wish["Position"], wish["Dialled"]) == ("main", "1", "12345")
    assert int(wish["Joined"]) > 1_700_000_000


def test_who_waited_too_long_leaves_a_message_that_is_announced_even_on_hanging_up(tmp_path: Path) -> None:
    with running_exchange(tmp_path, wait_seconds=1) as exchange, exchange.console() as console:
        call(console, "12345@from-trunk")
        assert said(console, "HotlineNoAgent")["Status"] == "TIMEOUT"
        recording = said(console, "HotlineIvrDown")["Channel"]
        wait_until(lambda: any((exchange.folder / "spool" / "voicemail").iterdir()), "the recording to begin")
        time.sleep(1)  # of music, which is written to the file in one piece

        console.ask("Hangup", Channel=recording)

        message = said(console, "VoiceMessage")
        assert Path(message["File"]).stat().st_size > 44
        assert message["Dialled"] == "12345"


def test_a_number_is_dialled_once_for_each_token(console: Console) -> None:
    console.ask("DBPut", Family="token", Key="t1", Val="13900000000")

    call(console, "13900000000@out", DIALTOKEN="t1")
    assert console.wait_for("DialBegin", Context="out")["DialString"] == "13900000000@trunk"

    call(console, "13900000000@out", DIALTOKEN="t1")
    assert said(console, "OutRefused")["Exten"] == "13900000000"


@pytest.mark.parametrize("token", ["", "t2"])
def test_without_its_token_a_number_is_refused(console: Console, token: str) -> None:
    console.ask("DBPut", Family="token", Key="t2", Val="13900000001")

    call(console, "13900000000@out", DIALTOKEN=token)

    assert said(console, "OutRefused")["Exten"] == "13900000000"


@pytest.mark.parametrize("number", ["13900000000", "008613900000000", "+8613900000000", "110", "99999", "12345"])
def test_a_phone_dials_lines_of_the_centre_only(console: Console, number: str) -> None:
    call(console, f"{number}@from-agent")

    assert said(console, "Refused")["Exten"] == number


def test_an_emergency_call_of_the_demo_hears_a_prompt(console: Console) -> None:
    console.ask("DBPut", Family="token", Key="t3", Val="110")

    call(console, "110@out", DIALTOKEN="t3")

    joined = console.wait_for("Newstate", Context="emergency")
    assert joined["ChannelStateDesc"] == "Up"


def test_what_asterisk_reads_is_for_its_owner_only(exchange: Exchange) -> None:
    readable = [path for path in (exchange.folder / "etc").iterdir() if path.stat().st_mode & 0o077]

    assert exchange.folder.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in readable if path.name == "manager.conf"] == []
    assert (exchange.settings.data_dir / "ami.secret").stat().st_mode & 0o777 == 0o600


def test_a_taken_port_is_named_with_its_setting(exchange: Exchange, tmp_path: Path) -> None:
    second = Exchange(tmp_path, sip_port=exchange.sip_port)

    with pytest.raises(TelephonyOff, match=rf"Port {exchange.sip_port} .*HOTLINE_ASTERISK__SIP_PORT"):
        second.start()


def test_after_a_kill_it_starts_again_with_the_same_name(tmp_path: Path) -> None:
    with running_exchange(tmp_path) as exchange:
        name = (exchange.folder / "system-name").read_text()

        exchange.kill()
        exchange.start()

        assert exchange.is_running
        assert (exchange.folder / "system-name").read_text() == name


PART = """
import sys
from hotline.settings import get_settings
from hotline.telephony import exchange
sys.exit(exchange.run(get_settings(), parent=sys.stdin.buffer if "attached" in sys.argv else None))
"""


def part(exchange: Exchange, *words: str) -> Process:
    """The part of the service that keeps Asterisk alive, as a program of its own."""
    environment = {
        "PYTHONPATH": str(ROOT),
        "PATH": "/usr/bin:/bin",
        "HOTLINE_DEMO": "true",
        "HOTLINE_DATA_DIR": str(exchange.settings.data_dir),
        "HOTLINE_ASTERISK__SIP_PORT": str(exchange.sip_port),
        "HOTLINE_ASTERISK__WS_PORT": str(exchange.ws_port),
    }
    return Process([sys.executable, "-c", PART, *words], exchange.settings.data_dir / "part.log", env=environment)


def started_part(exchange: Exchange) -> Process:
    """Returns once it keeps watch: from then on a signal stops Asterisk as well."""
    process = part(exchange)
    process.start()
    wait_until(lambda: catches_signals(process.pid), "the part to keep watch")
    return process


def catches_signals(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def test_a_living_one_is_adopted_and_a_signal_stops_it(tmp_path: Path) -> None:
    with running_exchange(tmp_path) as exchange:
        pid = exchange.pid
        keeper = started_part(exchange)
        assert exchange.pid == pid

        keeper.stop(by=signal.SIGTERM)

        assert keeper.exit_code == 0, keeper.tail()
        assert not exchange.is_running


def test_one_that_was_started_survives_its_starter_and_a_part_ends_when_it_dies(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path)
    first = part(exchange, "attached")
    first.start()  # its standard input ends at once, as if the supervisor had been killed
    wait_until(lambda: not first.running, "the part to leave")
    try:
        assert first.exit_code == 0, first.tail()
        assert exchange.is_running
        second = started_part(exchange)

        exchange.kill()

        wait_until(lambda: not second.running, "the part to notice")
        assert second.exit_code == 1
    finally:
        exchange.stop()


def test_a_frozen_one_is_ended_and_another_started(tmp_path: Path) -> None:
    with running_exchange(tmp_path) as exchange:
        pid = exchange.pid
        exchange.freeze()
        instance = exchanges.Exchange(exchange.settings, exchange.kit)

        assert not instance.adopt()

        instance.start()
        assert exchange.pid != pid
        instance.stop()


def test_without_an_asterisk_the_reason_says_what_to_do(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, asterisk=Asterisk(root=tmp_path))

    assert "make asterisk" in exchanges.why_not(settings)
    with pytest.raises(TelephonyOff, match="make asterisk"):
        exchanges.run(settings)


def test_with_one_there_is_no_reason(exchange: Exchange) -> None:
    assert exchanges.why_not(exchange.settings) == ""


def test_the_citys_queue_and_wait_hold_without_the_service(tmp_path: Path) -> None:
    queues = [configuration.QueueConfig("main"), configuration.QueueConfig("english", weight=5)]
    with running_exchange(tmp_path, queues=queues) as exchange, exchange.console() as console:
        console.ask("DBPut", Family="queue", Key="12345", Val="english")
        console.ask("DBPut", Family="hotline", Key="limit", Val="1")

        call(console, "12345@from-trunk")

        assert console.wait_for("QueueCallerJoin")["Queue"] == "english"
        assert said(console, "HotlineNoAgent")["Status"] == "TIMEOUT"


def test_a_held_caller_whose_agent_is_unknown_goes_to_the_head_of_the_queue_at_once(console: Console) -> None:
    call(console, "12345@from-trunk")
    first = console.wait_for("QueueCallerJoin")
    call(console, "12345@from-trunk")
    console.wait_for("QueueCallerJoin")

    console.ask("Redirect", Channel=first["Channel"], Context="hold", Exten="s", Priority="1")

    assert said(console, "Held")["Queue"] == "main"
    assert console.wait_for("QueueCallerJoin", Channel=first["Channel"])["Position"] == "1"


def test_a_held_caller_whose_agent_does_not_come_back_goes_ahead_of_who_waits(console: Console) -> None:
    call(console, "12345@from-trunk")
    held = console.wait_for("QueueCallerJoin")
    call(console, "12345@from-trunk")
    console.wait_for("QueueCallerJoin")
    console.ask("Setvar", Channel=held["Channel"], Variable="MEMBERINTERFACE", Value="PJSIP/1001")
    console.ask("Setvar", Channel=held["Channel"], Variable="CLAIM", Value="2")

    console.ask("Redirect", Channel=held["Channel"], Context="hold", Exten="s", Priority="1")

    assert said(console, "Held")["Member"] == "PJSIP/1001"
    assert console.wait_for("MusicOnHoldStart", Channel=held["Channel"])
    again = console.wait_for("QueueCallerJoin", Channel=held["Channel"])
    assert (again["Queue"], again["Position"]) == ("main", "1")
