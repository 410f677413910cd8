"""When an outgoing message may go: what its provider bears, what its reader bears, and in which order."""

import secrets
from datetime import datetime, time, timedelta

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session

from hotline.services import core
from hotline.services.messages import texting_rule
from hotline.services.messages.outgoing import NOTICES, RATE, SMS
from hotline.services.messages.texting_rule import TextingRule
from models import Delivery, GatewayPace, OutgoingMessage, now
from models.base import CITY_TIME

SHORTEST, LONGEST = timedelta(seconds=5), timedelta(minutes=5)
# After a refusal one message finds out whether the provider is back; the others wait for it. Longer than most tries take.
PROBED_FOR = timedelta(seconds=30)
FIRST_AGAIN, LAST_AGAIN = timedelta(seconds=30), timedelta(hours=1)
# Whoever waits for somebody else's message looks again after this long; usually it is woken before.
BEHIND = timedelta(seconds=20)


def wait_until(session: Session, row: OutgoingMessage, gateway: str) -> datetime | None:
    """Until when a message that is due must wait after all; None if it may go through this gateway."""
    at = now()
    if row.ready_at > at:
        return row.ready_at
    is_spared = row.purpose == RATE or (row.channel == SMS and row.purpose in NOTICES)
    if is_spared and (spared := _spared_until(session, row, at)):
        row.ready_at = spared
        return spared
    if _is_behind(session, row, at):
        return at + BEHIND
    return _patient_until(session, row, gateway, at)


def note_busy(session: Session, row: OutgoingMessage, retry_after: timedelta | None) -> datetime:
    """The provider asked for patience, or hangs: when its gateway is tried again. What others send is not held up."""
    at = now()
    values = {"channel": row.channel, "gateway": row.sent_by, "not_before": at, "strikes": 0}
    core.insert_once(session, GatewayPace, values, unique=("channel", "gateway"))
    pace = session.get_one(GatewayPace, (row.channel, row.sent_by), with_for_update=True, populate_existing=True)
    if pace.probe_id == row.id:
        pace.not_before, pace.probe_id = at, None
    if pace.not_before <= at:  # of several that were under way together, one counts
        pace.strikes += 1
    own = min(SHORTEST * 2 ** min(pace.strikes, 10), LONGEST)
    pace.not_before = max(pace.not_before, _scattered(at + (retry_after if retry_after is not None else own), SHORTEST))
    return pace.not_before


def note_well(session: Session, row: OutgoingMessage) -> None:
    """The provider is back. What was under way when it asked for patience says nothing of that."""
    at = now()
    session.execute(
        update(GatewayPace)
        .where(GatewayPace.channel == row.channel, GatewayPace.gateway == row.sent_by, GatewayPace.strikes > 0)
        .where(or_(GatewayPace.probe_id == row.id, GatewayPace.not_before <= at))
        .values(strikes=0, not_before=at, probe_id=None)
        .execution_options(synchronize_session=False)
    )


def pass_on(session: Session, row: OutgoingMessage) -> None:
    """What is wrong with this message says nothing of the provider: the next one finds out."""
    session.execute(
        update(GatewayPace)
        .where(GatewayPace.channel == row.channel, GatewayPace.gateway == row.sent_by, GatewayPace.probe_id == row.id)
        .values(not_before=now(), probe_id=None)
        .execution_options(synchronize_session=False)
    )


def again_at(row: OutgoingMessage) -> datetime:
    """Longer after each try, and not together with all others."""
    pause = min(FIRST_AGAIN * 2 ** min(row.attempts - 1, 10), LAST_AGAIN)
    return _scattered(now() + pause, pause / 4)


def is_hopeless(row: OutgoingMessage, rule: TextingRule) -> bool:
    return row.attempts >= rule.tries or now() - row.ready_at > rule.patience


def next_of(session: Session, row: OutgoingMessage) -> OutgoingMessage | None:
    """Who waits behind a message that has found its end."""
    return session.scalars(
        select(OutgoingMessage)
        .where(
            OutgoingMessage.recipient_hash == row.recipient_hash,
            OutgoingMessage.channel == row.channel,
            OutgoingMessage.delivery == Delivery.WAITING,
            OutgoingMessage.attempts == 0,
            OutgoingMessage.ready_at <= now(),
            or_(
                OutgoingMessage.created_at > row.created_at,
                and_(OutgoingMessage.created_at == row.created_at, OutgoingMessage.id > row.id),
            ),
        )
        .order_by(OutgoingMessage.created_at, OutgoingMessage.id)
        .limit(1)
    ).one_or_none()


def _patient_until(session: Session, row: OutgoingMessage, gateway: str, at: datetime) -> datetime | None:
    key = (row.channel, gateway)
    pace = session.get(GatewayPace, key)
    if pace is None or (pace.strikes == 0 and pace.not_before <= at):
        return None
    pace = session.get_one(GatewayPace, key, with_for_update=True, populate_existing=True)
    if pace.not_before > at:
        return _scattered(pace.not_before, SHORTEST)
    if pace.strikes:
        pace.probe_id, pace.not_before = row.id, at + PROBED_FOR
    return None


def _spared_until(session: Session, row: OutgoingMessage, at: datetime) -> datetime | None:
    rule = texting_rule.current(session)
    if (morning := rule.quiet.end_after(at)) is not None:
        return morning
    midnight = datetime.combine(at.astimezone(CITY_TIME).date(), time(), CITY_TIME)
    sent = session.scalar(
        select(func.count())
        .select_from(OutgoingMessage)
        .where(
            OutgoingMessage.recipient_hash == row.recipient_hash,
            OutgoingMessage.channel == row.channel,
            OutgoingMessage.purpose.in_(NOTICES),
            OutgoingMessage.tried_at >= midnight,
            OutgoingMessage.id != row.id,
        )
    )
    if (sent or 0) < rule.daily_cap:
        return None
    tomorrow = midnight + timedelta(days=1)
    return rule.quiet.end_after(tomorrow) or tomorrow


def _is_behind(session: Session, row: OutgoingMessage, at: datetime) -> bool:
    """Messages reach a person in their order. What a person wrote does not wait for what goes out by itself."""
    under_way = or_(
        OutgoingMessage.delivery == Delivery.SENDING,
        and_(OutgoingMessage.delivery == Delivery.WAITING, or_(OutgoingMessage.attempts > 0, OutgoingMessage.ready_at <= at)),
    )
    earlier = select(OutgoingMessage.id).where(
        OutgoingMessage.recipient_hash == row.recipient_hash,
        OutgoingMessage.channel == row.channel,
        or_(
            OutgoingMessage.created_at < row.created_at,
            and_(OutgoingMessage.created_at == row.created_at, OutgoingMessage.id < row.id),
        ),
        under_way,
    )
    if row.purpose not in NOTICES:
        earlier = earlier.where(OutgoingMessage.purpose.not_in(NOTICES))
    return row.recipient_hash is not None and session.scalar(earlier.limit(1)) is not None


def _scattered(moment: datetime, within: timedelta) -> datetime:
    return moment + within * (secrets.randbelow(1000) / 1000)
