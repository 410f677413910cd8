"""What callers hear: a city's own recordings, else the texts of `ivr_flows` spoken by espeak-ng; checked, and put in place."""

import hashlib
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from hotline.errors import HotlineError
from hotline.settings import Settings
from hotline.telephony import audio
from hotline.telephony.kit import Speech
from ivr_flows import load_prompts

VOICE = ("-v", "cmn", "-a", "60")  # louder it distorts
# Words a minute. Older editions of the voice speak more slowly: what becomes too long is said a little faster.
PACES = (170, 190, 210, 230)
LONGEST_SECONDS = 30.0
# The standard wants a caller to reach a person at once.
LONGEST_OF = {"welcome": 6.0}
PREPARED = Path(__file__).parents[2] / ".cache" / "prompts"

# What Asterisk itself plays when it says a number in Chinese: 25 is digits/20, digits/5.
_NUMBERS = (
    {f"digits/{digit}": f"digit_{digit}" for digit in range(10)}
    | {f"digits/{ten}": f"number_{ten}" for ten in range(20, 100, 10)}
    | {"digits/10": "ten", "digits/hundred": "hundred", "digits/thousand": "thousand"}
)

_FORMAT = "1"  # another one makes every file anew


class PromptRefused(HotlineError):
    """A recording or a text that cannot be played to callers."""

    code = "prompt_refused"


class TooLong(PromptRefused):
    code = "prompt_too_long"


def sounds() -> dict[str, str]:
    """Every sound that is played, by its name for Asterisk, with the key of its prompt."""
    return {f"hotline/{key}": key for key in load_prompts().texts} | _NUMBERS


def own_folder(settings: Settings) -> Path:
    return settings.data_dir / "prompts" / "own"


def missing(settings: Settings, speech: Speech | None) -> list[str]:
    """Keys without any audio: no recording of the city's own, nothing prepared, and no voice to make it with."""
    own = own_folder(settings)
    if speech is not None:
        return []
    return [key for key in load_prompts().texts if not (own / f"{key}.wav").exists()]


def prepare(speech: Speech, folder: Path = PREPARED) -> None:
    """Speaks whatever the folder does not hold yet."""
    for key, text in load_prompts().texts.items():
        _spoken(speech, key, text, folder)


def install(settings: Settings, speech: Speech | None, data: Path) -> list[str]:
    """Puts every sound into Asterisk's data folder; returns what could not be had, with the reason."""
    problems: dict[str, str] = {}
    files: dict[str, Path] = {}
    for key, text in load_prompts().texts.items():
        try:
            files[key] = _file_of(settings, speech, key, text)
        except PromptRefused as refusal:
            problems[key] = str(refusal)
    for name, key in sounds().items():
        if key in files:
            _put(files[key], data / "sounds" / "zh" / f"{name}.wav")
    _tones(settings, data)
    return [f"{key} ({why})" for key, why in problems.items()]


def render_text(speech: Speech, text: str, path: Path, *, longest: float = LONGEST_SECONDS) -> float:
    """Speaks a text into a file that Asterisk plays; how many seconds it takes."""
    with tempfile.TemporaryDirectory() as folder:
        spoken = Path(folder) / "spoken.wav"
        for pace in PACES[:-1]:
            _speak(speech, text, spoken, pace=pace)
            with suppress(TooLong):
                return convert(spoken, path, longest=longest)
        _speak(speech, text, spoken, pace=PACES[-1])
        return convert(spoken, path, longest=longest)


def _speak(speech: Speech, text: str, path: Path, *, pace: int) -> None:
    command = [*speech.command, *VOICE, "-s", str(pace), "-w", str(path), "--", text]
    try:
        subprocess.run(command, env=dict(speech.environment), capture_output=True, timeout=60, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise PromptRefused("espeak-ng could not say it: {why}", why=error) from None


def convert(source: Path, path: Path, *, longest: float = LONGEST_SECONDS) -> float:
    """Any WAV file to 8 kHz, 16 bit, one side, full level; refuses silence, distortion and length."""
    try:
        samples = audio.read(source)
    except (OSError, EOFError, ValueError, audio.Unreadable) as error:
        raise PromptRefused("no readable WAV file: {why}", why=error) from None
    if audio.is_clipped(samples):
        raise PromptRefused("the recording is distorted (clipped)")
    if audio.is_silent(samples):
        raise PromptRefused("nothing can be heard")
    samples = audio.normalised(audio.trimmed(samples))
    seconds = len(samples) / audio.RATE
    if seconds > longest:
        raise TooLong("{seconds:.1f} s long, at most {longest:.0f}", seconds=seconds, longest=longest)
    audio.write(path, samples)
    return seconds


def _file_of(settings: Settings, speech: Speech | None, key: str, text: str) -> Path:
    own = own_folder(settings) / f"{key}.wav"
    made = settings.data_dir / "prompts" / "made"
    if own.exists():
        state = own.stat()
        converted = made / f"{_digest('own', key, str(state.st_mtime_ns), str(state.st_size))}.wav"
        if not converted.exists():
            convert(own, converted, longest=LONGEST_OF.get(key, LONGEST_SECONDS))
        return converted
    if speech is None:
        raise PromptRefused("no recording, and no espeak-ng to speak it")
    prepared = PREPARED / _name(speech, text)
    return prepared if prepared.exists() else _spoken(speech, key, text, made)


def _spoken(speech: Speech, key: str, text: str, folder: Path) -> Path:
    path = folder / _name(speech, text)
    if not path.exists():
        render_text(speech, text, path, longest=LONGEST_OF.get(key, LONGEST_SECONDS))
    return path


def _name(speech: Speech, text: str) -> str:
    return f"{_digest(speech.version, *VOICE, *map(str, PACES), text)}.wav"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join([_FORMAT, *parts]).encode()).hexdigest()[:32]


def _put(source: Path, target: Path) -> None:
    """By a rename: a call that plays the former file plays it to its end."""
    if target.exists() and target.read_bytes() == source.read_bytes():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(".new")
    shutil.copyfile(source, fresh)
    fresh.replace(target)


def _tones(settings: Settings, data: Path) -> None:
    """The tone before a voice message, and the music of those who wait, unless the city has its own."""
    beep, music = data / "sounds" / "zh" / "beep.wav", data / "moh" / "waiting.wav"
    if not beep.exists():
        audio.write(beep, audio.beep())
    own = own_folder(settings) / "music.wav"
    if own.exists():
        convert(own, music, longest=600)
    elif not music.exists():
        audio.write(music, audio.music())
