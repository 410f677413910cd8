"""Signs that citizens did not answer freely: many answers about one unit from one place, or from the unit's own numbers.

They are for a supervisor to look into, never a verdict: a village may share one computer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from hotline.errors import NotAllowed, NoteRequired, NotFound
from hotline.services import phones
from hotline.services.actors import Actor
from hotline.services.survey_plans import rule
from models import (
    AnswerTrace,
    AttemptOutcome,
    Case,
    PressureKind,
    PressureSign,
    Role,
    Survey,
    SurveyAnswer,
    SurveyAttempt,
    SurveyWay,
    Unit,
    now,
    privacy,
)
from models.base import CITY_TIME

SEEN_BY = frozenset({Role.SUPERVISOR})
MOST_ROWS = 100
LOOKED_BACK = timedelta(days=30)
# The citizen was not called at all.
NO_CALL = (AttemptOutcome.OVERTAKEN, AttemptOutcome.NO_WAY)


@dataclass(frozen=True)
class Shown:
    sign: PressureSign
    unit: str
    numbers: Sequence[str]


def look(session: Session) -> int:
    """Returns how many signs there are that were not there before; forgets traces whose time is over."""
    rules = rule.current(session).pressure
    session.execute(delete(AnswerTrace).where(AnswerTrace.at < now() - rules.kept.natural))
    since = now() - rules.within.natural
    found = _in_a_row(session, since, rules.in_a_row) + _own_numbers(session, since)
    session.flush()
    return found


def _in_a_row(session: Session, since: datetime, least: int) -> int:
    recent = (AnswerTrace.at >= since, AnswerTrace.origin_hash.is_not(None), Case.lead_unit_id.is_not(None))
    several = func.count(Survey.id.distinct()) >= least
    groups = session.execute(
        select(AnswerTrace.origin_hash, Case.lead_unit_id)
        .join(SurveyAnswer, SurveyAnswer.id == AnswerTrace.answer_id)
        .join(Survey, Survey.id == SurveyAnswer.survey_id)
        .join(Case, Case.id == Survey.case_id)
        .where(*recent)
        .group_by(AnswerTrace.origin_hash, Case.lead_unit_id)
        .having(several)
    ).all()
    return sum(_note_row(session, origin, unit_id, since) for origin, unit_id in groups if origin and unit_id)


def _note_row(session: Session, origin: bytes, unit_id: UUID, since: datetime) -> bool:
    answers = session.execute(
        select(Survey.id, AnswerTrace.at)
        .join(SurveyAnswer, SurveyAnswer.survey_id == Survey.id)
        .join(AnswerTrace, AnswerTrace.answer_id == SurveyAnswer.id)
        .join(Case, Case.id == Survey.case_id)
        .where(AnswerTrace.origin_hash == origin, AnswerTrace.at >= since, Case.lead_unit_id == unit_id)
        .order_by(AnswerTrace.at)
    ).all()
    last = answers[-1][1]
    # Of the trace itself nothing stays here: it is to be forgotten in time.
    key = privacy.lookup_hash("sign", f"{origin.hex()}\0{unit_id}\0{last.astimezone(CITY_TIME):%Y%m%d}").hex()
    ids = list(dict.fromkeys(str(survey_id) for survey_id, _ in answers))
    return _keep(session, PressureKind.IN_A_ROW, key, unit_id, ids, answers[0][1], last)


def _own_numbers(session: Session, since: datetime) -> int:
    owners = {
        phones.number_hash(number): code
        for code, numbers in rule.current(session).own_numbers.items()
        for number in map(phones.normalise, numbers)
        if number
    }
    if not owners:
        return 0
    rows = session.execute(
        select(Survey.id, SurveyAnswer.created_at, Unit.id, Unit.code, AnswerTrace.number_hash, Case.number_hash)
        .join(SurveyAnswer, SurveyAnswer.survey_id == Survey.id)
        .join(Case, Case.id == Survey.case_id)
        .join(Unit, Unit.id == Case.lead_unit_id)
        .outerjoin(AnswerTrace, AnswerTrace.answer_id == SurveyAnswer.id)
        .where(SurveyAnswer.created_at >= since)
        .where(or_(AnswerTrace.number_hash.in_(owners), Case.number_hash.in_(owners)))
    ).all()
    return sum(
        _keep(session, PressureKind.OWN_NUMBER, survey_id.hex, unit_id, [str(survey_id)], at, at)
        for survey_id, at, unit_id, code, *hashes in rows
        if code in {owners.get(bytes(each)) for each in hashes if each is not None}
    )


def _keep(session: Session, kind: PressureKind, key: str, unit_id: UUID, ids: list[str], first: datetime, last: datetime) -> bool:
    """A sign that has grown since somebody saw it is to be seen again."""
    known = session.scalars(select(PressureSign).where(PressureSign.kind == kind, PressureSign.key == key)).one_or_none()
    if known is None:
        session.add(PressureSign(kind=kind, key=key, unit_id=unit_id, survey_ids=ids, first_at=first, last_at=last))
        session.flush()
        return True
    if set(ids) - set(known.survey_ids):
        known.survey_ids, known.last_at = sorted({*known.survey_ids, *ids}), last
        known.seen_at = known.seen_by_id = None
    return False


def signs(session: Session) -> Sequence[Shown]:
    """The ones that nobody has looked into first, then the latest."""
    rows = session.execute(
        select(PressureSign, Unit.name)
        .outerjoin(Unit, Unit.id == PressureSign.unit_id)
        .order_by(PressureSign.seen_at.is_not(None), PressureSign.last_at.desc())
        .limit(MOST_ROWS)
    ).all()
    ids = [UUID(each) for sign, _ in rows for each in sign.survey_ids]
    numbered = select(Survey.id, Case.number).join(Case, Case.id == Survey.case_id).where(Survey.id.in_(ids))
    numbers = {str(survey_id): number for survey_id, number in session.execute(numbered)}
    return [Shown(sign, unit or "", [numbers[each] for each in sign.survey_ids if each in numbers]) for sign, unit in rows]


def see(session: Session, sign_id: UUID, *, note: str, by: Actor) -> PressureSign:
    """Somebody has looked into it, and says what it was."""
    if not by.roles & SEEN_BY:
        raise NotAllowed()
    sign = session.get(PressureSign, sign_id, with_for_update=True, populate_existing=True)
    if sign is None:
        raise NotFound()
    if not note.strip():
        raise NoteRequired(field="note")
    sign.note, sign.seen_by_id, sign.seen_at = note.strip(), by.staff_id, now()
    return sign


def outcomes(session: Session) -> Sequence[tuple[AttemptOutcome, int]]:
    """What came of the calls of the latest 30 days: why citizens were not reached stays to be counted."""
    ended = (SurveyAttempt.ended_at >= now() - LOOKED_BACK, SurveyAttempt.outcome.not_in(NO_CALL))
    counted = (
        select(SurveyAttempt.outcome, func.count())
        .where(SurveyAttempt.way != SurveyWay.MESSAGE, *ended)
        .group_by(SurveyAttempt.outcome)
        .order_by(func.count().desc())
    )
    return [(outcome, number) for outcome, number in session.execute(counted) if outcome is not None]
