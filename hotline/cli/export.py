"""Operators' figures: one JSON object a row, streamed, beside the running service. No personal data leaves by this way."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import Session

from hotline.cli import beside
from hotline.db import reading
from models import Answer, Assignment, Call, Case, Check, Contact, Message, Score, Survey, SurveyAnswer, Unit

BATCH = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--since", type=_time, metavar="ISO", help="rows received, filed or invited at or after this time (UTC)")


def run(arguments: argparse.Namespace) -> int:
    beside.prepare()
    with reading() as session:
        for row in WHAT[arguments.what](session, arguments.since):
            sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
    sys.stdout.flush()
    return 0


def _time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 2026-11-21T08:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def contacts(session: Session, since: datetime | None = None) -> Iterator[dict[str, Any]]:
    rows = select(Contact.id, Contact.reference, Contact.channel, Contact.received_at, Contact.taken_at, Contact.concluded_at)
    rows = rows.order_by(Contact.received_at, Contact.id)
    if since:
        rows = rows.where(Contact.received_at >= since)
    for batch in _batches(session, rows):
        ids = [row.id for row in batch]
        arrivals = _grouped(session, _arrivals(ids)) | _grouped(session, _calls(ids))
        cases = _grouped(session, select(Case.contact_id, Case.number).where(Case.contact_id.in_(ids)).order_by(Case.matter))
        for row in batch:
            yield {
                "id": str(row.id),
                "reference": row.reference,
                "channel": row.channel,
                "external_ids": arrivals.get(row.id, []),
                "received_at": _iso(row.received_at),
                "state": _state(row),
                "cases": cases.get(row.id, []),
            }


def _arrivals(ids: Sequence[UUID]) -> Select[*tuple[Any, ...]]:
    return select(Message.contact_id, Message.external_id).where(Message.contact_id.in_(ids), Message.direction == "in")


def _calls(ids: Sequence[UUID]) -> Select[*tuple[Any, ...]]:
    return select(Call.contact_id, Call.linkedid).where(Call.contact_id.in_(ids))


def _state(row: Row[*tuple[Any, ...]]) -> str:
    if row.concluded_at is not None:
        return "concluded"
    return "taken" if row.taken_at is not None else "waiting"


def cases(session: Session, since: datetime | None = None) -> Iterator[dict[str, Any]]:
    rows = (
        select(Case, Contact.reference, Contact.channel, Unit.code)
        .join(Contact, Contact.id == Case.contact_id)
        .outerjoin(Unit, Unit.id == Case.lead_unit_id)
        .order_by(Case.created_at, Case.id)
    )
    if since:
        rows = rows.where(Case.created_at >= since)
    for batch in _batches(session, rows):
        ids = [case.id for case, *_ in batch]
        leading = (Assignment.case_id.in_(ids), Assignment.lead)
        assignments = _grouped(session, select(Assignment.case_id, Assignment.status).where(*leading))
        answers = _grouped(
            session,
            select(Assignment.case_id, Answer.id).join(Answer, Answer.assignment_id == Assignment.id).where(*leading),
        )
        checks = _grouped(session, select(Check.case_id, Check.verdict).where(Check.case_id.in_(ids)))
        for row in batch:
            case = row[0]
            yield _case(*row) | {
                "assignments": assignments.get(case.id, []),  # of the leading units, one a dispatch
                "answers": len(answers.get(case.id, [])),
                "checks": checks.get(case.id, []),
            }


def _case(case: Case, reference: str, channel: str, unit: str | None) -> dict[str, Any]:
    return {
        "id": str(case.id),
        "number": case.number,
        "contact": reference,
        "channel": channel,
        "filed_at": _iso(case.created_at),
        "status": case.status,
        "request_type": case.request_type,
        "category": case.category_code,
        "urgency": case.urgency,
        "unit": unit,
        "grid": case.grid_code,
        "community": case.community_code,
        "township": case.township_code,
        "due_at": _iso(case.due_at),
        "dispatched": case.dispatch_count,
        "reworked": case.rework_count,
        "closure": case.closure,
        "closed_at": _iso(case.closed_at),
    }


def surveys(session: Session, since: datetime | None = None) -> Iterator[dict[str, Any]]:
    rows = select(Survey, Case.number).join(Case, Case.id == Survey.case_id).order_by(Survey.created_at, Survey.id)
    if since:
        rows = rows.where(Survey.created_at >= since)
    for batch in _batches(session, rows):
        surveyed = [survey for survey, _ in batch]
        answers = _answers(session, [survey.id for survey in surveyed])
        scores = _scores(session, [survey.case_id for survey in surveyed])
        for survey, number in batch:
            given = answers.get(survey.id, [])
            answer = given[-1] if given else None
            yield {
                "id": str(survey.id),
                "case": number,
                "round": survey.round,
                "invited_at": _iso(survey.created_at),
                "answered_at": _iso(survey.answered_at),
                "lapsed_at": _iso(survey.lapsed_at),
                "answers": len(given),
                "solved": answer.solved if answer else None,
                "result": answer.result if answer else None,
                "unit": answer.unit if answer else None,
                "scores": scores.get(survey.case_id, {}),
            }


def _answers(session: Session, ids: Sequence[UUID]) -> dict[UUID, list[SurveyAnswer]]:
    """With the corrections, the one that counts last."""
    found: dict[UUID, list[SurveyAnswer]] = {}
    for row in session.scalars(select(SurveyAnswer).where(SurveyAnswer.survey_id.in_(ids)).order_by(SurveyAnswer.created_at)):
        found.setdefault(row.survey_id, []).append(row)
    return found


def _scores(session: Session, ids: Sequence[UUID]) -> dict[UUID, dict[str, float]]:
    found: dict[UUID, dict[str, float]] = {}
    for case_id, indicator, value in session.execute(
        select(Score.case_id, Score.indicator, Score.value).where(Score.case_id.in_(ids))
    ):
        found.setdefault(case_id, {})[indicator] = value
    return found


def _batches(session: Session, rows: Select[*tuple[Any, ...]]) -> Iterator[Sequence[Row[*tuple[Any, ...]]]]:
    """From a cursor at the server where there is one, so that a million rows need no more memory than a thousand.

    The session holds what it has read only as long as somebody else does.
    """
    yield from session.execute(rows, execution_options={"yield_per": BATCH}).partitions()


def _grouped(session: Session, pairs: Select[*tuple[Any, ...]]) -> dict[UUID, list[str]]:
    rows = sorted(session.execute(pairs), key=itemgetter(0))
    return {key: [str(value) for _, value in group] for key, group in groupby(rows, key=itemgetter(0))}


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None


WHAT: dict[str, Callable[[Session, datetime | None], Iterator[dict[str, Any]]]] = {
    "contacts": contacts,
    "cases": cases,
    "surveys": surveys,
}
