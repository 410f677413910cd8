"""Files that a provider still keeps for us: announced with their message, fetched soon after, none forgotten."""

from collections.abc import Callable, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.errors import FileRefused, Invalid, NotFound
from hotline.events import MediaAnnounced
from hotline.ports import File, Inbound, Media
from hotline.services.files import files
from hotline.services.outbox import emit
from models import Message, PendingMedia, now

LONGEST_FAILURE = 255
# What trying again does not change.
FINAL = (FileRefused, Invalid, NotFound)


def announce(session: Session, message: Message, inbound: Inbound) -> None:
    """Remember what there is to fetch, in the transaction of the message."""
    if not inbound.media:
        return
    session.add_all(
        PendingMedia(message_id=message.id, position=n, reference=each.reference, media_type=each.media_type[:64])
        for n, each in enumerate(inbound.media[: files.MOST_FILES])
    )
    emit(session, MediaAnnounced(message.id, message.contact_id))


def fetch(database: Database, message_id: UUID, by: Callable[[Media], File]) -> None:
    """Fetch what the message still waits for, one file a transaction. What may work later raises, and is tried again."""
    with database.reading() as session:
        waiting = [(row.id, Media(row.reference, row.media_type)) for row in _open(session, message_id)]
    for media_id, media in waiting:
        try:
            content: files.CheckedFile | None = files.check_fetched(by(media))
            failure = ""
        except FINAL as error:
            content, failure = None, str(error)
        with database.unit_of_work() as session:
            _settle(session, media_id, content, failure)


def give_up(session: Session, message_id: UUID, reason: str) -> None:
    """The provider does not hand it out any more: said on the desk instead of waiting for ever."""
    for row in _open(session, message_id):
        row.settled_at, row.failure = now(), reason[:LONGEST_FAILURE]


def _open(session: Session, message_id: UUID) -> Sequence[PendingMedia]:
    return session.scalars(
        select(PendingMedia)
        .where(PendingMedia.message_id == message_id, PendingMedia.settled_at.is_(None))
        .order_by(PendingMedia.position)
    ).all()


def _settle(session: Session, media_id: UUID, content: files.CheckedFile | None, failure: str) -> None:
    row = session.get_one(PendingMedia, media_id, with_for_update=True)
    if row.settled_at is not None:
        return
    if content is not None:
        files.store(session, content, message=session.get_one(Message, row.message_id))
    row.settled_at, row.failure = now(), failure[:LONGEST_FAILURE]
