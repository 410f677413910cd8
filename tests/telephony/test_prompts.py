"""What callers hear is loud, clean and short enough; a city's own recordings win; what has no audio is named."""

import wave
from pathlib import Path

import numpy as np
import pytest

from hotline.settings import Settings
from hotline.telephony import audio, prompts
from hotline.telephony.kit import Speech
from hotline.telephony.prompts import PromptRefused
from ivr_flows import load_prompts
from tests.telephony.asterisk import kit

# Asterisk rings nobody for a caller while it speaks to him.
LONGEST_HOLD = 4.0


@pytest.fixture(scope="module")
def speech() -> Speech:
    found = kit().speech
    assert found is not None
    return found


def recording(path: Path, samples: audio.Samples, *, rate: int = audio.RATE, sides: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(sides)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples.repeat(sides) * 32767).astype("<i2").tobytes())
    return path


def tone(seconds: float, *, rate: int = audio.RATE, peak: float = 0.3) -> audio.Samples:
    sound: audio.Samples = peak * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)
    return sound


def test_every_prompt_is_loud_clean_and_short_enough(settings: Settings, speech: Speech, tmp_path: Path) -> None:
    assert prompts.install(settings, speech, tmp_path) == []

    for name, key in prompts.sounds().items():
        path = tmp_path / "sounds" / "zh" / f"{name}.wav"
        with wave.open(str(path)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2), name
        samples = audio.read(path)
        assert audio.level(samples) > 0.03, name
        assert np.max(np.abs(samples)) == pytest.approx(audio.LOUDEST, abs=0.01), name
        assert 0.2 < len(samples) / audio.RATE <= prompts.LONGEST_OF.get(key, prompts.LONGEST_SECONDS), name


def test_no_announcement_keeps_the_ring_of_the_next_caller_back_for_long(
    settings: Settings, speech: Speech, tmp_path: Path
) -> None:
    prompts.install(settings, speech, tmp_path)

    def seconds(*keys: str) -> float:
        return sum(len(audio.read(tmp_path / "sounds" / "zh" / "hotline" / f"{key}.wav")) for key in keys) / audio.RATE

    assert seconds("queue_next") < LONGEST_HOLD
    assert seconds("queue_callback") < LONGEST_HOLD
    assert seconds("queue_position", "digit_2", "queue_place", "queue_wait", "digit_1", "queue_minute") < LONGEST_HOLD + 0.5


def test_asterisk_has_every_sound_that_its_own_files_name(settings: Settings, speech: Speech, tmp_path: Path) -> None:
    written = "\n".join(path.read_text() for path in sorted((Path(__file__).parents[2] / "deploy" / "asterisk").glob("*.conf")))
    named = {
        word for word in written.replace("(", " ").replace(")", " ").split() if word.startswith("hotline/") and "." not in word
    }
    prompts.install(settings, speech, tmp_path)

    known = {name for name in prompts.sounds()} | {"hotline/outage", "hotline/limit"}
    assert named - known == set()
    assert (tmp_path / "sounds" / "zh" / "beep.wav").exists()
    assert list((tmp_path / "moh").glob("*.wav")) != []


def test_a_recording_of_the_citys_own_wins(settings: Settings, speech: Speech, tmp_path: Path) -> None:
    recording(prompts.own_folder(settings) / "welcome.wav", tone(2, rate=44100), rate=44100, sides=2)

    assert prompts.install(settings, speech, tmp_path) == []

    assert len(audio.read(tmp_path / "sounds/zh/hotline/welcome.wav")) / audio.RATE == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize(
    ("samples", "why"),
    [
        (tone(2, peak=0.0005), "nothing can be heard"),
        (np.sign(tone(2)), "distorted"),
        (tone(7), "7.0 s long, at most 6"),
        (np.zeros(0), "no readable WAV"),
    ],
    ids=["silent", "distorted", "long", "empty"],
)
def test_a_bad_recording_is_named_with_its_fault(
    settings: Settings, speech: Speech, tmp_path: Path, samples: audio.Samples, why: str
) -> None:
    recording(prompts.own_folder(settings) / "welcome.wav", samples)

    [problem] = prompts.install(settings, speech, tmp_path)

    assert problem.startswith("welcome (")
    assert why in problem


def test_without_a_voice_every_key_without_a_recording_is_missing(settings: Settings) -> None:
    recording(prompts.own_folder(settings) / "welcome.wav", tone(2))

    missing = prompts.missing(settings, None)

    assert set(missing) == set(load_prompts().texts) - {"welcome"}


def test_a_free_announcement_is_spoken_and_numbers_of_the_text_are_no_options(speech: Speech, tmp_path: Path) -> None:
    seconds = prompts.render_text(speech, "-h 今天下午长青路停水，预计十八点恢复。", tmp_path / "outage.wav")

    assert 2 < seconds < 10
    assert audio.level(audio.read(tmp_path / "outage.wav")) > 0.03


def test_an_announcement_of_nothing_is_refused(speech: Speech, tmp_path: Path) -> None:
    with pytest.raises(PromptRefused):
        prompts.render_text(speech, "……", tmp_path / "outage.wav")
