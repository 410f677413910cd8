"""What systems are told on its way: taken for a try, settled by what they answered. The call lies between the two.

A webhook is called for one thing after the other, oldest first. While it fails nothing else is tried: later each time.
"""

import json
import logging
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import delete, exists, or_, select
from sqlalchemy.orm import Session

from hotline import words
from hotline.events import WebhookDue
from hotline.ports import Post, Posted
from hotline.services.outbox import emit
from hotline.signatures.generic import SIGNATURE, TIMESTAMP, signed
from models import Staff, System, Told, Webhook, WebhookDelivery, now

log = logging.getLogger(__name__)

# Longer than any call takes.
CALL_TAKES = timedelta(minutes=1)
FIRST_AGAIN, LAST_AGAIN = timedelta(seconds=10), timedelta(hours=1)
# A webhook that has failed all this time is paused until a person has looked.
PATIENCE = timedelta(hours=24)
# A system that lives and refuses one thing so often is told the next.
MOST_REFUSALS = 8
KEPT = timedelta(days=30)
AT_ONCE = 5000
DELIVERY = "x-hotline-delivery"
# Says nothing of the thing that was told, but of the way to it.
OF_THE_WAY = frozenset({401, 403, 404, 407, 408, 425, 429})


@dataclass(frozen=True)
class Taken:
    delivery_id: UUID
    post: Post


def take(session: Session, hook_id: UUID) -> Taken | None:
    """The oldest thing that this webhook has not been told; None where there is none, or it is not its time."""
    hook = session.get(Webhook, hook_id, with_for_update=True, populate_existing=True)
    if hook is None or not _is_its_time(session, hook):
        return None
    waiting = (WebhookDelivery.webhook_id == hook.id, WebhookDelivery.told == Told.WAITING)
    in_order = (WebhookDelivery.created_at, WebhookDelivery.id)
    delivery = session.scalars(select(WebhookDelivery).where(*waiting).order_by(*in_order).limit(1)).first()
    if delivery is None:
        return None
    at = now()
    hook.busy_until = at + CALL_TAKES
    delivery.attempts += 1
    delivery.tried_at = at
    return Taken(delivery.id, _post(hook, delivery))


def _is_its_time(session: Session, hook: Webhook) -> bool:
    at = now()
    waits = any(until is not None and until > at for until in (hook.busy_until, hook.next_try_at))
    of_system = select(Staff.active).join(System, System.staff_id == Staff.id).where(System.id == hook.system_id)
    return hook.paused_at is None and not waits and bool(session.scalar(of_system))


def _post(hook: Webhook, delivery: WebhookDelivery) -> Post:
    told = delivery.body or {
        "id": str(delivery.id),
        "type": delivery.kind,
        "at": delivery.created_at.isoformat(timespec="seconds"),
    }
    body, at = json.dumps(told).encode(), now()
    secrets = [hook.secret]
    if hook.former_secret and hook.former_until and hook.former_until > at:
        secrets.append(hook.former_secret)
    timestamp = str(int(at.timestamp()))
    headers = {
        "content-type": "application/json",
        TIMESTAMP: timestamp,
        SIGNATURE: ",".join(signed(SecretStr(each), timestamp, body) for each in secrets),
        DELIVERY: str(delivery.id),
    }
    return Post(hook.url, body, headers)


def settle(session: Session, delivery_id: UUID, posted: Posted) -> bool:
    """Note the answer; whether the next one may go out at once."""
    delivery = session.get_one(WebhookDelivery, delivery_id, with_for_update=True)
    hook = session.get_one(Webhook, delivery.webhook_id, with_for_update=True, populate_existing=True)
    hook.busy_until = None
    delivery.answer_code, delivery.milliseconds = posted.status, posted.milliseconds
    delivery.last_error = posted.error[:200]
    if posted.is_success:
        delivery.told, delivery.settled_at = Told.DELIVERED, now()
        hook.failures, hook.failing_since, hook.next_try_at = 0, None, None
        return True
    if _is_unwanted(delivery, posted):
        delivery.told, delivery.settled_at = Told.REFUSED, now()
    _fail(hook, posted)
    return False


def _is_unwanted(delivery: WebhookDelivery, posted: Posted) -> bool:
    status = posted.status or 0
    return 400 <= status < 500 and status not in OF_THE_WAY and delivery.attempts >= MOST_REFUSALS


def _fail(hook: Webhook, posted: Posted) -> None:
    at = now()
    hook.failures += 1
    hook.failing_since = hook.failing_since or at
    hook.next_try_at = at + min(FIRST_AGAIN * 2 ** min(hook.failures - 1, 12), LAST_AGAIN)
    if at - hook.failing_since >= PATIENCE:
        what = posted.error or f"HTTP {posted.status}"
        hook.paused_at = at
        hook.pause_reason = words.say("It has failed for a day: {what}", what=what)[:200]
        log.warning("webhook paused", extra={"webhook": str(hook.id), "reason": what})


def find_due(session: Session) -> int:
    """Wake the webhooks that have something to be told, and whose time has come; returns how many."""
    at = now()
    waiting = exists().where(WebhookDelivery.webhook_id == Webhook.id, WebhookDelivery.told == Told.WAITING)
    free = [or_(until.is_(None), until <= at) for until in (Webhook.next_try_at, Webhook.busy_until)]
    hooks = session.scalars(select(Webhook.id).where(Webhook.paused_at.is_(None), waiting, *free)).all()
    emit(session, *map(WebhookDue, hooks))
    return len(hooks)


def paused(session: Session) -> int:
    """How many the service has paused by itself, for administrators to look at."""
    return len(session.scalars(select(Webhook.id).where(Webhook.paused_at.is_not(None), Webhook.pause_reason != "")).all())


def forget(session: Session) -> int:
    old = session.scalars(select(WebhookDelivery.id).where(WebhookDelivery.settled_at < now() - KEPT).limit(AT_ONCE)).all()
    session.execute(delete(WebhookDelivery).where(WebhookDelivery.id.in_(old)))
    return len(old)
