"""A case with all that belongs to it, as one person may see it: for the case page, its print, and the panels of the desks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Executable, bindparam, or_, select
from sqlalchemy.orm import Session, aliased, selectinload

from hotline.errors import NotFound
from hotline.services import core
from hotline.services.access import CaseView, Held, Me
from hotline.services.city import gazetteer
from hotline.services.holding import ENDS_ITSELF
from hotline.services.importing import old_numbers
from hotline.services.incidents import reading
from hotline.services.profiles import profiles
from hotline.services.profiles.profiles import Profile
from hotline.services.reading_levels import tree
from hotline.services.reading_story import Step, story_of
from hotline.services.sideways import doors
from hotline.services.units import ledger
from models import (
    Action,
    Answer,
    Assignment,
    Attachment,
    Case,
    CaseLink,
    Category,
    Check,
    Contact,
    Mark,
    MarkKind,
    Meeting,
    Message,
    Request,
    RequestKind,
    RequestState,
    Score,
    Staff,
    Survey,
    Unit,
)
from models.workflow import open_actions


@dataclass(frozen=True)
class Answered:
    answer: Answer
    assignment: Assignment
    unit: str
    files: Sequence[Attachment]


@dataclass(frozen=True)
class Asked:
    request: Request
    proposed: str
    by: str


@dataclass(frozen=True)
class Checked:
    check: Check
    by: str
    files: Sequence[Attachment]


@dataclass(frozen=True)
class Panel:
    """What every desk shows of a case: the matter, its story, what was answered and asked for."""

    view: CaseView
    closed: bool  # to this person: the summary only
    channel: str
    received_at: datetime
    reference: str
    category: str
    place: str
    story: Sequence[Step]
    answers: Sequence[Answered]
    requests: Sequence[Asked]
    marks: Sequence[Mark]  # those that stand
    ever_marked: Sequence[Mark]
    files: Sequence[Attachment]
    checks: Sequence[Checked]
    profile: Profile
    meetings: Sequence[tuple[Meeting, str]]
    old_number: str = ""  # in the system that it was imported from
    incident_id: UUID | None = None
    followers: int = 0  # cases of other citizens that are answered with this one
    lead_waits: reading.LeadWaits | None = None  # the case that this one follows stands still
    doors_edition: UUID | None = None  # in force now
    ledger: Mark | None = None
    word_due_at: datetime | None = None  # by when the unit writes again how things stand on the ledger

    @property
    def case(self) -> Case:
        return self.view.case

    @property
    def lead(self) -> Held | None:
        """The latest lead assignment that this person may see."""
        return next((held for held in reversed(self.view.held) if held.assignment.lead), None)

    @property
    def designated(self) -> bool:
        """By the centre, after so many dispatches: the unit keeps it."""
        return self.case.dispatch_count >= self.profile.designate_after

    @property
    def tree(self) -> Sequence[tuple[int, Held]]:
        return tree(self.view.held)

    @property
    def supervision(self) -> Sequence[tuple[Mark, Held | None]]:
        """Measures that are open, against units that this person may see."""
        open_ones = [mark for mark in self.marks if mark.kind == MarkKind.SUPERVISION]
        found = [(mark, self.held_by(mark.assignment_id)) for mark in open_ones]
        return [(mark, held) for mark, held in found if held or self.view.whole]

    @property
    def instructions(self) -> Sequence[Mark]:
        return [mark for mark in self.marks if mark.kind == MarkKind.INSTRUCTION]

    @property
    def leads(self) -> Sequence[Held]:
        """Where the case has been, one after the other."""
        return [held for held in self.view.held if held.assignment.lead]

    @property
    def refused_returns(self) -> int:
        """Refused by a person: what an answer overtook does not count."""
        refused = (RequestKind.RETURN, RequestState.REFUSED)
        return sum(
            (each.request.kind, each.request.state) == refused and bool(each.request.decided_by_id) for each in self.requests
        )

    def held_by(self, assignment_id: UUID | None) -> Held | None:
        return next((held for held in self.view.held if held.assignment.id == assignment_id), None)

    @property
    def open_requests(self) -> Sequence[Asked]:
        return [asked for asked in self.requests if asked.request.state == RequestState.OPEN]

    @property
    def mark_kinds(self) -> Sequence[str]:
        return list(dict.fromkeys(str(mark.kind) for mark in self.marks))

    def may(self, me: Me, subject: Case | Assignment) -> tuple[Action, ...]:
        if isinstance(subject, Case):
            actions = open_actions(subject.status, me.roles, self.profile.off)
            return actions if subject.follows_id is None else tuple(each for each in actions if each in ENDS_ITSELF)
        if subject.lead and self.case.follows_id is not None:
            return ()
        return open_actions(subject.status, me.roles, self.profile.off, standing=subject.standing)


def panel(session: Session, view: CaseView) -> Panel:
    case = view.case
    closed = not view.whole and case.is_shielded
    channel, received_at, reference, category, incident_id, followers, doors_edition = _origin(session, case)
    answers, files = _answers_and_files(session, view, closed=closed)
    profile, story = profiles.of(session, case), story_of(session, view, closed=closed)
    ever_marked = session.scalars(select(Mark).where(Mark.case_id == case.id).order_by(Mark.created_at)).all()
    marks = [mark for mark in ever_marked if mark.cleared_at is None]
    on_ledger = next((mark for mark in marks if mark.kind == MarkKind.LEDGER), None)
    return Panel(
        view=view,
        closed=closed,
        channel=channel,
        received_at=received_at,
        reference=reference,
        category=category,
        place=_areas(session, case),
        story=story,
        answers=answers,
        requests=_requests(session, view),
        marks=marks,
        ever_marked=ever_marked,
        files=files,
        checks=_checks(session, view),
        profile=profile,
        meetings=_meetings(session, case) if any(step.action == Action.MEET for step in story) else (),
        old_number=old_numbers.of_case(session, case) if channel == old_numbers.CHANNEL else "",
        incident_id=incident_id,
        followers=followers,
        lead_waits=reading.lead_waits(session, case),
        doors_edition=doors_edition,
        ledger=on_ledger,
        word_due_at=ledger.next_word(session, case, on_ledger) if on_ledger else None,
    )


def _meetings(session: Session, case: Case) -> Sequence[tuple[Meeting, str]]:
    """Each with who wrote it down."""
    rows = session.execute(
        select(Meeting, Staff.name)
        .join(Staff, Staff.id == Meeting.by_id)
        .where(Meeting.case_id == case.id)
        .order_by(Meeting.held_on)
    )
    return [(meeting, name) for meeting, name in rows]


def _origin(session: Session, case: Case) -> tuple[str, datetime, str, str, UUID | None, int, UUID | None]:
    """Where it came from, and what it is about: 公共照明 under its parent, in the edition that the case was filed under.

    And the incident that it belongs to, with how many cases are answered with this one; and the edition of doors in force.
    """
    of = {"case": case.id, "contact": case.contact_id, "edition": case.taxonomy_id, "category": case.category_code}
    found: Sequence[Any] = core.run(session, _origin_of(), of).one()
    channel, received_at, reference, name, parent, *beside = found
    incident_id, followers, doors_edition = beside
    category = " › ".join(filter(None, (parent, name))) or case.category_code
    return channel, received_at, reference, category, incident_id, followers, doors_edition


@cache
def _origin_of() -> Executable:
    category, above = aliased(Category), aliased(Category)
    return (
        select(
            Contact.channel,
            Contact.received_at,
            Contact.reference,
            category.name,
            above.name,
            *reading.of_case(),
            doors.edition_column,
        )
        .select_from(Contact)
        .outerjoin(category, (category.taxonomy_id == bindparam("edition")) & (category.code == bindparam("category")))
        .outerjoin(above, (above.taxonomy_id == category.taxonomy_id) & (above.code == category.parent_code))
        .where(Contact.id == bindparam("contact"))
    )


def _areas(session: Session, case: Case) -> str:
    found = gazetteer.names_of(session, [case])[case.id]
    names = [found[code] for code in (case.township_code, case.community_code, case.grid_code) if code in found]
    # 莲塘社区第一网格 says the community already.
    return " ".join(name for name, below in zip(names, [*names, ""][1:], strict=True) if not below.startswith(name))


def _answers_and_files(session: Session, view: CaseView, *, closed: bool) -> tuple[list[Answered], list[Attachment]]:
    rows = _answered(session, [held.assignment.id for held in view.held]) if view.held else ()
    letters = select(Message.id).where(_messages_of(view.case))
    files = session.scalars(
        select(Attachment)
        .where(or_(Attachment.answer_id.in_([answer.id for answer, *_ in rows]), Attachment.message_id.in_(letters)))
        .order_by(Attachment.created_at)
    ).all()
    of_citizen = [file for file in files if file.message_id and (file.cleared or not closed)]
    answers = [
        Answered(answer, assignment, unit, [f for f in files if f.answer_id == answer.id]) for answer, assignment, unit in rows
    ]
    return answers, of_citizen


def _answered(session: Session, assignment_ids: Sequence[UUID]) -> Sequence[Any]:
    return session.execute(
        select(Answer, Assignment, Unit.short)
        .join(Assignment, Assignment.id == Answer.assignment_id)
        .join(Unit, Unit.id == Assignment.unit_id)
        .where(Answer.assignment_id.in_(assignment_ids))
        .order_by(Answer.created_at.desc())
    ).all()


def _checks(session: Session, view: CaseView) -> list[Checked]:
    """The centre's verdicts, the latest first; units read in the history what they were sent back."""
    if not view.whole or not any(held.assignment.answered_at for held in view.held):
        return []
    rows = session.execute(
        select(Check, Staff.name)
        .join(Staff, Staff.id == Check.by_id)
        .where(Check.case_id == view.case.id)
        .order_by(Check.created_at.desc())
    ).all()
    seen_there = [check.id for check, _ in rows if check.on_site]
    files = session.scalars(select(Attachment).where(Attachment.check_id.in_(seen_there))).all() if seen_there else []
    return [Checked(check, by, [file for file in files if file.check_id == check.id]) for check, by in rows]


