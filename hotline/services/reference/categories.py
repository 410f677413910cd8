"""Editions of the categories: what a change would make of them, put in force by a second look, and taken back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NoteRequired, NotFound, Outdated, RuleBroken
from hotline.services import access, filing
from hotline.services.access import Me
from hotline.services.city import gazetteer
from hotline.services.reference import editing, tree
from hotline.services.reference.differences import Difference, differences
from hotline.services.reference.forms import CategoryForm
from hotline.services.reference.tree import Entry, Tree
from models import AccessLog, Case, Staff, TaxonomyVersion, Unit, now

KIND, CHANGED, IN_FORCE = "taxonomy", "changed", "in force"
MOST_EDITIONS = 30
LATELY = timedelta(days=30)


@dataclass(frozen=True)
class Proposal:
    """What would be; nothing is written. `seen` is the edition that was looked at."""

    seen: UUID
    after: Tree
    differences: Sequence[Difference]
    cases: int  # filed lately under what is changed


def propose(session: Session, form: CategoryForm, *, locked: bool = False) -> Proposal:
    former = current(session, locked=locked)
    before = tree.read(session, former.id)
    if units := [code for code in (form.lead, *form.assists) if code]:
        filing.units_of(session, units)
    if form.area and not gazetteer.area_path(session, form.area):
        raise Invalid("Please choose an area of the city as it is cut today.", field="area")
    after = editing.edited(before, form, used=tree.codes_ever(session))
    return Proposal(former.id, after, _differences(session, before, after), _cases(session, form.code))


def change(session: Session, form: CategoryForm, *, seen: UUID, by: Me) -> TaxonomyVersion:
    """The next edition, for cases to come. Refused if another was put in force since the proposal was looked at."""
    if not form.reason.strip():
        raise NoteRequired(field="reason")
    proposal = propose(session, form, locked=True)
    if proposal.seen != seen:
        raise Outdated()
    return store(session, proposal.after, former=seen, reason=form.reason.strip(), by=by)


def store(session: Session, after: Tree, *, former: UUID, reason: str, by: Me) -> TaxonomyVersion:
    edition = tree.write(session, after, former=former, note=reason)
    access.note_look(session, by, KIND, edition.id, CHANGED, reason=reason)
    return edition


def compare(session: Session, edition_id: UUID) -> Sequence[Difference]:
    """What an edition would change if it were put in force now."""
    before, after = tree.read(session, current(session).id), tree.read(session, _edition(session, edition_id).id)
    return _differences(session, before, after)


def return_to(session: Session, edition_id: UUID, *, seen: UUID, reason: str, by: Me) -> TaxonomyVersion:
    """An earlier edition, or one that a file brought, in force as it stands."""
    if not reason.strip():
        raise NoteRequired(field="reason")
    former, edition = current(session, locked=True), _edition(session, edition_id)
    if former.id != seen:
        raise Outdated()
    if edition.current:
        raise RuleBroken("This edition is in force already.")
    tree.put_in_force(session, edition)
    access.note_look(session, by, KIND, edition.id, IN_FORCE, reason=reason.strip())
    return edition


def was_edited(session: Session) -> bool:
    """Whether the edition in force was put there by a person."""
    by_person = select(AccessLog.id).join(TaxonomyVersion, TaxonomyVersion.id == AccessLog.subject_id)
    return session.scalar(by_person.where(AccessLog.subject_kind == KIND, TaxonomyVersion.current).limit(1)) is not None


@dataclass(frozen=True)
class Edition:
    id: UUID
    at: datetime
    current: bool
    note: str
    by: str


def editions(session: Session) -> list[Edition]:
    """The latest first; one that nobody is named for came from the reference file."""
    made = (AccessLog.subject_id == TaxonomyVersion.id) & (AccessLog.subject_kind == KIND) & (AccessLog.what == CHANGED)
    rows = session.execute(
        select(TaxonomyVersion, Staff.name)
        .outerjoin(AccessLog, made)
        .outerjoin(Staff, Staff.id == AccessLog.staff_id)
        .order_by(TaxonomyVersion.id.desc())
        .limit(MOST_EDITIONS)
    )
    return [Edition(row.id, row.created_at, row.current, row.note if by else "", by or "") for row, by in rows]


@dataclass(frozen=True)
class Categories:
    edition: TaxonomyVersion
    tree: Mapping[str, Entry]
    units: Mapping[str, str]

    def below(self, code: str) -> list[Entry]:
        return tree.below(self.tree, code)


def shown(session: Session) -> Categories:
    edition = current(session)
    return Categories(edition, tree.read(session, edition.id), unit_names(session))


def unit_names(session: Session) -> dict[str, str]:
    return {code: short for code, short in session.execute(select(Unit.code, Unit.short).order_by(Unit.code))}


def area_names(session: Session, *trees: Tree) -> dict[str, str]:
    """Of the areas in which another unit leads than elsewhere."""
    codes = {duty.area for each in trees for entry in each.values() for duty in entry.duties if duty.area}
    paths = gazetteer.area_paths(session, codes)
    return {code: " ".join(area.name for area in path[1:]) or path[0].name for code, path in paths.items() if path}


def _differences(session: Session, before: Tree, after: Tree) -> Sequence[Difference]:
    return differences(before, after, unit_names(session), area_names(session, before, after))


def _cases(session: Session, code: str) -> int:
    lately = select(func.count()).select_from(Case).where(Case.created_at >= now() - LATELY)
    return (session.scalar(lately.where(Case.category_code.startswith(code, autoescape=True))) or 0) if code else 0


def current(session: Session, *, locked: bool = False) -> TaxonomyVersion:
    edition = tree.current(session, locked=locked)
    if edition is None:
        raise Outdated() if locked else NotFound()  # whoever held the lock has put another in force
    return edition


def _edition(session: Session, edition_id: UUID) -> TaxonomyVersion:
    edition = session.get(TaxonomyVersion, edition_id)
    if edition is None:
        raise NotFound()
    return edition
