"""Earlier cases about the same matter: the citizen's own, and others' of the same place. Linking them is the agent's act."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Executable, bindparam, literal, select, union_all
from sqlalchemy.orm import Session

from hotline.errors import NotAllowed, NotFound, WrongState
from hotline.services import core, drafts, notes, phones, search_words, triage
from hotline.services.access import Me
from hotline.services.actors import Actor
from hotline.services.draft_form import DraftForm
from hotline.services.messages import notices, outgoing
from hotline.words import word
from models import Action, Case, CaseStatus, Contact, Draft, LinkKind, Repeat, RequestType, Role, Staff, new_id, now
from models.workflow import CASE_OPEN

WITHIN = timedelta(days=90)
MOST_OWN, MOST_NEARBY = 200, 600
SHOWN = 5
# One's own case is shown for little; a stranger's must say nearly the same.
LEAST_OWN, LEAST_OTHERS = 0.05, 0.2
# What is left of the likeness in another grid of the community, and at the end of the 90 days.
ELSEWHERE, LONG_AGO = 0.85, 0.7
ENDED_FOR_NOTHING = (CaseStatus.VOID, CaseStatus.WITHDRAWN)


@dataclass(frozen=True)
class Found:
    """A case that may be about the same matter, and why."""

    number: str
    title: str
    status: CaseStatus
    created_at: datetime
    own: bool  # of the same number or citizen; else of the same place
    same_grid: bool
    score: float
    words: Sequence[str]

    @property
    def days(self) -> int:
        return (now() - self.created_at).days

    @property
    def kind(self) -> LinkKind:
        return LinkKind.REPEAT if self.own else LinkKind.RELATED

    @property
    def may_be_urged(self) -> bool:
        return self.own and self.status in CASE_OPEN


def find(session: Session, contact: Contact, form: DraftForm) -> list[Found]:
    """Likely repeats and other reports of the same event, the likeliest first; never one that is shielded."""
    text = "\n".join((form.title, form.content)) if form.content else triage.text_of(session, contact)
    return _ranked(_candidates(session, contact, form), text, form.grid_code)


def looks_elsewhere(before: DraftForm, after: DraftForm) -> bool:
    """Whether a change of the form may bring other cases."""
    what = ("title", "content", "community_code", "grid_code", "number", "confidential", "request_type")
    return any(getattr(before, name) != getattr(after, name) for name in what)


@dataclass(frozen=True)
class _Candidate:
    """A row as the database finds it."""

    why: str
    id: UUID
    number: str
    title: str
    status: str
    created_at: datetime
    grid_code: str | None
    tokens: str

    @property
    def own(self) -> bool:
        return self.why != "place"


def _candidates(session: Session, contact: Contact, form: DraftForm) -> Iterable[_Candidate]:
    """Each once: what is one's own by number or by citizen stands before what is merely near."""
    everything = {"number": _number_hash(contact, form), "citizen": contact.citizen_id, "place": form.community_code}
    known: dict[str, Any] = {why: value for why, value in everything.items() if value}
    if not known:
        return ()
    rows = core.send(session, _cases_by(frozenset(known)), {**known, "contact": contact.id, "since": now() - WITHIN})
    found: dict[UUID, _Candidate] = {}
    for row in sorted((_Candidate(*row) for row in rows), key=lambda each: not each.own):
        found.setdefault(row.id, row)
    return found.values()


def _number_hash(contact: Contact, form: DraftForm) -> bytes | None:
    number = phones.normalise(form.number) if form.number else None
    return phones.number_hash(number) if number else contact.number_hash


@cache
def _cases_by(asked: frozenset[str]) -> Executable:
    columns: dict[str, tuple[ColumnElement[Any], int]] = {
        "number": (Case.number_hash == bindparam("number"), MOST_OWN),
        "citizen": (Case.citizen_id == bindparam("citizen"), MOST_OWN),
        "place": (Case.community_code == bindparam("place"), MOST_NEARBY),
    }
    parts = [
        select(
            literal(why).label("why"),
            *(Case.id, Case.number, Case.title, Case.status, Case.created_at, Case.grid_code, Case.tokens),
        )
        .where(columns[why][0], Case.created_at > bindparam("since"), *_may_be_shown())
        .order_by(Case.created_at.desc())
        .limit(columns[why][1])
        .subquery()
        for why in sorted(asked)
    ]
    return union_all(*map(select, parts))


def _may_be_shown() -> tuple[ColumnElement[bool], ...]:
    return (
        Case.contact_id != bindparam("contact"),
        Case.confidential.is_(False),
        Case.request_type != RequestType.REPORT,
        *(Case.status != status for status in ENDED_FOR_NOTHING),
    )


