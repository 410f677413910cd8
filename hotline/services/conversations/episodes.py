"""Threads that have gone quiet: an answered one ends by itself, an unanswered one never does."""

from datetime import timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from hotline.services import queueing
from hotline.services.conversations import conversation_rule
from hotline.services.messages.texts import TALKED
from models import Conclusion, Contact, Draft, Message, now

SWEEP = 200


def end_quiet(session: Session) -> int:
    """End what a person has answered and nobody has gone on with; what is being filed is left to its agent. Returns how many."""
    before = now() - timedelta(hours=conversation_rule.current(session).quiet_hours)
    latest = select(func.max(Message.received_at)).where(Message.contact_id == Contact.id).scalar_subquery()
    being_filed = exists().where(Draft.contact_id == Contact.id, Draft.case_id.is_(None))
    quiet = session.scalars(
        select(Contact)
        .where(
            Contact.concluded_at.is_(None),
            Contact.taken_by_id.is_not(None),
            Contact.channel.in_(TALKED),
            Contact.first_answer_at.is_not(None),
            Contact.unanswered_since.is_(None),
            latest < before,
            ~being_filed,
        )
        .order_by(Contact.received_at)
        .limit(SWEEP)
        .with_for_update(skip_locked=True)
    ).all()
    for contact in quiet:
        queueing.conclude(session, contact, Conclusion.LAPSED, by=None)
    return len(quiet)
