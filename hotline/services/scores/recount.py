"""Scores and sums computed again from history, and compared with what is stored: the same to the last digit."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.services import core, scoring
from hotline.services.profiles.profiles import Indicator
from hotline.services.scores import books, corrections, facts, sums
from hotline.services.scores import rule as rules
from hotline.services.scores.spans import DAY, Span, Stretch, day_of, later
from models import Call, Case, PeriodFigure, Score, ScoreOmission, ScorePeriod, ScoreSum, now
from models.base import FIRST_DATED

BATCH = 200
Key = tuple[str, UUID]
DatedKey = tuple[str, UUID, date]
Row = tuple[object, ...]


@dataclass(frozen=True)
class Difference:
    what: str
    stored: object
    computed: object

    def __str__(self) -> str:
        return f"{self.what}: stored {self.stored}, computed {self.computed}"


def batches(session: Session) -> Iterator[Sequence[UUID]]:
    """The ids of the cases that are closed, in their order."""
    last: UUID | None = None
    while True:
        query = select(Case.id).where(Case.status.in_(facts.SCORED)).order_by(Case.id).limit(BATCH)
        ids = session.scalars(query.where(Case.id > last) if last else query).all()
        if not ids:
            return
        yield ids
        last = ids[-1]


def compare(session: Session, ids: Sequence[UUID]) -> list[Difference]:
    """What is stored of these cases against what their history says."""
    cases = session.scalars(select(Case).where(Case.id.in_(ids)).order_by(Case.id)).all()
    editions, final = rules.editions(session), books.open_from(session)
    found = facts.of_cases(session, cases, lambda day: rules.of_rule(editions.on(day)))
    standing = _standing(session, ids)
    differences: list[Difference] = []
    for case in (each for each in cases if each.id in found):
        is_final = final is not None and day_of(found[case.id].closed_at) < final
        pair = _of_closed(session, case, found[case.id]) if is_final else _of_open(found[case.id], standing[case.id])
        differences += _of_case(case, *pair)
    return differences


def again(session: Session, ids: Sequence[UUID]) -> None:
    """Put them right; what lies in a closed period gets corrections."""
    scoring.score_cases(session, ids)


def _of_case(case: Case, stored: Mapping[Key, object], computed: Mapping[Key, object]) -> Iterator[Difference]:
    for key in sorted({*stored, *computed}, key=str):
        if stored.get(key) != computed.get(key):
            yield Difference(f"{case.number} {key[0]}", stored.get(key), computed.get(key))


def _of_closed(session: Session, case: Case, found: facts.Facts) -> tuple[dict[Key, object], dict[Key, object]]:
    period = corrections.period_of(session, case)
    by_hand = corrections.settled_by_hand(session, case, period)
    standing = {key: value for key, value in corrections.values_of(session, case, period).items() if key not in by_hand}
    computed = {(str(each.indicator), each.unit_id): each.value for each in found.worth}
    return dict(standing), {key: value for key, value in computed.items() if key not in by_hand}


def _standing(session: Session, ids: Sequence[UUID]) -> Mapping[UUID, Mapping[DatedKey, object]]:
    found: dict[UUID, dict[DatedKey, object]] = {case_id: {} for case_id in ids}
    for score in session.scalars(select(Score).where(Score.case_id.in_(ids))):
        if score.unit_id is not None:
            key = (score.indicator, score.unit_id, score.scored_on)
            found[score.case_id][key] = (score.value, score.assumed, score.scored_at, score.agent_id)
    for left in session.scalars(select(ScoreOmission).where(ScoreOmission.case_id.in_(ids))):
        found[left.case_id][left.indicator, left.unit_id, left.scored_on] = (left.reason, False, left.scored_at, left.agent_id)
    return found


def _of_open(found: facts.Facts, standing: Mapping[DatedKey, object]) -> tuple[dict[Key, object], dict[Key, object]]:
    day = day_of(found.closed_at)
    said = {each: each.omission if each.value is None else each.value for each in found.worth}
    computed: dict[Key, object] = {
        (str(each.indicator), each.unit_id): (value, each.assumed, found.closed_at, found.agent_id)
        for each, value in said.items()
    }
    return {key[:2]: counts for key, counts in standing.items() if key[2] == day}, computed


def days(session: Session) -> list[date]:
    """From the first case or call to today."""
    dated = ((Case, Case.created_at), (Call, Call.started_at))
    begun = [session.scalar(select(func.min(at)).where(made.id >= FIRST_DATED)) for made, at in dated]
    first = min((day_of(at) for at in begun if at is not None), default=None)
    return sums.days_between(first, day_of(now()) + DAY) if first else []


def compare_sums(session: Session, day: date) -> list[Difference]:
    stored = {row[:3]: row[3:] for row in _rows(session, Span.DAY, day)}
    return _differing(f"{day}", stored, _added(session, day))


def compare_periods(session: Session) -> list[Difference]:
    """The frozen figures against the scores that stand behind them, and against the sums of the month."""
    found: list[Difference] = []
    for period in session.scalars(select(ScorePeriod).order_by(ScorePeriod.starts_on)):
        columns = [getattr(PeriodFigure, name) for name in sums.COLUMNS]
        frozen: dict[Row, Row] = {
            tuple(row)[:3]: tuple(row)[3:] for row in session.execute(select(*columns).where(PeriodFigure.period_id == period.id))
        }
        added: dict[Row, tuple[int, ...]] = {}
        for day in sums.days_between(period.starts_on, later(period.starts_on, 1)):
            for key, counts in _added(session, day).items():
                added[key] = tuple(map(sum, zip(added.get(key, (0, 0, 0, 0)), counts, strict=True)))
        found += _differing(f"closed {period.starts_on:%Y-%m}", _of_cases(frozen), _of_cases(added))
    return found


def _of_cases(figures: dict[Row, Any]) -> dict[Row, Any]:
    """Without what is told of agents' calls and filings."""
    return {key: counts for key, counts in figures.items() if key[2] in set(Indicator)}


def _rows(session: Session, span: Span, first: date) -> list[Row]:
    columns = [getattr(ScoreSum, name) for name in sums.COLUMNS]
    return [tuple(row) for row in session.execute(select(*columns).where(ScoreSum.span == span, ScoreSum.starts_on == first))]


def _added(session: Session, day: date) -> dict[Row, tuple[int, ...]]:
    moments = sums.moments(Stretch.of(Span.DAY, day))
    rows = (row for part in sums.of_scores() for row in core.send(session, part, moments))
    return {tuple(row)[:3]: tuple(map(int, tuple(row)[3:])) for row in rows}


def _differing(what: str, stored: dict[Row, Row], computed: dict[Row, tuple[int, ...]]) -> list[Difference]:
    keys = sorted({*stored, *computed}, key=str)
    return [
        Difference(" ".join([what, *map(str, key)]), stored.get(key), computed.get(key))
        for key in keys
        if stored.get(key) != computed.get(key)
    ]
