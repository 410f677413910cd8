"""Tells the exchange what the city wants of every call: where it goes, how long it waits, what is said before and asked after."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from hotline.db import reading
from hotline.errors import HotlineError
from hotline.services.telephone import floor, telephone_rule
from hotline.settings import Settings
from hotline.telephony import prompts
from hotline.telephony.ami import Ami, AmiError
from hotline.telephony.configuration import folder_of
from hotline.telephony.kit import Speech

log = logging.getLogger(__name__)

EVERY = 1.0


@dataclass(frozen=True)
class Wishes:
    """What holds for every call, even while no process of ours lives."""

    announced: UUID | None
    text: str
    asks: bool
    longest_wait: int
    queues: dict[str, str]  # by called number


class Announcer:
    """`forget` after each sign-in: a new exchange knows nothing of what was told to the former."""

    def __init__(self, ami: Ami, settings: Settings, speech: Speech | None) -> None:
        self._ami, self._speech = ami, speech
        self._numbers = settings.asterisk.numbers
        self._sounds = folder_of(settings) / "data" / "sounds" / "zh"
        self._told: dict[str, str] = {}
        self._unspeakable: UUID | None = None

    def forget(self) -> None:
        self._told = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if self._ami.connected:
                try:
                    await self.tick()
                except (HotlineError, AmiError) as error:
                    log.warning("the exchange was not told", extra={"error": str(error)})
            await asyncio.sleep(EVERY)

    async def tick(self) -> None:
        wishes = await asyncio.to_thread(self._wanted)
        await self._keep("hotline", "limit", str(wishes.longest_wait))
        for number, queue in wishes.queues.items():
            await self._keep("queue", number, queue)
        survey = "on" if wishes.asks else "off"
        await self._tell("survey", survey, lambda: self._ami.setvar("", "SURVEY", survey))
        sound = await asyncio.to_thread(self._sound, wishes.announced, wishes.text) if wishes.announced else ""
        is_news = self._told.get("hotline/outage") != sound
        await self._keep("hotline", "outage", sound)
        if is_news:
            await asyncio.to_thread(self._remove_all_but, sound)

    async def _keep(self, family: str, key: str, value: str) -> None:
        await self._tell(f"{family}/{key}", value, lambda: self._ami.db_put(family, key, value))

    async def _tell(self, what: str, value: str, tell: Callable[[], Awaitable[None]]) -> None:
        if self._told.get(what) != value:
            await tell()
            self._told[what] = value

    def _sound(self, announced: UUID, text: str) -> str:
        """Spoken once; one that cannot be is told once in the log, and callers hear nothing of it."""
        name = f"hotline/outage-{announced}"
        path = self._sounds / f"{name}.wav"
        if path.exists():
            return name
        if announced == self._unspeakable:
            return ""
        try:
            if self._speech is None:
                raise prompts.PromptRefused("espeak-ng is missing")
            prompts.render_text(self._speech, text, path)
        except (prompts.PromptRefused, OSError) as error:
            self._unspeakable = announced
            log.error("an announcement cannot be spoken", extra={"announcement": str(announced), "error": str(error)})
            return ""
        return name

    def _remove_all_but(self, sound: str) -> None:
        """Once no new call can be told to play the others; a call that plays one has its file open."""
        for path in self._sounds.glob("hotline/outage-*.wav"):
            if f"hotline/{path.stem}" != sound:
                path.unlink(missing_ok=True)

    def _wanted(self) -> Wishes:
        with reading() as session:
            return _wishes(session, self._numbers)


def _wishes(session: Session, numbers: Sequence[str]) -> Wishes:
    running = floor.announcement(session)
    rule = telephone_rule.current(session)
    return Wishes(
        announced=running.id if running else None,
        text=running.text if running else "",
        asks=rule.flows.survey,
        longest_wait=rule.longest_wait,
        queues={number: rule.queue_of(number) for number in numbers},
    )
