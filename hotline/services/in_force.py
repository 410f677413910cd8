"""City rules and the edition of each that is in force. An edition is never changed, so that a process reads each once."""

from collections.abc import Callable, Mapping
from functools import cached_property
from importlib.resources import files
from typing import Any, Generic, TypeVar
from uuid import UUID

import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.services import core
from models import Rule

T = TypeVar("T")


class InForce(Generic[T]):
    """The rule of one kind; `read` makes of an edition's body what services work with."""

    def __init__(self, kind: str, read: Callable[[Mapping[str, Any]], T]) -> None:
        self._kind, self._read = kind, read
        self._known: dict[UUID, T] = {}
        # Which edition it is, as a column beside others, for callers that count their statements.
        self.column = (
            select(Rule.id)
            .where(Rule.kind == kind, Rule.code == "default", Rule.current)
            .order_by(Rule.edition.desc())
            .limit(1)
            .scalar_subquery()
        )
        self._asked = select(self.column)

    def current(self, session: Session) -> T:
        return self.edition(session, core.send(session, self._asked, {})[0][0])

    def edition(self, session: Session, rule_id: UUID | None) -> T:
        """A database without the rule yet is served by the one that ships."""
        if rule_id is None:
            return self.shipped()
        if rule_id not in self._known:
            self._known[rule_id] = self._read(session.get_one(Rule, rule_id).body)
        return self._known[rule_id]

    def shipped(self) -> T:
        return self._shipped

    @cached_property
    def _shipped(self) -> T:
        return self._read(yaml.safe_load(files("hotline").joinpath(f"reference/{self._kind}.yaml").read_bytes()))
