"""The whole file of a case, for audit and reconsideration: to read, to hear and to check, with a list of what is in it."""

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import NoteRequired, NotFound, Unavailable
from hotline.services import access, heads, history, reading_cases
from hotline.services.access import CaseView, Held, Me
from hotline.services.files import files
from hotline.services.reading_cases import Panel, Rest
from hotline.services.telephone import recording_store, recordings, sound
from models import Assignment, Attachment, Case, CaseEvent, Contact, EventNote, Mark, MarkKind, Recording, Role, Staff, Unit, now
from models.base import CITY_TIME

TAKEN = "bundle"
TOLD_OF = frozenset({MarkKind.SUPERVISION, MarkKind.LEDGER, MarkKind.INSTRUCTION})
TAKERS = frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR})


@dataclass(frozen=True)
class Opened:
    """A case with all that belongs to it, opened for a reason that is kept."""

    view: CaseView
    panel: Panel
    rest: Rest
    recordings: Sequence[Recording]  # those that this person may take along
    withheld: int  # of how many calls there are recordings beside them
    first_broken: int | None  # serial of the first event that is not as it was written
    reason: str
    at: datetime = field(default_factory=now)

    @property
    def marks(self) -> Sequence[Mark]:
        """Of supervision, of the ledger, of leaders; those that were cleared as well."""
        return [mark for mark in self.panel.ever_marked if mark.kind in TOLD_OF]

    @property
    def attachments(self) -> Mapping[UUID, tuple[str, Attachment]]:
        """Each with the name that it has among the files; the page leads to it there."""
        named = enumerate(_attachments(self.panel), start=1)
        return {each.id: (f"attachments/{serial:02}-{_as_file(each.name)}", each) for serial, each in named}


def open_case(session: Session, me: Me, number: str, *, reason: str) -> Opened:
    """For supervisors and administrators, who see everything in it but what they may not hear. Noted."""
    access.require(me, *TAKERS)
    if not reason.strip():
        raise NoteRequired(field="reason")
    found = session.execute(
        select(Case, Contact).join(Contact, Contact.id == Case.contact_id).where(Case.number == number)
    ).one_or_none()
    if found is None:
        raise NotFound()
    case, contact = found
    access.note_look(session, me, "case", case.id, TAKEN, reason=reason.strip())
    rows = session.execute(
        select(Assignment, Unit)
        .join(Unit, Unit.id == Assignment.unit_id)
        .where(Assignment.case_id == case.id)
        .order_by(Assignment.dispatched_at)
    )
    view = CaseView(case=case, held=[Held(assignment, unit) for assignment, unit in rows], whole=True)
    taken, withheld = recordings.to_copy(session, me, contact)
    for recording in taken:
        access.note_look(session, me, "recording", recording.id, recordings.COPIED, reason=reason.strip())
    return Opened(
        view=view,
        panel=reading_cases.panel(session, view),
        rest=reading_cases.rest(session, case),
        recordings=taken,
        withheld=withheld,
        first_broken=history.verify(session, case),
        reason=reason.strip(),
    )


