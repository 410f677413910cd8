"""The scripted phone, as a program beside a real Asterisk: what it says of a call, and what it asks for when it cannot call."""

import asyncio
import wave
from pathlib import Path

import numpy as np
import pytest

from hotline.cli.call import PAUSE_SECONDS, again_and_again, samples_of, stretches
from hotline.telephony import audio
from tests.cli.running import command, environment
from tests.telephony.asterisk import Exchange, exchange, free_sip_port
from tests.telephony.sip import SipPhone

__all__ = ["exchange"]

VOICE = 440.0
RATE = audio.RATE


@pytest.fixture
def env(tmp_path: Path, exchange: Exchange) -> dict[str, str]:
    """The data folder of a service whose processes do not run, and a living exchange."""
    env = environment(tmp_path, HOTLINE_ASTERISK__SIP_PORT=str(exchange.sip_port))
    migrated = command("up", "--only", "migrate", env=env)
    assert migrated.returncode == 0, migrated.stderr
    return env


class Telephone(SipPhone):
    """Called straight, without an exchange: it answers wherever the call comes from."""

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self.server = address
        super().datagram_received(data, address)


def tone(seconds: float, hertz: float = VOICE) -> audio.Samples:
    return 0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)


def test_without_its_extra_it_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "pyVoIP.py").write_text("raise ImportError")
    env = environment(tmp_path)
    env["PYTHONPATH"] = f"{tmp_path}:{env['PYTHONPATH']}"

    refused = command("call", env=env)

    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "pip install '.[phone]'" in refused.stderr


def test_where_nothing_listens_nobody_answers(tmp_path: Path) -> None:
    env = environment(tmp_path, HOTLINE_ASTERISK__SIP_PORT=str(free_sip_port()))

    failed = command("call", "--from", "13800000001", env=env)

    assert failed.returncode == 1, failed.stderr
    assert failed.stdout == "dialled    12345 from 13800000001: not answered\n"


def test_a_number_that_leads_nowhere_is_not_answered(env: dict[str, str]) -> None:
    failed = command("call", "--to", "54321", env=env)

    assert failed.returncode == 1, failed.stderr
    assert failed.stdout == "dialled    54321 from 13800000000: not answered\n"


def test_it_says_what_it_heard_and_that_the_service_knows_nothing(env: dict[str, str], tmp_path: Path) -> None:
    spoken = tmp_path / "spoken.wav"
    audio.write(spoken, tone(1.0))

    called = command("call", "--wav", str(spoken), "--seconds", "5", env=env)

    assert called.returncode == 1, called.stderr
    assert called.stderr == ""
    dialled, heard, *more = called.stdout.splitlines()
    assert dialled == "dialled    12345 from 13800000000: answered"
    assert float(heard.split()[1]) > 3
    assert any("sound, level" in line for line in more)
    assert any(line.startswith("ended      by this phone after 5.") for line in more)
    assert more[-1].startswith("contact    the service knows of no such call")


@pytest.mark.anyio
async def test_the_other_side_learns_that_its_answer_was_heard(tmp_path: Path) -> None:
    """An exchange that does not hangs up after 32 s."""
    async with Telephone(local=("127.0.0.1", 0), server=("127.0.0.2", 0)) as other:
        env = environment(tmp_path, HOTLINE_ASTERISK__SIP_PORT=str(other.port))
        calling = asyncio.create_task(asyncio.to_thread(command, "call", "--seconds", "6", env=env))
        call = await other.incoming(seconds=60)

        await call.answer()

        assert not call.ended, "it was not acknowledged before it was over"
        called = await calling
    assert "ended      by this phone" in called.stdout


def test_the_words_are_said_again_for_whoever_answers_later() -> None:
    said = again_and_again(tone(1.0), 10.0)

    told = [(round(begin), what.split(" ")[0]) for begin, _, what in stretches(said)]
    assert PAUSE_SECONDS == 2.0
    assert told == [(0, "tone"), (1, "silence"), (3, "tone"), (4, "silence"), (6, "tone"), (7, "silence"), (9, "tone")]


def test_a_file_that_is_no_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "eight-bits.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 1, RATE, 0, "NONE", ""))
        file.writeframes(b"\x80" * RATE)

    refused = command("call", "--wav", str(path), env=environment(tmp_path))

    assert refused.returncode == 1
    assert refused.stderr == f"{path} cannot be played: 8 bit; 16 are needed\n"


def test_a_caller_with_signs_in_the_number_is_refused(tmp_path: Path) -> None:
    refused = command("call", "--from", "138>;evil=1", env=environment(tmp_path))

    assert refused.returncode == 1
    assert "is no number to call from" in refused.stderr


def test_tone_sound_and_silence_are_told_apart() -> None:
    chance = np.random.default_rng(1)
    noise = 0.2 * chance.standard_normal(RATE)
    heard = np.concatenate([tone(1.0), np.zeros(RATE), noise])

    told = [(round(begin), round(end), what.split(",")[0]) for begin, end, what in stretches(heard)]

    assert told == [(0, 1, "tone of 440 Hz"), (1, 2, "silence"), (2, 3, "sound")]


def test_a_short_pause_does_not_cut_what_is_said() -> None:
    heard = np.concatenate([tone(0.5), np.zeros(RATE // 10), tone(0.5)])

    assert len(stretches(heard)) == 1


def test_nothing_heard_has_no_stretches() -> None:
    assert list(stretches(samples_of(b""))) == []
