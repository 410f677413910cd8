"""批示件: a leader has said what is to be done about a case; everybody who works on it reads who and what."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotAllowed
from hotline.services import notes
from hotline.services.actors import Actor
from hotline.services.holding import hold
from models import Action, Case, Mark, MarkKind, Role

ENTERED_BY = frozenset({Role.AGENT, Role.DISPATCHER, Role.SHIFT_LEADER, Role.SUPERVISOR})


def enter(session: Session, case: Case, *, who: str, what: str, by: Actor, key: str) -> Mark:
    if not by.roles & ENTERED_BY:
        raise NotAllowed()
    case, done = hold(session, case, key=key)
    if done is not None:
        of_case = select(Mark).where(Mark.case_id == case.id, Mark.kind == MarkKind.INSTRUCTION)
        return session.scalars(of_case.order_by(Mark.created_at.desc()).limit(1)).one()
    who, what = who.strip()[:64], what.strip()
    if not who:
        raise Invalid("Please name the leader.", field="who")
    if not what:
        raise Invalid("Please write what the leader said.", field="what")
    mark = Mark(case_id=case.id, kind=MarkKind.INSTRUCTION, party=who, basis=what, by_id=by.staff_id)
    session.add(mark)
    notes.add(session, case, Action.MARK, by=by, key=key, text=f"instruction: {who}：{what}")
    session.flush()
    return mark
