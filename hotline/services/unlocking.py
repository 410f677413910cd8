"""Whether the keys of these settings are those that the stored data was written with; what another writes is lost."""

from collections.abc import Iterator
from typing import Any

from cryptography.exceptions import InvalidTag
from sqlalchemy import Column, select
from sqlalchemy.orm import Session

from hotline.services import phones
from models import Base, Contact
from models.privacy import EncryptedText


def misfit(session: Session) -> str:
    """What the keys do not open or do not find again; nothing, if they fit. Looks at the first and last row of each table."""
    try:
        for column in _columns():
            place = f"{column.table.name}.{column.name}"
            _open_ends(session, column)
        place = "contact.number_hash"
        fits = _finds_numbers(session)
    except InvalidTag:
        fits = False
    return "" if fits else place


def _columns() -> Iterator[Column[Any]]:
    """Those that no row leaves empty: their ends are found at once, however many rows there are."""
    for table in Base.metadata.sorted_tables:
        yield from (column for column in table.columns if isinstance(column.type, EncryptedText) and not column.nullable)


def _open_ends(session: Session, column: Column[Any]) -> None:
    """Ids sort by age: the first row tells of the oldest key, the last one of the newest."""
    key = column.table.primary_key.columns.values()[0]
    for order in (key.asc(), key.desc()):
        session.scalar(select(column).order_by(order).limit(1))


def _finds_numbers(session: Session) -> bool:
    """Look-ups and the chain of the history stay with the last key of the list."""
    latest = select(Contact.number, Contact.number_hash).where(Contact.number_hash.is_not(None), Contact.number.is_not(None))
    number, hashed = session.execute(latest.order_by(Contact.received_at.desc()).limit(1)).first() or (None, None)
    return number is None or phones.number_hash(number) == hashed
