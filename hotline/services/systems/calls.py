"""A writing call is done once: its key and what it asked for are kept beside what it did, for two days."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hotline.errors import Invalid
from hotline.services import core
from models import SystemCall, now

KEPT = timedelta(hours=48)
AT_ONCE = 5000


class KeyReused(Invalid):
    code, sentence = "key_reused", "This Idempotency-Key came with another request before."


@dataclass(frozen=True)
class Done:
    answer: str  # JSON
    is_repeat: bool


def once(session: Session, system_id: UUID, key: str, asked: Mapping[str, Any], act: Callable[[], str]) -> Done:
    """The answer of `act`, or of the call that came before with this key; its refusals are not kept, for nothing was done.

    Whoever comes while the first is still at it waits for its end.
    """
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).digest()
    values = {"system_id": system_id, "key": key, "digest": digest}
    is_new = core.insert_once(session, SystemCall, values, unique=("system_id", "key"))
    row = session.scalars(select(SystemCall).where(SystemCall.system_id == system_id, SystemCall.key == key)).one()
    if not is_new:
        if row.digest != digest:
            raise KeyReused(field="Idempotency-Key")
        return Done(row.answer or "", is_repeat=True)
    row.answer = act()
    session.flush()
    return Done(row.answer, is_repeat=False)


def act_key(system_id: UUID, key: str) -> str:
    """The key of the act in a case's history: fits its column, and no other system's key is the same."""
    return "api-" + hashlib.sha256(f"{system_id} {key}".encode()).hexdigest()[:40]


def forget(session: Session) -> int:
    old = session.scalars(select(SystemCall.id).where(SystemCall.created_at < now() - KEPT).limit(AT_ONCE)).all()
    session.execute(delete(SystemCall).where(SystemCall.id.in_(old)))
    return len(old)
