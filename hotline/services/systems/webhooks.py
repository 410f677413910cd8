"""Webhooks as administrators keep them: where a system is told, of what, with which secret; paused, tried, told again."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotFound, WrongState
from hotline.events import WebhookDue
from hotline.services import access
from hotline.services.access import Me
from hotline.services.outbox import emit
from hotline.services.systems import accounts
from models import Told, Topic, Webhook, WebhookDelivery, now

OVERLAP = timedelta(days=7)
TEST = "test"


@dataclass(frozen=True)
class Form:
    url: str
    topics: Sequence[Topic]


def add(session: Session, system_id: UUID, form: Form, *, by: Me) -> tuple[Webhook, str]:
    """And its secret, which is shown now and never again."""
    system = accounts.find(session, system_id)
    secret = secrets.token_urlsafe(32)
    hook = Webhook(system_id=system.id, url="", topics=[], secret=secret)
    _fill(hook, form)
    session.add(hook)
    session.flush()
    _note(session, hook, "webhook added", by)
    return hook, secret


def change(session: Session, hook_id: UUID, form: Form, *, by: Me) -> Webhook:
    hook = held(session, hook_id)
    _fill(hook, form)
    _note(session, hook, "webhook changed", by)
    return hook


def _fill(hook: Webhook, form: Form) -> None:
    try:
        parts = urlsplit(form.url.strip())
        fits = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits or parts.username or parts.fragment or len(form.url) > 500:
        raise Invalid("The address begins with https:// and holds no user name.", field="url")
    if not form.topics:
        raise Invalid("Please choose what the system is told.", field="topics")
    hook.url = form.url.strip()
    hook.topics = [topic.value for topic in Topic if topic in form.topics]


def new_secret(session: Session, hook_id: UUID, *, by: Me) -> str:
    """For a week both sign, so that the unit can change over in peace."""
    hook = held(session, hook_id)
    secret = secrets.token_urlsafe(32)
    hook.former_secret, hook.former_until, hook.secret = hook.secret, now() + OVERLAP, secret
    _note(session, hook, "webhook secret", by)
    return secret


def pause(session: Session, hook_id: UUID, *, by: Me) -> None:
    """What happens meanwhile waits."""
    hook = held(session, hook_id)
    if hook.paused_at is not None:
        raise WrongState()
    hook.paused_at, hook.pause_reason = now(), ""
    _note(session, hook, "webhook paused", by)


def resume(session: Session, hook_id: UUID, *, by: Me) -> None:
    """What has waited goes out."""
    hook = held(session, hook_id)
    hook.paused_at, hook.pause_reason = None, ""
    _at_once(session, hook)
    _note(session, hook, "webhook resumed", by)


def try_out(session: Session, hook_id: UUID, *, by: Me) -> None:
    """Something to be told that concerns no case."""
    hook = held(session, hook_id)
    session.add(WebhookDelivery(webhook_id=hook.id, kind=TEST, body={}))
    _at_once(session, hook)
    _note(session, hook, "webhook tried", by)


def tell_again(session: Session, delivery_id: UUID, *, by: Me) -> Webhook:
    """Under the same id, so that a system which has it already drops the repeat."""
    delivery = session.get(WebhookDelivery, delivery_id, with_for_update=True)
    if delivery is None:
        raise NotFound()
    hook = held(session, delivery.webhook_id)
    delivery.told, delivery.attempts, delivery.settled_at = Told.WAITING, 0, None
    _at_once(session, hook)
    _note(session, hook, "told again", by)
    return hook


def _at_once(session: Session, hook: Webhook) -> None:
    """A person has mended something: what went wrong before is forgotten."""
    hook.failures, hook.failing_since, hook.next_try_at = 0, None, None
    session.flush()
    emit(session, WebhookDue(hook.id))


def held(session: Session, hook_id: UUID) -> Webhook:
    hook = session.get(Webhook, hook_id, with_for_update=True, populate_existing=True)
    if hook is None:
        raise NotFound()
    return hook


def _note(session: Session, hook: Webhook, what: str, by: Me) -> None:
    access.note_look(session, by, "system", hook.system_id, what, reason=urlsplit(hook.url).hostname or "")
