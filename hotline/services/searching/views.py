"""Searches that people keep under a name, for themselves or for a role; one's own may open first."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotAllowed, NotFound
from hotline.services import core
from hotline.services.access import Me
from hotline.services.searching.asking import Query
from models import Role, SavedView, now

MOST_OWN, MOST_SHOWN = 20, 30
LONGEST_NAME = 40
# Who may put a view before everybody of a role.
SHARES = frozenset({Role.SHIFT_LEADER, Role.DISPATCHER, Role.SUPERVISOR})


@dataclass(frozen=True)
class View:
    id: UUID
    name: str
    query: Query
    own: bool
    shared_with: Role | None
    opens_first: bool


def views(session: Session, me: Me) -> list[View]:
    """One's own, then those shared with one's roles."""
    mine = SavedView.owner_id == me.staff_id
    rows = session.scalars(
        select(SavedView)
        .where(or_(mine, SavedView.shared_with.in_(sorted(me.roles))))
        .order_by(mine.desc(), SavedView.name)
        .limit(MOST_SHOWN)
    )
    return [
        View(row.id, row.name, Query.of(row.query), own, row.shared_with, own and row.opens_first)
        for row in rows
        for own in [row.owner_id == me.staff_id]
    ]


def keep(session: Session, me: Me, name: str, query: Query, *, shared_with: Role | None, opens_first: bool) -> None:
    """Under a name of one's own that is there already, the view is changed."""
    if not name.strip() or len(name) > LONGEST_NAME:
        raise Invalid("Please give the view a name of at most {most} characters.", field="name", most=LONGEST_NAME)
    if shared_with is not None and not me.has(*SHARES):
        raise NotAllowed()
    own = [view.name for view in views(session, me) if view.own]
    if name not in own and len(own) >= MOST_OWN:
        raise Invalid("You have {most} views. Please delete one first.", field="name", most=MOST_OWN)
    if opens_first:
        session.execute(update(SavedView).where(SavedView.owner_id == me.staff_id).values(opens_first=False))
    values = {"query": query.given, "shared_with": shared_with, "opens_first": opens_first}
    unique = {"owner_id": me.staff_id, "name": name}
    made = core.insert_into(session, SavedView).values(**core.filled(SavedView, {**unique, **values, "created_at": now()}))
    session.execute(made.on_conflict_do_update(index_elements=list(unique), set_=values))


def delete(session: Session, me: Me, view_id: UUID) -> None:
    found = session.get(SavedView, view_id)
    if found is None or found.owner_id != me.staff_id:
        raise NotFound()
    session.delete(found)


def view(session: Session, me: Me, view_id: UUID) -> View:
    found = next((each for each in views(session, me) if each.id == view_id), None)
    if found is None:
        raise NotFound()
    return found


def first(shown: Sequence[View]) -> View | None:
    """The one that opens where nothing is asked for."""
    return next((view for view in shown if view.opens_first), None)
