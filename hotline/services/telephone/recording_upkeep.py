"""What is done to recordings in time: archived as Opus, forgotten, swept, and checked for what was recorded."""

import hashlib
from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, event, exists, select, update
from sqlalchemy.orm import Session

from hotline.errors import Unavailable
from hotline.services.files.sealed import SealBroken
from hotline.services.telephone import recording_store, sound, telephone_rule
from hotline.services.telephone.recording_store import Stored
from models import Call, Case, Recording, now
from models.workflow import CASE_FINAL

SWEEP = 500


def to_archive(session: Session, *, leaving: Collection[UUID] = ()) -> Recording | None:
    """The next one that is old enough to be written anew; not one of `leaving`."""
    limit = now() - timedelta(days=telephone_rule.current(session).recordings.archive_after_days)
    return session.scalar(
        select(Recording)
        .where(
            Recording.media_type == sound.WAV,
            Recording.erased_at.is_(None),
            Recording.recorded_at < limit,
            Recording.id.not_in(leaving),
        )
        .order_by(Recording.recorded_at)
        .limit(1)
    )


def store_as_opus(recording: Recording) -> Stored:
    """Slow: before the transaction."""
    try:
        content = sound.to_opus(recording_store.open(recording.stored_as).pieces())
    except SealBroken as error:
        raise Unavailable(recording_store.UNREADABLE) from error
    return recording_store.store(
        [content], size=len(content), media_type=sound.OPUS, at=recording.recorded_at, seconds=recording.seconds
    )


def archive(session: Session, recording: Recording, stored: Stored) -> bool:
    """The digest stays that of the original. The file before goes with the next sweep: a database set back still finds it."""
    done = session.execute(
        update(Recording)
        .where(Recording.id == recording.id, Recording.stored_as == recording.stored_as, Recording.erased_at.is_(None))
        .values(stored_as=stored.stored_as, media_type=stored.media_type, size=stored.size)
        .returning(Recording.id)
    )
    return done.first() is not None


def forget(session: Session) -> int:
    """Erase what is older than the rule says and belongs to no case that is still at work; returns how many."""
    found = session.scalars(
        select(Recording)
        .where(
            Recording.erased_at.is_(None),
            Recording.recorded_at < now() - timedelta(days=telephone_rule.current(session).recordings.days),
            ~_of_case_at_work(),
        )
        .order_by(Recording.recorded_at)
        .limit(SWEEP)
        .with_for_update(skip_locked=True)
    ).all()
    for recording in found:
        recording.erased_at = now()
    erased = [recording.stored_as for recording in found]

    def remove(_: Session) -> None:
        for stored_as in erased:
            recording_store.remove(stored_as)

    event.listen(session, "after_commit", remove, once=True)
    return len(found)


def _of_case_at_work() -> ColumnElement[bool]:
    """A case holds its recordings until it is filed away."""
    return exists().where(Call.id == Recording.call_id, Case.contact_id == Call.contact_id, Case.status.not_in(CASE_FINAL))


def sweep(session: Session) -> int:
    """Remove files that no row knows: of a process killed before its commit, of originals in the archive. Returns how many."""
    swept = 0
    for names in recording_store.touched_lately():
        for start in range(0, len(names), SWEEP):
            some = names[start : start + SWEEP]
            known = set(
                session.scalars(select(Recording.stored_as).where(Recording.stored_as.in_(some), Recording.erased_at.is_(None)))
            )
            for name in set(some) - known:
                recording_store.remove(name)
                swept += 1
    return swept


def verify(session: Session, limit: int) -> list[Recording]:
    """Read the latest ones whole; returns those that are not what was recorded. An archived one proves itself by its seal."""
    latest = select(Recording).where(Recording.erased_at.is_(None)).order_by(Recording.recorded_at.desc()).limit(limit)
    return [recording for recording in session.scalars(latest) if not is_sound(recording)]


def is_sound(recording: Recording) -> bool:
    digest = hashlib.sha256()
    try:
        for piece in recording_store.open(recording.stored_as).pieces():
            digest.update(piece)
    except (Unavailable, OSError, SealBroken):
        return False
    return recording.media_type != sound.WAV or digest.hexdigest() == recording.digest
