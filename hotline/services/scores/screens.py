"""What the pages of scores show, and to whom: the centre sees everything, a unit its own subtree, an agent the own figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import NotAllowed, NotFound
from hotline.services.access import Me
from hotline.services.profiles.profiles import Indicator
from hotline.services.scores import boards
from hotline.services.scores.boards import Board, Line
from hotline.services.scores.facts import WHOLE_CASE
from hotline.services.scores.spans import Span, Stretch
from models import Dimension, Role, ScoreCorrection, ScorePeriod, Staff, Unit
from models.workflow import UNIT_ROLES

SEEN_BY = frozenset({Role.SUPERVISOR, Role.SHIFT_LEADER, Role.ADMINISTRATOR, Role.QUALITY_JUDGE})
OF_AGENTS = frozenset({Role.AGENT, Role.CALLBACK_AGENT})
CONTESTABLE = (WHOLE_CASE, *Indicator)
MONTHS_SHOWN = 6


def may_see_all(me: Me) -> bool:
    return me.has(*SEEN_BY)


def unit(session: Session, me: Me, code: str) -> Unit:
    """A unit that this person may look at; whether there is another one is not told."""
    found = session.scalars(select(Unit).where(Unit.code == code)).one_or_none()
    if found is None or not (may_see_all(me) or _is_own(me, found)):
        raise NotFound()
    return found


def own_unit(session: Session, me: Me) -> Unit | None:
    return session.get(Unit, me.unit_id) if me.unit_id and me.has(*UNIT_ROLES) else None


def _is_own(me: Me, found: Unit) -> bool:
    return bool(me.has(*UNIT_ROLES) and me.unit_path and found.path.startswith(me.unit_path))


def require_number(session: Session, me: Me, dimension: Dimension, key: str) -> None:
    """Who may see a figure may see the cases behind it."""
    if dimension == Dimension.UNIT:
        unit(session, me, key)
    elif dimension == Dimension.AGENT:
        person(session, me, key)
    elif not may_see_all(me):
        raise NotAllowed()


def person(session: Session, me: Me, username: str) -> Staff:
    """Oneself; supervisors see everybody, shift leaders the people of their groups."""
    found = session.scalars(select(Staff).where(Staff.username == username)).one_or_none()
    if found is None or not (found.id == me.staff_id or found.username in _led(session, me, [found])):
        raise NotFound()
    return found


def _led(session: Session, me: Me, people: Sequence[Staff]) -> set[str]:
    """A group is whoever shares a skill with its leader."""
    if me.has(Role.SUPERVISOR, Role.ADMINISTRATOR, Role.QUALITY_JUDGE):
        return {each.username for each in people}
    if not me.has(Role.SHIFT_LEADER):
        return set()
    skills = set(session.get_one(Staff, me.staff_id).skills)
    return {each.username for each in people if skills & set(each.skills)}


def agents(session: Session, me: Me, stretch: Stretch) -> Board:
    """The board of those that this person leads."""
    board = boards.board(session, Dimension.AGENT, stretch)
    people = session.scalars(select(Staff).where(Staff.username.in_([line.key for line in board.lines]))).all()
    seen = _led(session, me, people) | {me.username}
    lines = [line for line in board.lines if line.key in seen]
    return Board(board.dimension, stretch, board.rule, board.weights, board.period, lines, board.city)


@dataclass(frozen=True)
class UnitPage:
    unit: Unit
    board: Board  # of its group: the place is told, other units' figures are not shown to it
    line: Line | None
    of: int
    months: Sequence[tuple[Stretch, Line | None]]
    corrections: Sequence[tuple[ScoreCorrection, date]]


def unit_page(session: Session, me: Me, code: str, stretch: Stretch) -> UnitPage:
    found = unit(session, me, code)
    head = boards.head_of(session, stretch)
    group = head.rule.group_of(found.kind)
    board = boards.board(session, Dimension.UNIT, stretch, group=group.code if group else "")
    of = sum(1 for line in board.lines if line.place is not None)
    month = Stretch.around(Span.MONTH, stretch.since)
    months = [month]
    while len(months) < MONTHS_SHOWN:
        months.append(months[-1].before())
    lines = boards.months_of(session, Dimension.UNIT, code, months)
    shown = [(each, lines.get(each.first)) for each in months]
    return UnitPage(found, board, board.line(code), of, shown, _corrections(session, found.id))


def _corrections(session: Session, unit_id: UUID) -> Sequence[tuple[ScoreCorrection, date]]:
    rows = session.execute(
        select(ScoreCorrection, ScorePeriod.starts_on)
        .join(ScorePeriod, ScorePeriod.id == ScoreCorrection.period_id)
        .where(ScoreCorrection.unit_id == unit_id)
        .order_by(ScoreCorrection.created_at.desc())
        .limit(50)
    )
    return [(correction, month) for correction, month in rows]
