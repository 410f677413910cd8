"""Outgoing messages as staff see them: what needs a decision, or all of one channel and state. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session, aliased

from hotline.services.administration import UNSETTLED
from hotline.services.messages import reasons, segments, texting_rule, texts
from hotline.services.messages.delivery import TRY_TAKES
from hotline.services.messages.texting_rule import TextingRule
from models import Case, Delivery, OutgoingMessage, Rule, now

MOST = 100
# What is due is sent within seconds; for longer it waits only if something is amiss.
SURELY_LATE = timedelta(minutes=1)


@dataclass(frozen=True)
class Line:
    message: OutgoingMessage
    number: str
    instead: OutgoingMessage | None

    @property
    def may_decide(self) -> bool:
        return self.message.delivery in UNSETTLED and self.instead is None

    @property
    def reason(self) -> str:
        return reasons.in_words(self.message.last_error or "")


def outgoing(session: Session, *, channel: str = "", state: str = "") -> Sequence[Line]:
    """Without a state: what did not go out, or nobody knows whether, and was not sent another way."""
    other = aliased(OutgoingMessage)
    query = (
        select(OutgoingMessage, Case.number, other)
        .outerjoin(Case, Case.id == OutgoingMessage.case_id)
        .outerjoin(other, other.instead_of_id == OutgoingMessage.id)
    )
    if channel:
        query = query.where(OutgoingMessage.channel == channel)
    wanted = OutgoingMessage.delivery == state if state else and_(other.id.is_(None), _needs_a_person())
    rows = session.execute(query.where(wanted).order_by(OutgoingMessage.created_at.desc()).limit(MOST))
    return [Line(message, number or "", instead) for message, number, instead in rows]


def _needs_a_person() -> ColumnElement[bool]:
    at = now()
    return or_(
        OutgoingMessage.delivery.in_((Delivery.REFUSED, Delivery.UNKNOWN)),
        and_(OutgoingMessage.delivery == Delivery.WAITING, OutgoingMessage.ready_at < at - SURELY_LATE),
        and_(OutgoingMessage.delivery == Delivery.SENDING, OutgoingMessage.tried_at < at - TRY_TAKES),
    )


@dataclass(frozen=True)
class Preview:
    text: str
    segments: int


@dataclass(frozen=True)
class TextsView:
    texting: TextingRule
    texting_edition: int
    wording: texts.Texts
    texts_edition: int
    # Those of one kind together, by what they are for.
    groups: Mapping[str, Mapping[str, texts.Occasion]]

    def preview(self, text: str) -> Preview:
        return preview(text)


def preview(text: str) -> Preview:
    """With example values; variables that are not known stand as they are."""
    shown = texts.fill(text, texts.EXAMPLES)
    return Preview(shown, segments.count(shown, in_china=True).parts)


def texts_view(session: Session) -> TextsView:
    kinds = (texts.KIND, texting_rule.KIND)
    current = select(Rule.kind, Rule.edition).where(Rule.kind.in_(kinds), Rule.current)
    editions = {kind: edition for kind, edition in session.execute(current)}
    return TextsView(
        texting_rule.current(session),
        editions.get(texting_rule.KIND, 0),
        texts.current(session),
        editions.get(texts.KIND, 0),
        {"conversing": texts.CONVERSING, "of_cases": texts.OF_CASES, "to_units": texts.TO_UNITS},
    )
