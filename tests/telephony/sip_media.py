"""The sound of a scripted phone: A-law over RTP both ways, keys as RFC 4733 events, how loud it was. `sip` signals."""

import asyncio
import math
import random
import struct
import wave
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from pathlib import Path

FRAME = 160  # samples, and bytes, in 20 ms
FRAME_SECONDS = 0.02
SAMPLES_PER_SECOND = 8000
AUDIO, KEYS = 8, 101
DIGITS = "0123456789*#ABCD"
KEY_FRAMES = 8
PAUSE_FRAMES = 5  # between two keys
# Quieter than any voice or tone, louder than nothing.
AUDIBLE = 200.0


def _sample(code: int) -> int:
    code ^= 0x55
    value, segment = (code & 0x0F) << 4, (code & 0x70) >> 4
    value = value + 8 if segment == 0 else (value + 0x108) << (segment - 1)
    return value if code & 0x80 else -value


DECODED = [_sample(code) for code in range(256)]
_ASCENDING = sorted((sample, code) for code, sample in enumerate(DECODED))


def a_law(samples: Iterable[int]) -> bytes:
    return bytes(_ASCENDING[min(bisect_left(_ASCENDING, (sample, 0)), 255)][1] for sample in samples)


def tone(seconds: float, *, hertz: int = 440, loudness: int = 8000) -> bytes:
    step = 2 * math.pi * hertz / SAMPLES_PER_SECOND
    second = a_law(round(loudness * math.sin(step * number)) for number in range(SAMPLES_PER_SECOND))
    return (second * math.ceil(seconds))[: round(seconds * SAMPLES_PER_SECOND)]


def from_wav(path: Path) -> bytes:
    """8 kHz, 16 bit, mono."""
    with wave.open(str(path)) as file:
        raw = file.readframes(file.getnframes())
    return a_law(struct.unpack(f"<{len(raw) // 2}h", raw))


class Media(asyncio.DatagramProtocol):
    """One RTP port. It sends from the moment it knows where to, silence if nothing else: Asterisk waits for the first packet."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.keys = ""  # typed by the other side
        self.keys_payload = KEYS
        self.changed = asyncio.Event()  # something came in
        self.packets = 0
        self.dead = False
        self._target: tuple[str, int] | None = None
        self._to_play = bytearray()
        self._to_type: deque[tuple[str, int] | asyncio.Future[None] | None] = deque()
        self._key_began: int = 0
        self._last_key: int | None = None
        self._sequence = random.randrange(1 << 15)
        self._stamp = random.randrange(1 << 30)
        self._source = random.randrange(1 << 31)
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def open(cls, host: str) -> "Media":
        transport, media = await asyncio.get_running_loop().create_datagram_endpoint(cls, local_addr=(host, 0))
        media._transport = transport
        return media

    @property
    def port(self) -> int:
        assert self._transport is not None
        port: int = self._transport.get_extra_info("sockname")[1]
        return port

    def send_to(self, host: str, port: int) -> None:
        self._target = (host, port)
        if self._timer is None and not self.dead:
            self._tick(asyncio.get_running_loop().time())

    def close(self) -> None:
        self.dead = True
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.close()
        for waiting in self._to_type:
            if isinstance(waiting, asyncio.Future) and not waiting.done():
                waiting.set_result(None)
        self._to_type.clear()
        self.changed.set()

    def play(self, sound: bytes) -> None:
        self._to_play += sound

    def type(self, digits: str) -> asyncio.Future[None]:
        """Done when the last key is up again."""
        for digit in digits:
            self._to_type.extend((digit, frame) for frame in range(KEY_FRAMES))
            self._to_type.extend([None] * PAUSE_FRAMES)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.dead:
            done.set_result(None)
        else:
            self._to_type.append(done)
        return done

    def flood(self, digits: str) -> None:
        """All keys in the same moment, as no finger presses them."""
        for digit in digits:
            self._stamp = (self._stamp + FRAME) & 0xFFFFFFFF
            for frame in range(KEY_FRAMES):
                self._send_key(digit, frame)

    def _tick(self, due: float) -> None:
        loop = asyncio.get_running_loop()
        due = max(due + FRAME_SECONDS, loop.time() - 0.2)  # after a stall it does not make up for everything
        self._timer = loop.call_at(due, self._tick, due)
        self._stamp = (self._stamp + FRAME) & 0xFFFFFFFF
        while self._to_type and isinstance(self._to_type[0], asyncio.Future):
            done = self._to_type.popleft()
            if isinstance(done, asyncio.Future) and not done.done():
                done.set_result(None)
        key = self._to_type.popleft() if self._to_type else None
        if isinstance(key, tuple):
            self._send_key(*key)
        else:
            frame, self._to_play = bytes(self._to_play[:FRAME]), self._to_play[FRAME:]
            self._send(AUDIO, frame.ljust(FRAME, b"\xd5"), self._stamp)

    def _send_key(self, digit: str, frame: int) -> None:
        if frame == 0:
            self._key_began = self._stamp
        last = 0x80 if frame >= KEY_FRAMES - 3 else 0
        length = min(frame + 1, KEY_FRAMES - 2) * FRAME
        payload = struct.pack("!BBH", DIGITS.index(digit), 0x0A | last, length)
        self._send(self.keys_payload | (0x80 if frame == 0 else 0), payload, self._key_began)

    def _send(self, payload_type: int, payload: bytes, stamp: int) -> None:
        self._sequence = (self._sequence + 1) & 0xFFFF
        header = struct.pack("!BBHII", 0x80, payload_type, self._sequence, stamp, self._source)
        if self._transport is not None and self._target is not None:
            self._transport.sendto(header + payload, self._target)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        if len(data) < 12:
            return
        kind, stamp, payload = data[1] & 0x7F, int.from_bytes(data[4:8]), data[12:]
        if kind == AUDIO:
            self.heard += payload
        elif kind == self.keys_payload and len(payload) >= 4 and payload[1] & 0x80 and stamp != self._last_key:
            self._last_key = stamp
            self.keys += DIGITS[payload[0] & 0x0F]
        self.packets += 1
        self.changed.set()

    def energy(self, *, last: float | None = None) -> float:
        """Mean height of the sound heard, or of its last seconds: 0 nothing, some thousands a voice."""
        sound = self.heard[-round(last * SAMPLES_PER_SECOND) :] if last else self.heard
        return sum(abs(DECODED[code]) for code in sound) / len(sound) if sound else 0.0

    def dump(self, path: Path) -> None:
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLES_PER_SECOND)
            file.writeframes(struct.pack(f"<{len(self.heard)}h", *(DECODED[code] for code in self.heard)))
