"""A scripted phone: dials the running service over the demo's trunk, speaks, listens, and says what became of the call.

pyVoIP is GPL and an extra; it is imported here only, when a call is made, and by no part of the service.
"""

import argparse
import re
import socket
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from sqlalchemy import select

from hotline.cli import beside
from hotline.db import reading
from hotline.errors import HotlineError
from hotline.services import phones
from hotline.settings import Settings
from hotline.telephony import audio, prompts
from hotline.telephony.kit import Speech, find_kit
from models import Call, Contact, Staff, now

TRUNK = "127.0.0.2"  # who calls from there is the demo's trunk
CALLER = "13800000000"
WORDS = "您好，我家楼下的路灯坏了三天了，晚上看不见路，请派人来修一下。"
ANSWER_SECONDS = 6.0
# The service notes the end of a call a moment after the telephone does.
NOTED_SECONDS = 5.0
LOOK_SECONDS = 0.02
HOW_TO_GET = "The scripted phone needs pyVoIP (GPL-3), which the service itself never uses: pip install '.[phone]'"

# Between the words and the same words again.
PAUSE_SECONDS = 2.0

_FRAME = audio.RATE // 50
_SHORTEST = 0.3  # seconds of a stretch that is told of
_PURE = 0.8  # the share of its energy that a tone has in one place
_TONE, _SOUND, _SILENCE = "tone", "sound", "silence"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", metavar="NUMBER", help="the number to dial (default: the service's own)")
    parser.add_argument(
        "--from", dest="caller", metavar="NUMBER", default=CALLER, help="the caller's number (default %(default)s)"
    )
    parser.add_argument("--seconds", type=float, default=30.0, help="hang up after so long (default %(default)g)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--wav", type=Path, metavar="FILE", help="what to play to the other side, again and again; 16 bit")
    what.add_argument("--text", help="what to say, spoken by espeak-ng (default: a broken street lamp)")


def run(arguments: argparse.Namespace) -> int:
    voip = _pyvoip()
    settings = beside.prepare()
    if not arguments.caller.isascii() or not arguments.caller.isalnum():
        raise HotlineError("{caller} is no number to call from.", caller=arguments.caller)
    speech = _speech(settings, arguments.wav, arguments.text)
    to = arguments.to or settings.asterisk.numbers[0]
    began = now()
    outcome = _call(voip, settings, to=to, caller=arguments.caller, speech=speech, seconds=arguments.seconds)
    for line in outcome.lines(to, arguments.caller):
        print(line)
    if not outcome.answered:
        return 1
    became = _what_became(arguments.caller, since=began)
    print("\n".join(became) if became else "contact    the service knows of no such call: does its telephony process run?")
    return 0 if became else 1


def _pyvoip() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the old sound module that it uses
            from pyVoIP.VoIP import VoIP
    except ImportError:
        raise HotlineError(HOW_TO_GET) from None
    return VoIP


# -- speaking and listening


def _speech(settings: Settings, wav: Path | None, text: str | None) -> audio.Samples:
    """The file, else the words; without a voice on this machine a tone stands for the words that nobody asked for."""
    if wav is not None:
        try:
            return audio.read(wav)
        except (OSError, EOFError, audio.Unreadable) as error:
            raise HotlineError("{file} cannot be played: {why}", file=wav, why=error) from None
    kit = find_kit(settings)
    voice = kit.speech if kit else None
    if voice is not None:
        return _spoken(voice, text or WORDS)
    if text is not None:
        raise HotlineError("espeak-ng is missing, which would say this: make asterisk")
    return audio.music()


def _spoken(voice: Speech, text: str) -> audio.Samples:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spoken.wav"
        prompts.render_text(voice, text, path)
        return audio.read(path)


@dataclass
class Outcome:
    answered: bool = False
    seconds: float = 0.0
    by_them: bool = False
    heard: bytearray = field(default_factory=bytearray)

    def lines(self, to: str, caller: str) -> Iterator[str]:
        yield f"dialled    {to} from {caller}: {'answered' if self.answered else 'not answered'}"
        if not self.answered:
            return
        samples = samples_of(bytes(self.heard))
        yield f"heard      {len(samples) / audio.RATE:.1f} s of audio, level {100 * audio.level(samples):.0f} %"
        for begin, end, what in stretches(samples):
            yield f"           {begin:5.1f} to {end:5.1f} s  {what}"
        yield f"ended      by {'the other side' if self.by_them else 'this phone'} after {self.seconds:.1f} s"


def _call(voip: Any, settings: Settings, *, to: str, caller: str, speech: audio.Samples, seconds: float) -> Outcome:
    outcome, began = Outcome(), time.monotonic()
    with _phone(voip, settings, caller) as phone:
        call = _dialled(phone, to)
        if call is not None and _wait(lambda: call.state is voip.CallState.ANSWERED, ANSWER_SECONDS):
            outcome.answered = True
            # Its own buffer is laid out by time stamps: a gap in them becomes noise, and a jump takes all memory.
            for client in call.RTPClients:
                client.pmin.write = lambda _, data: outcome.heard.extend(data)
            call.write_audio(_eight_bits(again_and_again(speech, seconds)))
            outcome.by_them = _wait(lambda: call.state is voip.CallState.ENDED, began + seconds - time.monotonic())
            if not outcome.by_them:
                call.hangup()
        outcome.seconds = time.monotonic() - began
    return outcome


@contextmanager
def _phone(voip: Any, settings: Settings, caller: str) -> Iterator[Any]:
    """It registers nowhere, for the trunk is known by its address. Its threads would outlive it: they are waited for."""
    asterisk, before = settings.asterisk, set(threading.enumerate())
    sound = _free_port()
    phone = voip.VoIPPhone(
        asterisk.host, asterisk.sip_port, caller, "", TRUNK, sipPort=_free_port(), rtpPortLow=sound, rtpPortHigh=sound
    )
    phone.sip.register = lambda: True
    # It counts its calls from one in every process, and the exchange takes the second first call for a repeat of the first.
    phone.sip.gen_call_id = lambda: uuid4().hex
    phone.sip.gen_ack = _acknowledging(phone.sip.gen_ack)
    warnings.filterwarnings("ignore", message="RTP Packet failed")  # the last one, when the call is over
    try:
        phone.start()
    except OSError as error:
        raise HotlineError("No call can be made from {address}: {why}", address=TRUNK, why=error.strerror) from None
    try:
        yield phone
    finally:
        phone.sip.NSD = False
        for client in [client for call in phone.calls.values() for client in call.RTPClients]:
            client.stop()
        for thread in set(threading.enumerate()) - before:
            thread.join(ANSWER_SECONDS)
        phone.sip.s.close()


def _acknowledging(generate: Callable[[Any], str]) -> Callable[[Any], str]:
    """It makes up the tag of the other side; the exchange, whose answer nobody seems to have heard, would hang up after 32 s."""

    def with_its_tag(answer: Any) -> str:
        return re.sub(r"(?m)^(To: .*;tag=).*?(?=\r?$)", lambda found: found[1] + answer.headers["To"]["tag"], generate(answer))

    return with_its_tag


def _dialled(phone: Any, to: str) -> Any:
    """None if nothing there takes the call: pyVoIP by itself would wait for ever."""
    phone.sip.s.settimeout(ANSWER_SECONDS)
    try:
        return phone.call(to)
    except (KeyError, TimeoutError, ConnectionError):
        return None


def _wait(holds: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def _free_port() -> int:
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind((TRUNK, 0))
        port: int = probe.getsockname()[1]
        return port


def again_and_again(speech: audio.Samples, seconds: float) -> audio.Samples:
    """Until the end of the call: the exchange answers at once, and when a person does nobody tells a telephone."""
    words = np.concatenate([speech, np.zeros(round(PAUSE_SECONDS * audio.RATE))])
    return np.resize(words, round(seconds * audio.RATE))


def _eight_bits(samples: audio.Samples) -> bytes:
    return bytes((np.clip(samples, -1, 1) * 127 + 128).astype(np.uint8))


def samples_of(heard: bytes) -> audio.Samples:
    """pyVoIP gives eight bits without a sign."""
    return (np.frombuffer(heard, dtype=np.uint8).astype(np.float64) - 128) / 128


def stretches(samples: audio.Samples) -> Sequence[tuple[float, float, str]]:
    """What was heard, one after the other: seconds from, to, and tone, sound or silence."""
    frames = [samples[at : at + _FRAME] for at in range(0, len(samples) - _FRAME + 1, _FRAME)]
    kinds = _smoothed([_SILENCE if audio.is_silent(frame) else _SOUND for frame in frames])
    found, at = [], 0
    for kind, run_of in groupby(kinds):
        end = at + len(list(run_of))
        part = samples[at * _FRAME : end * _FRAME]
        found.append((at * _FRAME / audio.RATE, end * _FRAME / audio.RATE, kind if kind == _SILENCE else _sound_of(part)))
        at = end
    return found


def _smoothed(kinds: list[str]) -> list[str]:
    """What is shorter than a stretch belongs to what was before it: speech is full of small pauses."""
    smooth: list[str] = []
    for kind, run_of in groupby(kinds):
        length = len(list(run_of))
        short = length * _FRAME / audio.RATE < _SHORTEST and smooth
        smooth += [smooth[-1] if short else kind] * length
    return smooth


def _sound_of(samples: audio.Samples) -> str:
    """A tone has its energy in one place of the spectrum; a voice nowhere for long."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    peak = int(np.argmax(power))
    if power[max(0, peak - 2) : peak + 3].sum() < _PURE * power.sum():
        return f"{_SOUND}, level {100 * audio.level(samples):.0f} %"
    return f"{_TONE} of {peak * audio.RATE / len(samples):.0f} Hz, level {100 * audio.level(samples):.0f} %"


# -- what became of it


def _what_became(caller: str, *, since: datetime) -> list[str]:
    """As the service has it, once it has noted the end of the call."""
    end = time.monotonic() + NOTED_SECONDS
    while (found := _find(caller, since)) is None or found[0].ended_at is None:
        if time.monotonic() > end:
            break
        time.sleep(0.2)
    return list(_told(*found)) if found else []


def _find(caller: str, since: datetime) -> tuple[Call, Contact, str | None] | None:
    number = phones.normalise(caller)
    same = Contact.number_hash == phones.number_hash(number) if number else Contact.number_hash.is_(None)
    query = (
        select(Call, Contact, Staff.username)
        .join(Contact, Contact.id == Call.contact_id)
        .outerjoin(Staff, Staff.id == Call.staff_id)
        # The exchange tells the time of the call by a clock of its own.
        .where(same, Call.started_at >= since - timedelta(seconds=1))
        .order_by(Call.started_at.desc())
    )
    with reading() as session:
        row = session.execute(query.limit(1)).first()
    return (row[0], row[1], row[2]) if row else None


def _told(call: Call, contact: Contact, answered_by: str | None) -> Iterator[str]:
    yield f"contact    {contact.reference}, {_state(contact)}"
    if call.queued_at is None:
        yield "queue      not reached"
    else:
        waited = (call.answered_at or call.ended_at or now()) - call.queued_at
        yield f"queue      {call.queue}, waited {waited.total_seconds():.1f} s"
    yield f"person     {answered_by or 'nobody answered'}"
    yield f"call       {call.ending.value if call.ending else 'the service has not noted its end'}"


def _state(contact: Contact) -> str:
    if contact.concluded_at is not None:
        return "concluded"
    return "taken" if contact.taken_at is not None else "waiting"