def _ranked(candidates: Iterable[_Candidate], text: str, grid_code: str | None) -> list[Found]:
    mine = search_words.words_of(text)
    theirs = [(each, search_words.restored(each.tokens)) for each in candidates]
    weight = search_words.weights([mine, *(words for _, words in theirs)])
    scored = [(_score(each, search_words.likeness(mine, words, weight), grid_code), each, words) for each, words in theirs]
    likely = [one for one in scored if one[0] >= (LEAST_OWN if one[1].own else LEAST_OTHERS)]
    best = sorted(likely, key=lambda one: (not one[1].own, -one[0]))
    shown = chain([one for one in best if one[1].own][:SHOWN], [one for one in best if not one[1].own][:SHOWN])
    return [
        Found(
            number=each.number,
            title=each.title,
            status=CaseStatus(each.status),
            created_at=each.created_at,
            own=each.own,
            same_grid=bool(grid_code) and each.grid_code == grid_code,
            score=score,
            words=search_words.in_common(text, mine & words),
        )
        for score, each, words in shown
    ]


def _score(each: _Candidate, likeness: float, grid_code: str | None) -> float:
    near = 1.0 if each.own or (grid_code and each.grid_code == grid_code) else ELSEWHERE
    age = min(1.0, max(0.0, (now() - each.created_at) / WITHIN))
    return likeness * near * (1 - (1 - LONG_AGO) * age)


def pick(session: Session, contact: Contact, matter: int, number: str, *, by: Staff) -> None:
    """Remember in the draft that this matter is that case's; without a number nothing is. The link is made when it is filed."""
    form = drafts.open_draft(session, contact, matter)
    if number:
        if form.shielded:
            raise NotAllowed("A confidential matter is not linked with others.")
        _earlier(session, contact, number)
    drafts.save(session, contact, matter, form.model_copy(update={"same_as": number}), by=by)


def tie(session: Session, case: Case) -> None:
    """Link a case that has just been filed with the one that the agent picked for it."""
    draft = session.get(Draft, (case.contact_id, case.matter))
    form = DraftForm.model_validate_json(draft.body) if draft is not None else None
    if form is None or not form.same_as or case.is_shielded:
        return
    other = session.scalars(select(Case).where(Case.number == form.same_as)).one()
    if other.is_shielded:  # by now
        return
    by = Actor(case.filed_by_id, session.get_one(Staff, case.filed_by_id).roles)
    own = _is_own(other, case.number_hash, case.citizen_id)
    notes.link(session, case, other, LinkKind.REPEAT if own else LinkKind.RELATED, by=by, key=f"tie-{case.id.hex}")


def urge(session: Session, contact: Contact, matter: int, number: str, *, by: Actor, key: str) -> None:
    """催单: the citizen asks after a case of his or her own, which its unit is reminded of."""
    case = _earlier(session, contact, number)
    form = drafts.open_draft(session, contact, matter)
    if not _is_own(case, _number_hash(contact, form), contact.citizen_id):
        raise NotFound()
    if case.status not in CASE_OPEN:
        raise WrongState("This case is closed: please file what is still amiss, linked with it.")
    notes.note(session, case, Action.URGE, by=by, key=key)
    _count(session, contact, case, by=by)


def _count(session: Session, contact: Contact, case: Case, *, by: Actor) -> None:
    """The contact is kept with the old case, and the citizen told which one that is and how it stands; once for each contact."""
    values = {"id": new_id(), "contact_id": contact.id, "case_id": case.id, "by_id": by.staff_id, "created_at": now()}
    if core.insert_once(session, Repeat, values, unique=("contact_id", "case_id")):
        told = {**notices.values_of(session, case), "state": word("citizen_status", case.status)}
        outgoing.about_case(session, case, purpose="repeat", values=told, round_=contact.id.hex)


def untie(session: Session, me: Me, case: Case, number: str, kind: LinkKind, *, reason: str, key: str) -> None:
    """Take a link back, from either of its two cases."""
    if not me.has(Role.AGENT, Role.SHIFT_LEADER, Role.DISPATCHER, Role.VERIFIER):
        raise NotAllowed()
    other = session.scalars(select(Case).where(Case.number == number)).one_or_none()
    if other is None:
        raise NotFound()
    notes.unlink(session, case, other, kind, by=me.actor, key=key, reason=reason)


def _earlier(session: Session, contact: Contact, number: str) -> Case:
    case = session.scalars(select(Case).where(Case.number == number, Case.contact_id != contact.id)).one_or_none()
    if case is None or case.is_shielded:
        raise NotFound()
    return case


def _is_own(case: Case, number_hash: bytes | None, citizen_id: UUID | None) -> bool:
    return bool(number_hash and case.number_hash == number_hash) or bool(citizen_id and case.citizen_id == citizen_id)
