"""Cases of an old system written as ended ones: filed away, with a history that says where they come from.

Nothing is announced, so nobody is told or asked; no unit holds them, so nothing scores them; their ids have no day, so no
figures count them.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid
from hotline.services import history, numbering, phones
from hotline.services.actors import SERVICE
from hotline.services.importing import tables
from hotline.services.importing.mapping import OldSystem
from hotline.services.importing.old_numbers import CHANNEL
from hotline.services.importing.passing import Files, Pass, Tally
from hotline.services.importing.rows import City, OldCase, OldLine, Problem
from hotline.services.profiles import profiles
from hotline.services.telephone import recording_store, sound
from models import (
    Action,
    AreaKind,
    Call,
    CallEnding,
    Case,
    CaseEvent,
    CaseStatus,
    Conclusion,
    Contact,
    Import,
    ImportedCase,
    Recording,
    RecordingKind,
    Role,
    Rule,
    Urgency,
    new_id,
)
from models.base import CITY_TIME, as_if, undated_id


def write(session: Session, system: OldSystem, files: Files, *, by_id: UUID) -> tuple[Import, Tally]:
    """All that is not here yet, or Invalid. Known numbers stay as they are, so that the same files can come again."""
    made = Import(
        id=new_id(), source=system.source, digest=tables.digest(files.cases), by_id=by_id, cases=0, lines=0, recordings=0
    )
    session.add(made)
    session.flush()
    with Pass(session, system, files, _refuse) as through:
        writer = _Writer(session, made, profiles.current(session), through.city, files.recordings)
        for cases in through.cases():
            writer.write(cases)
        for lines in through.lines():
            writer.note(lines)
        tally = through.tally
    made = session.get_one(Import, made.id)
    made.cases, made.lines, made.recordings = tally.new, tally.lines, tally.recordings if files.recordings else 0
    return made, tally


def _refuse(problem: Problem) -> None:
    """They were looked through before: somebody has changed the files since."""
    raise Invalid("{line}: {field}: {why}", line=problem.line, field=problem.field, why=problem.why)


class _Writer:
    def __init__(self, session: Session, made: Import, rule: Rule, city: City, sounds: Path | None) -> None:
        self._session, self._made, self._city, self._sounds = session, made, city, sounds
        self._rule_id = rule.id

    def write(self, rows: Sequence[OldCase]) -> None:
        """Contacts first, then what points to them; then the session forgets them, so that memory stays as it is."""
        contacts = [self._contact(row) for row in rows]
        self._session.add_all(contacts)
        self._session.flush()
        for row, contact in zip(rows, contacts, strict=True):
            case = self._case(row, contact)
            self._session.add(case)
            self._session.add(
                ImportedCase(case_id=case.id, import_id=self._made.id, source=self._made.source, old_number=row.old_number)
            )
            self._append(case, f"import:{self._made.id}", _what_it_was(self._made.source, row), None)
        self._session.flush()
        self._keep_sounds(rows, contacts)
        self._session.expunge_all()

    def note(self, lines: Sequence[OldLine]) -> None:
        """Each an event of today: its note says what was noted then, and when."""
        numbers = {line.old_number for line in lines}
        mine = select(ImportedCase.old_number, Case).join(Case, Case.id == ImportedCase.case_id)
        found = self._session.execute(mine.where(ImportedCase.import_id == self._made.id, ImportedCase.old_number.in_(numbers)))
        cases = {old_number: case for old_number, case in found}
        tails = history.tails(self._session, [case.id for case in cases.values()])
        for line in lines:
            case = cases[line.old_number]
            text = f"line: {line.at.astimezone(CITY_TIME):%Y-%m-%d %H:%M} {line.text}"
            event = self._append(case, f"import:{self._made.id}:{line.line}", text, tails[case.id])
            tails[case.id] = (event.serial, event.mac)
        self._session.flush()
        self._session.expunge_all()

    def _append(self, case: Case, key: str, note: str, after: history.Tail | None) -> CaseEvent:
        return history.note(
            self._session,
            case,
            Action.IMPORT,
            # It came as it is: nothing moved, and nobody filed it today.
            by=SERVICE,
            role=Role.SERVICE,
            key=key,
            text=note,
            first=after is None,
            after=after,
        )

    def _contact(self, row: OldCase) -> Contact:
        with as_if(row.filed_at):
            reference = numbering.next_reference(self._session)
        return Contact(
            id=undated_id(),
            created_at=row.filed_at,
            reference=reference,
            channel=CHANNEL,
            source=CHANNEL,
            received_at=row.filed_at,
            subject=row.title,
            sender_name=row.requester or None,
            number=row.number,
            number_hash=phones.number_hash(row.number) if row.number else None,
            confidential=row.confidential,
            taken_at=row.filed_at,
            first_answer_at=row.filed_at,
            concluded_at=row.filed_at,
            conclusion=Conclusion.FILED,
        )

    def _case(self, row: OldCase, contact: Contact) -> Case:
        return Case(
            id=undated_id(),
            created_at=row.filed_at,
            number=contact.reference,
            contact_id=contact.id,
            status=CaseStatus.ARCHIVED,
            profile_id=self._rule_id,
            taxonomy_id=self._city.taxonomy_id,
            request_type=row.request_type,
            category_code=row.category,
            urgency=Urgency.NORMAL,
            title=row.title,
            content=row.content,
            place_text=row.place or None,
            township_code=row.area.get(AreaKind.TOWNSHIP),
            community_code=row.area.get(AreaKind.COMMUNITY),
            grid_code=row.area.get(AreaKind.GRID),
            requester_name=row.requester or None,
            number_of_requester=contact.number,
            number_hash=contact.number_hash,
            wants_callback=False,
            confidential=row.confidential,
            lead_unit_id=row.unit_id,
            filed_by_id=self._made.by_id,
            public_answer=row.answer,
            closure=row.closure,
            closed_at=row.closed_at,
        )

    def _keep_sounds(self, rows: Sequence[OldCase], contacts: Sequence[Contact]) -> None:
        """What a broken transaction leaves in the folder, no row knows: the sweep of recordings removes it."""
        if self._sounds is None:
            return
        kept = [each for row, contact in zip(rows, contacts, strict=True) for each in self._sounds_of(row, contact, self._sounds)]
        self._session.add_all(call for call, _ in kept)
        self._session.flush()
        self._session.add_all(recording for _, recording in kept)
        self._session.flush()

    def _sounds_of(self, row: OldCase, contact: Contact, folder: Path) -> Iterator[tuple[Call, Recording]]:
        for name in row.recordings:
            wave = sound.examine(folder / name)
            if wave is None:
                raise Invalid("{file} holds no sound.", file=name)
            stored = recording_store.store_wave(wave, at=row.filed_at)
            recording_store.flush_folders([stored])
            short = hashlib.sha256(f"{row.old_number}\0{name}".encode()).hexdigest()[:24]
            call = Call(
                id=undated_id(),
                created_at=row.filed_at,
                linkedid=f"{CHANNEL}-{self._made.id.hex}-{short}",
                contact_id=contact.id,
                started_at=row.filed_at,
                answered_at=row.filed_at,
                ended_at=row.filed_at + timedelta(seconds=stored.seconds),
                ending=CallEnding.SPOKEN,
                reconstructed=True,
            )
            name_here = f"{CHANNEL}/{self._made.id.hex}/{short}.wav"
            kept = {"call_id": call.id, "kind": RecordingKind.MIXED, "source_name": name_here, "recorded_at": row.filed_at}
            yield call, Recording(**kept, **vars(stored))


def _what_it_was(source: str, row: OldCase) -> str:
    """Lines that begin with a code, for `story_words`."""
    said = {"state": row.state, "opinion": row.opinion, "typed_number": row.typed_number}
    return "\n".join([f"case: {source} {row.old_number}", *(f"{code}: {text}" for code, text in said.items() if text)])
