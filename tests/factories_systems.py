"""Makers of units' systems: with a key, and a webhook where one is wanted."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from hotline.services.access import Me
from hotline.services.systems import accounts, webhooks
from models import Role, Scope, Topic, new_id
from tests.factories import somebody

HOOK = "https://unit.example/hotline"


@dataclass(frozen=True)
class Made:
    id: UUID
    key: str
    staff_id: UUID


def an_administrator(session: Session) -> Me:
    return somebody(session, Role.ADMINISTRATOR)


def make_system(
    session: Session, *, unit: str = "CGJ", scopes: Sequence[Scope] = tuple(Scope), addresses: Sequence[str] = ()
) -> Made:
    by = an_administrator(session)
    system = accounts.add(session, accounts.Form("城管综合平台", scopes, addresses), unit_code=unit, by=by)
    return Made(system.id, accounts.new_key(session, system.id, by=by), system.staff_id)


def make_webhook(session: Session, system: Made, *, url: str = HOOK, topics: Sequence[Topic] = tuple(Topic)) -> tuple[UUID, str]:
    """And its secret."""
    hook, secret = webhooks.add(session, system.id, webhooks.Form(url, topics), by=an_administrator(session))
    return hook.id, secret


def with_key(client: TestClient, key: str) -> TestClient:
    """The unit's program: it keeps no cookies and shows its key."""
    return TestClient(client.app, headers={"Authorization": f"Bearer {key}"})


def once() -> dict[str, str]:
    return {"Idempotency-Key": new_id().hex}
