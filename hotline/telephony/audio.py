"""Samples as Asterisk plays them: 8 kHz, 16 bit, one side. Reading, level, length, and the tones that need no voice."""

import wave
from math import gcd
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

RATE = 8000
LOUDEST = 0.7  # of full scale: coding to A-law and mixing stay free of distortion
SILENT_BELOW = 0.005
_EDGE = 0.1  # seconds of quiet that stay before and after
_FULL_SCALE = 32768.0


class Unreadable(Exception):
    """Not a WAV file with linear samples."""


def read(path: Path) -> Samples:
    """Resampled to 8 kHz, both sides mixed."""
    try:
        with wave.open(str(path), "rb") as file:
            rate, width, sides = file.getframerate(), file.getsampwidth(), file.getnchannels()
            raw = file.readframes(file.getnframes())
    except wave.Error as error:
        raise Unreadable(str(error)) from None
    if width != 2 or not raw:
        raise Unreadable(f"{width * 8} bit; 16 are needed")
    samples: Samples = np.frombuffer(raw, dtype="<i2").astype(np.float64).reshape(-1, sides).mean(axis=1) / _FULL_SCALE
    if rate == RATE:
        return samples
    from scipy.signal import resample_poly  # only where something is converted: it takes half a second to load

    common = gcd(RATE, rate)
    resampled: Samples = resample_poly(samples, RATE // common, rate // common)
    return resampled


def write(path: Path, samples: Samples) -> None:
    """By a rename, so that nobody ever reads half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    with wave.open(str(fresh), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(samples, -1, 1) * (_FULL_SCALE - 1)).astype("<i2").tobytes())
    fresh.replace(path)


def level(samples: Samples) -> float:
    """Root mean square, 0 to 1."""
    return float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0


def is_silent(samples: Samples) -> bool:
    return level(samples) < SILENT_BELOW


def is_clipped(samples: Samples) -> bool:
    """Whether a thousandth of it lies at the end of the scale."""
    return bool(np.mean(np.abs(samples) > 0.999) > 0.001)


def normalised(samples: Samples) -> Samples:
    peak = float(np.max(np.abs(samples)))
    return samples * (LOUDEST / peak)


def trimmed(samples: Samples) -> Samples:
    """Without the quiet at its ends but for a tenth of a second."""
    loud = np.flatnonzero(np.abs(samples) > SILENT_BELOW)
    edge = int(_EDGE * RATE)
    return samples[max(0, loud[0] - edge) : loud[-1] + edge]


def beep() -> Samples:
    return _note(1000.0, 0.25) * 0.4


def music() -> Samples:
    """Sixteen seconds in five tones, soft, in a circle."""
    tones = (392.0, 440.0, 523.25, 587.33, 659.25, 587.33, 523.25, 440.0)
    lengths = (1.0, 0.5, 0.5, 1.0, 1.5, 0.5, 1.0, 2.0)
    return np.concatenate([_note(tone, length) for tone, length in zip(tones * 2, lengths * 2, strict=True)]) * 0.25


def _note(tone: float, seconds: float) -> Samples:
    time = np.arange(int(seconds * RATE)) / RATE
    swell = np.minimum(1.0, np.minimum(time, seconds - time) / 0.02)
    sound: Samples = (np.sin(2 * np.pi * tone * time) + 0.2 * np.sin(4 * np.pi * tone * time)) * swell * np.exp(-time / 0.8)
    return sound
