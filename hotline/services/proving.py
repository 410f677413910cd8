"""Whether all history is as it was written: each chain, each state, each day's head. The first that is not is named."""

from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.services import history
from hotline.services.history import DayHead
from models import Case, CaseEvent, EventNote

AT_ONCE = 1000


@dataclass(frozen=True)
class Proof:
    """What was looked at, and what is amiss with the first that does not hold; nothing, if all does."""

    cases: int
    events: int
    days: int
    breach: str = ""


def prove(session: Session, heads: Mapping[date, DayHead]) -> Proof:
    """Reads every event once, in constant memory. `heads` are the lines kept outside the database (`heads.read`)."""
    cases = events = 0
    with closing(_chains(session)) as chains:
        for case, chain in chains:
            cases, events = cases + 1, events + len(chain)
            if breach := _breach_of(case, chain):
                return Proof(cases, events, 0, breach)
    without = session.scalar(
        select(Case.number).where(~select(CaseEvent.id).where(CaseEvent.case_id == Case.id).exists()).limit(1)
    )
    if without is not None:
        return Proof(cases, events, 0, f"case {without}: its whole history is gone")
    for days, (day, kept) in enumerate(sorted(heads.items()), start=1):
        if (found := history.day_head(session, day)) != kept:
            return Proof(cases, events, days, f"{day}: {found.events} events, not the {kept.events} of that day's head")
    return Proof(cases, events, len(heads))


def _chains(session: Session) -> Generator[tuple[Case, list[history.Told]]]:
    """Each case with all its events."""
    rows = session.execute(
        select(CaseEvent, EventNote.text, Case)
        .join(Case, Case.id == CaseEvent.case_id)
        .outerjoin(EventNote, EventNote.event_id == CaseEvent.id)
        .order_by(CaseEvent.case_id, CaseEvent.serial)
        .execution_options(yield_per=AT_ONCE)
    )
    with closing(rows):
        for _, told in groupby(rows, key=_case_of):
            chain = list(told)
            yield chain[0][2], [(event, note) for event, note, _ in chain]


def _case_of(row: tuple[CaseEvent, str | None, Case]) -> UUID:
    return row[0].case_id


def _breach_of(case: Case, chain: list[history.Told]) -> str:
    if (serial := history.first_broken(chain)) is not None:
        return f"case {case.number}: event {serial} was changed, removed or put in"
    own = [event.to_status for event, _ in chain if event.assignment_id is None]
    if not own or own[-1] != case.status:
        return f"case {case.number}: its state is {case.status}, its history ends in {own[-1] if own else 'nothing'}"
    return ""
