"""The order of the queue and whom each place in it suits: expressions made once, over `queue_entry`, on both databases.

Their parameters are `at`, the present in epoch seconds, and those of `person`.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    BindParameter,
    Boolean,
    ColumnElement,
    Float,
    String,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from hotline.services.core import is_sqlite
from hotline.services.queue_rule import VOICE, VOICE_MESSAGE
from models import Contact, Presence, PresenceState, QueueEntry, Staff
from models.staff import CHANNELS


class _Among(FunctionElement[bool]):
    """Whether the column is in a list that is one parameter: the statement's text does not depend on the list's length."""

    inherit_cache = True
    type = Boolean()


@compiles(_Among, "postgresql")
def _among_array(element: _Among, compiler: SQLCompiler, **how: Any) -> str:
    column, words = (compiler.process(each, **how) for each in element.clauses)
    return f"{column} = ANY ({words})"


@compiles(_Among, "sqlite")
def _among_json(element: _Among, compiler: SQLCompiler, **how: Any) -> str:
    column, words = (compiler.process(each, **how) for each in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({words}))"  # noqa: S608 -- rendered by the compiler


def _words(name: str) -> BindParameter[Any]:
    return bindparam(name, type_=ARRAY(String).with_variant(JSON(), "sqlite"))


AT = bindparam("at", type_=Float(53))
IS_TEXT = QueueEntry.channel != VOICE
IS_PAST = QueueEntry.clock_from + QueueEntry.limit_seconds < AT
# How much of its clock a contact has used up; 1 is the limit.
SHARE_USED = (AT - QueueEntry.clock_from) / QueueEntry.limit_seconds
# Urgent first, then by the share of the clock.
ORDER = (QueueEntry.urgency_weight.desc(), SHARE_USED.desc(), QueueEntry.contact_id.asc())
# The same, but text past its clock of the skills in `owed` before calls that are no more urgent.
_OWED_TEXT = case((and_(IS_TEXT, IS_PAST, _Among(QueueEntry.skill, _words("owed"))), 1), else_=0)
ORDER_WITH_OWED = (ORDER[0], _OWED_TEXT.desc(), *ORDER[1:])

# A channel that no account can be kept to is everybody's.
_OF_ALL = and_(*(QueueEntry.channel != each for each in (*CHANNELS, VOICE_MESSAGE)))
# Kept for this person, or for nobody and within what he or she knows.
SUITS = or_(
    QueueEntry.reserved_for_id == bindparam("person"),
    and_(
        QueueEntry.reserved_for_id.is_(None),
        _Among(QueueEntry.skill, _words("skills")),
        _Among(QueueEntry.language, _words("languages")),
        or_(_Among(QueueEntry.channel, _words("channels")), _OF_ALL),
    ),
)


def person(staff: Staff) -> dict[str, Any]:
    # Who answers calls also hears the messages that callers leave.
    channels = [*staff.channels, VOICE_MESSAGE] if VOICE in staff.channels else staff.channels
    known = {"skills": staff.skills, "languages": staff.languages, "channels": channels}
    return {"person": staff.id, "capacity": staff.capacity, **known}


# How many texts the person has open.
OPEN_TEXT = (
    select(func.count())
    .select_from(Contact)
    .where(Contact.taken_by_id == bindparam("person"), Contact.concluded_at.is_(None), Contact.channel != VOICE)
    .scalar_subquery()
)
# No text beyond capacity. Counted with the taking itself: what the seat's lock waited for is counted too.
FITS = bindparam("capacity") > OPEN_TEXT


def owing_text(session: Session, skills: Sequence[str], *, share: float) -> list[str]:
    """Those of `skills` of whose available seats fewer than `share` work on text."""
    on_text = exists().where(Contact.taken_by_id == Presence.staff_id, Contact.concluded_at.is_(None), Contact.channel != VOICE)
    counted = [
        func.coalesce(func.sum(case((condition, 1), else_=0)), 0)
        for skill in skills
        for condition in (_has_skill(session, skill), and_(_has_skill(session, skill), on_text))
    ]
    row = session.execute(
        select(*counted)
        .select_from(Presence)
        .join(Staff, Staff.id == Presence.staff_id)
        .where(Presence.state == PresenceState.AVAILABLE)
    ).one()
    return [skill for skill, seats, busy in zip(skills, row[::2], row[1::2], strict=True) if busy < share * seats]


def _has_skill(session: Session, skill: str) -> ColumnElement[bool]:
    if is_sqlite(session):
        each = func.json_each(Staff.skills).table_valued("value")
        return exists().select_from(each).where(each.c.value == skill)
    return cast(Staff.skills, JSONB).contains([skill])
