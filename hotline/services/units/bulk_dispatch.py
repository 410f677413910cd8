"""Several cases of one kind to one unit in one action: each by its own key and as it was seen, each told how it went."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline import words
from hotline.errors import HotlineError, Invalid, Outdated, RuleBroken, Unavailable
from hotline.services import access, dispatching, reading_centre
from hotline.services.access import Me
from hotline.services.profiles import profiles
from models import Case, Unit

MOST = 30


@dataclass(frozen=True)
class Pick:
    number: str
    key: str
    seen: int


@dataclass(frozen=True)
class Outcome:
    """`refused`: in words, why not; empty where the case went out."""

    number: str
    was_quicker: bool = False
    refused: str = ""


def alike(session: Session, subject: Case) -> Sequence[Case]:
    """What waits for dispatch and is of its category, with the same unit suggested; this one first, then by the clock."""
    waiting = select(Case).where(
        Case.status.in_(reading_centre.STATES[reading_centre.Tab.TO_DISPATCH]),
        Case.category_code == subject.category_code,
        Case.follows_id.is_(None),
    )
    found = session.scalars(waiting.order_by(Case.id != subject.id, Case.due_at, Case.id).limit(MOST * 3)).all()
    leads = _leads(session, subject, found)
    return [each for each in found if leads.get(_area(each)) == leads.get(_area(subject))][:MOST]


def dispatch(session: Session, subject: Case, picks: Sequence[Pick], unit: Unit, *, note: str, by: Me) -> Sequence[Outcome]:
    """What is refused of one case stops none of the others."""
    if not 1 <= len(picks) <= MOST:
        raise Invalid("Please choose 1 to {most} cases.", field="pick", most=MOST)
    # In one order, whoever asks: two at once never wait for each other's locks.
    return [_dispatch(session, subject, pick, unit, note=note, by=by) for pick in sorted(picks, key=lambda each: each.number)]


def _dispatch(session: Session, subject: Case, pick: Pick, unit: Unit, *, note: str, by: Me) -> Outcome:
    try:
        with session.begin_nested():
            case = access.see_case(session, by, pick.number).case
            if case.category_code != subject.category_code:
                raise RuleBroken("Only cases of the same category are dispatched together.")
            dispatching.dispatch(session, case, unit, by=by.actor, key=pick.key, seen=pick.seen, note=note)
    except Unavailable:
        raise
    except Outdated:
        return Outcome(pick.number, was_quicker=True)
    except HotlineError as error:
        return Outcome(pick.number, refused=words.say(error.text, **error.values))
    return Outcome(pick.number)


def _leads(session: Session, subject: Case, found: Sequence[Case]) -> dict[str, str]:
    first = profiles.of(session, subject).first_unit
    return dispatching.leads_for(session, subject.category_code, {_area(each) for each in (subject, *found)}, first=first)


def _area(case: Case) -> str:
    return case.community_code or case.township_code or ""
