"""Sounds for tests, made when they are needed: tones, silence, and the files that an exchange would write."""

import io
import wave
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE = 8000
Samples = NDArray[np.int16]


def tone(seconds: float, loudness: float = 0.5, hertz: float = 440.0) -> Samples:
    times = np.arange(int(seconds * RATE)) / RATE
    return (np.sin(2 * np.pi * hertz * times) * loudness * 32767).astype(np.int16)


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE), dtype=np.int16)


def wav(samples: Samples) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())
    return out.getvalue()


def levels(samples: NDArray[Any], parts: int) -> list[float]:
    """How loud each part is (root mean square)."""
    return [float(np.sqrt(np.mean(part.astype(np.float64) ** 2))) for part in np.array_split(samples, parts)]
