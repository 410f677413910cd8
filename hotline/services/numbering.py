"""Numbers that citizens are given: 990181-20261121-000123 for a contact and its first case, and the query code asked with it."""

import re
import secrets
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Executable, bindparam, func, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import Session

from hotline.services import core
from models import Area, AreaKind, SerialDay, now, privacy
from models.base import CITY_TIME

# No county has this code: an arrival gets a number even while the city's areas are not loaded.
NO_COUNTY = "000000"
CODE_DIGITS = 8
# Such a number as people type it into a search.
REFERENCE = re.compile(r"\d{6}-\d{8}-\d[\d-]*")

_COUNTY = select(Area.code).where(Area.kind == AreaKind.COUNTY).order_by(Area.valid_from.desc()).limit(1).scalar_subquery()
_BEGUN_AT = select(SerialDay.value).where(SerialDay.day == bindparam("today")).scalar_subquery()
_DRAW = select(func.nextval("serial_number"), _BEGUN_AT, _COUNTY)


def next_reference(session: Session) -> str:
    """A number that nobody else gets. The serial begins anew each day of the city; it may have gaps."""
    day = now().astimezone(CITY_TIME).strftime("%Y%m%d")
    serial, county = _counted(session, day) if core.is_sqlite(session) else _drawn(session, day)
    return f"{county or NO_COUNTY}-{day}-{serial:06d}"


def _counted(session: Session, day: str) -> Sequence[Any]:
    """SQLite has one writer at a time: a counter row a day."""
    return core.send(session, _count(), {"day": day, "value": 1})[0]


@cache
def _count() -> Executable:
    serial = core.table(SerialDay)
    counted = sqlite.insert(serial).on_conflict_do_update(index_elements=["day"], set_={"value": serial.c.value + 1})
    return counted.returning(serial.c.value, _COUNTY)


def _drawn(session: Session, day: str) -> tuple[int, str | None]:
    """PostgreSQL: one sequence that nobody waits for, less what it stood at when the day began."""
    while True:
        ((drawn, begun_at, county),) = core.send(session, _DRAW, {"today": day})
        if begun_at is None:
            begun_at = _begin_day(session, day, drawn - 1)
        # Drawn before the number of whoever began the day: the next one is surely after it.
        if drawn > begun_at:
            return drawn - begun_at, county


def _begin_day(session: Session, day: str, value: int) -> int:
    core.insert_once(session, SerialDay, {"day": day, "value": value}, unique=("day",))
    return session.scalars(select(SerialDay.value).where(SerialDay.day == day)).one()


def new_query_code() -> str:
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


def repeatable_query_code(external_id: str) -> str:
    """The same code for the same arrival, so that a form sent twice shows one code twice. `external_id` must be unguessable."""
    drawn = int.from_bytes(privacy.lookup_hash("query-code", external_id)[:8])
    return f"{drawn % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


def code_hash(reference: str, code: str) -> bytes:
    return privacy.lookup_hash("code", f"{reference}\0{code}")
