"""The telephones on desks: which can register, which are there, and who sits at each. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.services.telephone import lines
from models import LineKind, PhoneLine, Staff


@dataclass(frozen=True)
class DeskPhone:
    extension: str
    has_secret: bool
    reachable: bool
    staff_id: UUID | None
    name: str


def desk_phones(session: Session) -> Sequence[DeskPhone]:
    """One a line that the exchange has, whether or not anybody has used it yet."""
    rows = session.execute(
        select(PhoneLine, Staff.name).outerjoin(Staff, Staff.id == PhoneLine.staff_id).where(PhoneLine.kind == LineKind.DESK)
    )
    known = {
        line.extension: DeskPhone(line.extension, line.digest is not None, line.reachable, line.staff_id, name or "")
        for line, name in rows
    }
    extensions = map(str, lines.pool(LineKind.DESK))
    return [known.get(extension) or DeskPhone(extension, False, False, None, "") for extension in extensions]