def write(session: Session, me: Me, opened: Opened, page: str, *, kept_heads: Path) -> BinaryIO:
    """A ZIP that is gone when it is closed. `page` is the case as people read it."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 -- whoever reads it closes it
    try:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            bundle = _Bundle(archive, opened.at)
            bundle.add("case.html", [page.encode()])
            bundle.add("history.json", [_json(_proof(session, opened, kept_heads))])
            bundle.add_attachments(opened.attachments.values())
            bundle.add_recordings(opened.recordings)
            bundle.close(_about(me, opened))
    except BaseException:
        file.close()
        raise
    return file


class _Bundle:
    """An archive that remembers the checksum of each file it was given."""

    def __init__(self, archive: zipfile.ZipFile, at: datetime) -> None:
        self._archive = archive
        self._time = at.astimezone(CITY_TIME).timetuple()[:6]
        self._files: list[dict[str, Any]] = []
        self._unreadable: list[str] = []

    def add(self, name: str, pieces: Iterable[bytes]) -> None:
        digest, size = hashlib.sha256(), 0
        info = zipfile.ZipInfo(name, self._time)
        info.compress_type = zipfile.ZIP_DEFLATED
        with self._archive.open(info, "w") as out:
            for piece in pieces:
                out.write(piece)
                digest.update(piece)
                size += len(piece)
        self._files.append({"name": name, "size": size, "sha256": digest.hexdigest()})

    def add_attachments(self, attachments: Iterable[tuple[str, Attachment]]) -> None:
        for name, attachment in attachments:
            try:
                self.add(name, [files.open(attachment)])
            except Unavailable:
                self._unreadable.append(name)

    def add_recordings(self, taken: Iterable[Recording]) -> None:
        for serial, recording in enumerate(taken, start=1):
            at = recording.recorded_at.astimezone(CITY_TIME)
            name = f"recordings/{serial:02}-{at:%Y%m%d-%H%M%S}-{recording.kind}.{sound.ENDINGS[recording.media_type]}"
            try:
                sealed = recording_store.open(recording.stored_as)
            except Unavailable:
                self._unreadable.append(name)
            else:
                self.add(name, sealed.pieces())

    def close(self, about: dict[str, Any]) -> None:
        """What cannot be read is named; nothing is left out in silence."""
        sums = "".join(f"{each['sha256']}  {each['name']}\n" for each in self._files)
        self.add("manifest.json", [_json({**about, "files": self._files.copy(), "unreadable": self._unreadable})])
        self.add("SHA256SUMS", [sums.encode()])


def _as_file(name: str) -> str:
    return name.replace("/", "_").replace("\\", "_")


def _attachments(panel: Panel) -> Iterator[Attachment]:
    yield from panel.files
    for answered in panel.answers:
        yield from answered.files
    for checked in panel.checks:
        yield from checked.files


def _about(me: Me, opened: Opened) -> dict[str, Any]:
    return {
        "case": opened.view.case.number,
        "made_at": _iso(opened.at),
        "made_by": me.username,
        "reason": opened.reason,
        "history_holds": opened.first_broken is None,
        "calls_withheld": opened.withheld,
    }


def _proof(session: Session, opened: Opened, kept_heads: Path) -> dict[str, Any]:
    """Each event with the seal that chains it to the one before, and the heads of its days that are kept outside the database."""
    rows = session.execute(
        select(CaseEvent, EventNote.text, Staff.name, Staff.username)
        .outerjoin(EventNote, EventNote.event_id == CaseEvent.id)
        .outerjoin(Staff, Staff.id == CaseEvent.by_id)
        .where(CaseEvent.case_id == opened.view.case.id)
        .order_by(CaseEvent.serial)
    ).all()
    units = {held.assignment.id: held.unit.name for held in opened.view.held}
    days = {event.at.astimezone(CITY_TIME).date() for event, *_ in rows}
    known = heads.read(kept_heads)
    return {
        "case": opened.view.case.number,
        "holds": opened.first_broken is None,
        "first_broken": opened.first_broken,
        "events": [
            _sealed(
                event,
                note,
                by=f"{name} ({username})" if username else None,
                unit=units.get(event.assignment_id) if event.assignment_id else None,
            )
            for event, note, name, username in rows
        ],
        "heads_of_days": [{"day": day.isoformat(), "digest": known[day].digest} for day in sorted(days) if day in known],
    }


def _sealed(event: CaseEvent, note: str | None, *, by: str | None, unit: str | None) -> dict[str, Any]:
    return {
        "serial": event.serial,
        "id": str(event.id),
        "at": _iso(event.at),
        "action": event.action,
        "from": event.from_status,
        "to": event.to_status,
        "by": by,
        "role": event.by_role,
        "unit": unit,
        "note": note,
        "note_erased": event.note_digest is not None and not note,
        "note_digest": event.note_digest.hex() if event.note_digest else None,
        "seal": event.mac.hex(),
    }


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, indent=1).encode()


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
