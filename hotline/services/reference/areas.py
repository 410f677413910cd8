"""Who leads in single areas: the rules of the edition in force. They are changed as the categories are."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.services.city import gazetteer
from hotline.services.reference import categories
from hotline.services.reference.categories import Categories
from hotline.services.reference.tree import Duty, Entry
from models import Area


@dataclass(frozen=True)
class Line:
    entry: Entry
    duty: Duty
    place: str


@dataclass(frozen=True)
class Areas:
    view: Categories
    lines: Sequence[Line]
    named: Sequence[tuple[str, str]]  # those to choose from by name; a grid is given by its code


def shown(session: Session) -> Areas:
    view = categories.shown(session)
    places = categories.area_names(session, view.tree)
    lines = [
        Line(entry, duty, places.get(duty.area, duty.area)) for entry in view.tree.values() for duty in entry.duties if duty.area
    ]
    in_force = select(Area.code, Area.name).where(Area.kind.in_(gazetteer.NAMED_AREAS), *gazetteer.valid())
    named = [(code, name) for code, name in session.execute(in_force.order_by(Area.code))]
    return Areas(view, sorted(lines, key=lambda line: (line.duty.area, line.entry.code)), named)
