"""Cases that may be of one incident: of the same kind, in the same place, at the same time, and said in much the same words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from hotline.services import search_words
from hotline.services.draft_form import DraftForm
from hotline.services.incidents.linking import JOINABLE
from models import Case, Incident, IncidentCase, RequestType, now

WITHIN = timedelta(days=3)
MOST_LOOKED_AT, MOST_SHOWN, LEAST = 500, 12, 0.2


@dataclass(frozen=True)
class Cluster:
    """Cases of different citizens; the earliest first, which would lead."""

    cases: Sequence[Case]


def clusters(session: Session) -> list[Cluster]:
    """What nobody has put together yet, the largest first; shielded cases are never among them."""
    rows = session.scalars(
        select(Case)
        .where(*_free(), Case.community_code.is_not(None))
        .order_by(Case.community_code, Case.category_code, Case.created_at)
        .limit(MOST_LOOKED_AT)
    )
    found = [
        Cluster(alike)
        for _, group in groupby(rows, key=lambda case: (case.community_code, case.category_code))
        for alike in _alike(list(group))
        if len({case.number_hash or case.id for case in alike}) > 1
    ]
    return sorted(found, key=lambda each: -len(each.cases))[:MOST_SHOWN]


def for_incident(session: Session, incident: Incident) -> list[Case]:
    """Cases that may belong to it too."""
    lead = session.get_one(Case, incident.lead_case_id)
    near = Case.community_code == lead.community_code if lead.community_code else Case.township_code == lead.township_code
    rows = session.scalars(select(Case).where(*_free(), near, Case.category_code == incident.category_code).limit(MOST_LOOKED_AT))
    return next(_alike([lead, *rows]))[1:][:MOST_SHOWN]


def known(session: Session, form: DraftForm) -> Sequence[Incident]:
    """What an agent may tell at once about this place and kind of matter, while it lasts."""
    areas = ["", *(code for code in (form.community_code, form.township_code) if code)]
    rows = session.scalars(
        select(Incident)
        .where(Incident.ended_at.is_(None), Incident.known_until > now(), Incident.area_code.in_(areas))
        .order_by(Incident.created_at.desc())
        .limit(3)
    ).all()
    # Who has no category yet is shown all that is known of the place.
    return [each for each in rows if not form.category or form.category[:2] == each.category_code[:2]]


def _free() -> tuple[ColumnElement[bool], ...]:
    there = (IncidentCase.case_id == Case.id, IncidentCase.left_at.is_(None), IncidentCase.answered_at.is_(None))
    return (
        Case.status.in_(JOINABLE),
        Case.created_at > now() - WITHIN,
        Case.confidential.is_(False),
        Case.request_type != RequestType.REPORT,
        ~exists().where(*there),
    )


def _alike(cases: Sequence[Case]) -> Iterator[list[Case]]:
    """Parted into those that say much the same as the first one that is left."""
    words = {case.id: search_words.restored(case.tokens) for case in cases}
    weight = search_words.weights(list(words.values()))
    left = list(cases)
    while left:
        first, *others = left
        near = [each for each in others if search_words.likeness(words[first.id], words[each.id], weight) >= LEAST]
        yield [first, *near]
        left = [each for each in others if each not in near]
