"""What providers do not bring but keep for us: asked for, stored one by one, and only then told to be ours."""

import logging
from dataclasses import replace

from hotline.db import Database
from hotline.errors import FileRefused, HotlineError, Unavailable
from hotline.ports import Inbound, Polling, Receipt
from hotline.services import intake
from hotline.services.files import files
from hotline.services.messages import receipts

log = logging.getLogger(__name__)

LEFT_OUT = "（附件未收取：{names}）"


def take_in(database: Database, channel: Polling) -> int:
    """Stored before the provider hears of it: a crash between brings it again, and the second time stores nothing."""
    stored = 0
    for found in channel.collect():
        try:
            _keep(database, channel.kind, found)
        except Unavailable:
            raise
        except HotlineError as error:
            # It would be refused for ever, and stand before the others.
            log.error("message cannot be taken in", extra={"channel": channel.kind, "reason": error.code})
        channel.stored([found])
        stored += 1
    return stored


def _keep(database: Database, kind: str, found: Inbound | Receipt) -> None:
    if isinstance(found, Receipt):
        with database.unit_of_work() as session:
            receipts.note(session, kind, found)
        return
    whole = with_good_files(found)
    with database.unit_of_work() as session:
        intake.receive(session, whole)


def with_good_files(message: Inbound) -> Inbound:
    """Nobody is there to be told that a file is refused: the rest of the message stays, and says which is missing."""
    good: list[files.CheckedFile] = []
    refused: list[str] = []
    for file in message.files:
        try:
            if len(good) == files.MOST_FILES:
                raise FileRefused()
            good.append(files.check(file))
        except FileRefused:
            refused.append(file.name)
    if not refused:
        return replace(message, files=tuple(good))
    note = LEFT_OUT.format(names="、".join(name[: files.LONGEST_NAME] for name in refused))
    return replace(message, files=tuple(good), text=f"{message.text}\n\n{note}")
