"""What administrators look at: the systems with their keys, their webhooks, and what each was told. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from hotline.services.systems import accounts
from models import Staff, System, SystemKey, Told, Webhook, WebhookDelivery

MOST_SYSTEMS = 300
MOST_TOLD = 100


@dataclass(frozen=True)
class SystemRow:
    system: System
    used_at: datetime | None
    webhooks: int
    paused: int  # by the service itself

    @property
    def name(self) -> str:
        return self.system.staff.name


@dataclass(frozen=True)
class HookRow:
    hook: Webhook
    waiting: int


@dataclass(frozen=True)
class Opened:
    system: System
    keys: Sequence[SystemKey]
    hooks: Sequence[HookRow]
    told: Sequence[tuple[WebhookDelivery, str]]  # each with the webhook's address


def systems(session: Session) -> Sequence[SystemRow]:
    found = session.scalars(
        select(System).options(joinedload(System.staff).joinedload(Staff.unit)).order_by(System.created_at).limit(MOST_SYSTEMS)
    ).all()
    used = select(SystemKey.system_id, func.max(SystemKey.used_at)).group_by(SystemKey.system_id)
    used_at = {system_id: at for system_id, at in session.execute(used)}
    hooks = session.execute(select(Webhook.system_id, Webhook.pause_reason)).all()
    return [
        SystemRow(
            each,
            used_at.get(each.id),
            webhooks=sum(system_id == each.id for system_id, _ in hooks),
            paused=sum(system_id == each.id and bool(reason) for system_id, reason in hooks),
        )
        for each in found
    ]


def opened(session: Session, system_id: UUID) -> Opened:
    """The latest of what was told; what has not been settled is among it or waits behind it."""
    system = accounts.find(session, system_id)
    hooks = session.scalars(select(Webhook).where(Webhook.system_id == system_id).order_by(Webhook.created_at)).all()
    ids = [hook.id for hook in hooks]
    counted = select(WebhookDelivery.webhook_id, func.count()).where(
        WebhookDelivery.webhook_id.in_(ids), WebhookDelivery.told == Told.WAITING
    )
    waiting = {hook_id: count for hook_id, count in session.execute(counted.group_by(WebhookDelivery.webhook_id))}
    told = session.scalars(
        select(WebhookDelivery)
        .where(WebhookDelivery.webhook_id.in_(ids))
        .order_by(WebhookDelivery.created_at.desc(), WebhookDelivery.id.desc())
        .limit(MOST_TOLD)
    ).all()
    urls = {hook.id: hook.url for hook in hooks}
    return Opened(
        system=system,
        keys=accounts.live_keys(session, system_id),
        hooks=[HookRow(hook, waiting.get(hook.id, 0)) for hook in hooks],
        told=[(each, urls[each.webhook_id]) for each in told],
    )
