"""Words that a unit begins its answers with: kept by its liaison, filled in for a case, never sent as they are."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotFound, RuleBroken
from hotline.services import reading_units
from hotline.services.access import Me
from hotline.services.messages import texts
from hotline.services.rosters import team
from models import AnswerTemplate, Assignment, Case, Unit, now

VARIABLES = texts.Occasion(frozenset({"number", "title", "unit"}))
LONGEST_TITLE, LONGEST = 64, 2000
MOST = 50
MOST_OFFERED = 12


@dataclass(frozen=True)
class Offer:
    title: str
    text: str


def kept(session: Session, unit: Unit) -> Sequence[AnswerTemplate]:
    """The unit's own, without those of units above it."""
    own = select(AnswerTemplate).where(AnswerTemplate.unit_id == unit.id)
    return session.scalars(own.order_by(AnswerTemplate.title, AnswerTemplate.id)).all()


def keep(session: Session, unit: Unit, template_id: UUID | None, *, title: str, text: str, by: Me) -> AnswerTemplate:
    """A new one, or the one named in other words."""
    team.require_editor(by, unit)
    title, text = title.strip(), text.strip()
    if not title or len(title) > LONGEST_TITLE:
        raise Invalid("The title has 1 to {most} characters.", field="title", most=LONGEST_TITLE)
    if not _bare(text) or len(text) > LONGEST:
        raise Invalid("The text has 1 to {most} characters.", field="text", most=LONGEST)
    texts.check_variables(VARIABLES, text, field="text")
    if template_id is None:
        if len(kept(session, unit)) >= MOST:
            raise RuleBroken("A unit keeps at most {most} templates: please remove one first.", most=MOST)
        row = AnswerTemplate(unit_id=unit.id)
        session.add(row)
    else:
        row = _of(session, unit, template_id)
    row.title, row.text, row.by_id, row.changed_at = title, text, by.staff_id, now()
    session.flush()
    return row


def remove(session: Session, unit: Unit, template_id: UUID, *, by: Me) -> None:
    team.require_editor(by, unit)
    session.delete(_of(session, unit, template_id))
    session.flush()


def _of(session: Session, unit: Unit, template_id: UUID) -> AnswerTemplate:
    row = session.get(AnswerTemplate, template_id)
    if row is None or row.unit_id != unit.id:
        raise NotFound()
    return row


def offered(session: Session, case: Case, assignment: Assignment, wanted: str = "") -> Sequence[Offer]:
    """The unit's and those of the units above it, that hold every word that was typed; filled in for this case."""
    words = wanted.casefold().split()
    found = [each for each in _filled(session, case, assignment) if _holds(each, words)]
    return found[:MOST_OFFERED]


def refuse_unchanged(session: Session, case: Case, assignment: Assignment, text: str) -> None:
    """An answer says what was done about this matter. Templates alone do not, one or several, with other spaces or stops."""
    left = answer = _bare(text)
    for template in sorted((_bare(each.text) for each in _filled(session, case, assignment)), key=len, reverse=True):
        left = left.replace(template, "")
    if answer and not left:
        raise Invalid("This is a template as it stands: please write what was found and done here.", field="public_text")


def _holds(offer: Offer, words: Sequence[str]) -> bool:
    return all(word in f"{offer.title} {offer.text}".casefold() for word in words)


def _filled(session: Session, case: Case, assignment: Assignment) -> Sequence[Offer]:
    own = session.get_one(Unit, assignment.unit_id)
    rows = session.execute(
        select(AnswerTemplate.title, AnswerTemplate.text)
        .join(Unit, Unit.id == AnswerTemplate.unit_id)
        .where(Unit.code.in_(own.path.strip("/").split("/")))
        .order_by(func.length(Unit.path).desc(), AnswerTemplate.title, AnswerTemplate.id)
    )
    values = {"number": case.number, "title": reading_units.title_for_units(case), "unit": own.name}
    return [Offer(title, texts.fill(text, values)) for title, text in rows]


def _bare(text: str) -> str:
    """Without spaces and punctuation."""
    return re.sub(r"[\W_]+", "", text)
