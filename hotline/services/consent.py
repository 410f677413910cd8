"""The text that a citizen agrees to before anything personal is stored, in its current edition."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import Rule


@dataclass(frozen=True)
class Consent:
    edition: int
    title: str
    points: tuple[str, ...]


def current(session: Session) -> Consent:
    rule = session.scalars(select(Rule).where(Rule.kind == "text", Rule.code == "consent", Rule.current)).one()
    return Consent(rule.edition, rule.body["title"], tuple(rule.body["points"]))