def _messages_of(case: Case) -> ColumnElement[bool]:
    """The first letters belong to every matter of the contact, a remark to its own."""
    return (Message.contact_id == case.contact_id) & (Message.case_id.is_(None) | (Message.case_id == case.id))


def _requests(session: Session, view: CaseView) -> Sequence[Asked]:
    query = (
        select(Request, Unit.name, Staff.name)
        .outerjoin(Unit, Unit.id == Request.proposed_unit_id)
        .outerjoin(Staff, Staff.id == Request.asked_by_id)
        .where(Request.case_id == view.case.id)
    )
    if not view.whole:
        query = query.where(Request.assignment_id.in_([held.assignment.id for held in view.held]))
    rows = session.execute(query.order_by(Request.created_at.desc()))
    return [Asked(request, proposed or "", by or "") for request, proposed, by in rows]


@dataclass(frozen=True)
class Rest:
    """What only the case's own page shows."""

    messages: Sequence[Message]
    surveys: Sequence[Survey]
    scores: Sequence[Score]
    links: Sequence[tuple[str, str, str]]  # kind, number, title


def rest(session: Session, case: Case) -> Rest:
    other = aliased(Case)
    links = session.execute(
        select(CaseLink.kind, other.number, other.title)
        .join(
            other,
            or_(
                (CaseLink.case_id == case.id) & (other.id == CaseLink.other_id),
                (CaseLink.other_id == case.id) & (other.id == CaseLink.case_id),
            ),
        )
        .limit(20)
    )
    return Rest(
        messages=session.scalars(select(Message).where(_messages_of(case)).order_by(Message.received_at).limit(100)).all(),
        surveys=session.scalars(
            select(Survey).where(Survey.case_id == case.id).options(selectinload(Survey.answers)).order_by(Survey.round)
        ).all(),
        scores=session.scalars(select(Score).where(Score.case_id == case.id).order_by(Score.indicator)).all(),
        links=[(str(kind), number, title) for kind, number, title in links],
    )


def attachment(session: Session, view: CaseView, attachment_id: UUID) -> Attachment:
    """A file of this case that this person may open."""
    answers, files = _answers_and_files(session, view, closed=not view.whole and view.case.is_shielded)
    of_checks = [file for checked in _checks(session, view) for file in checked.files]
    for file in [*files, *of_checks, *(file for answered in answers for file in answered.files)]:
        if file.id == attachment_id:
            return file
    raise NotFound()
