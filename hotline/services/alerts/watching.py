"""The watch over the city: what holds now is raised once, what holds no longer is cleared. Safe to run twice, and at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.events import AlertCleared, AlertRaised
from hotline.services import core, reading_calls
from hotline.services.alerts import clusters, stuck
from hotline.services.alerts import rule as rules
from hotline.services.alerts.rule import AlertRule, RateRule
from hotline.services.outbox import emit
from hotline.settings import get_settings
from models import Alert, AlertKind, ExchangeState, new_id, now

_OPEN = text("cleared_at IS NULL")


@dataclass(frozen=True)
class Finding:
    kind: AlertKind
    subject: str
    facts: dict[str, Any]


Key = tuple[AlertKind, str]
Open = Mapping[Key, Alert]
Found = Mapping[Key, Finding]


def sweep(database: Database) -> int:
    """How many were raised or cleared. It is looked around outside of any transaction that writes."""
    with database.reading() as session:
        found = look(session)
        if {key: alert.facts for key, alert in _open(session).items()} == {key: each.facts for key, each in found.items()}:
            return 0
    with database.repeatable() as session:
        return settle(session, found)


def look(session: Session) -> Found:
    """What is worth an alarm now."""
    return {(each.kind, each.subject): each for each in _found(session, rules.current(session), now(), _open(session))}


def settle(session: Session, found: Found) -> int:
    """How many were raised or cleared; those that go on keep their newest facts."""
    open_ones = _open(session, lock=True)
    changes = sum(_raise(session, finding) for key, finding in found.items() if key not in open_ones)
    for key, alert in open_ones.items():
        if key in found:
            alert.facts = found[key].facts
        else:
            alert.cleared_at = now()
            emit(session, AlertCleared(alert.id))
            changes += 1
    session.flush()
    return changes


def _open(session: Session, *, lock: bool = False) -> Open:
    asked = select(Alert).where(Alert.cleared_at.is_(None))
    return {(alert.kind, alert.subject): alert for alert in session.scalars(asked.with_for_update() if lock else asked)}


def _raise(session: Session, finding: Finding) -> bool:
    """False if another process was faster."""
    values = {"kind": finding.kind, "subject": finding.subject, "facts": finding.facts, "id": new_id(), "created_at": now()}
    insert = core.insert_into(session, Alert).values(values)
    once = insert.on_conflict_do_nothing(index_elements=["kind", "subject"], index_where=_OPEN).returning(Alert.id)
    alert_id = session.scalar(once)
    if alert_id is not None:
        emit(session, AlertRaised(alert_id))
    return alert_id is not None


def _found(session: Session, rule: AlertRule, at: datetime, open_ones: Open) -> Iterator[Finding]:
    going_on = {subject for kind, subject in open_ones if kind == AlertKind.CLUSTER}
    sudden = clusters.find(session, rule.cluster, at, going_on=going_on)
    minutes = int(rule.cluster.within.total_seconds() // 60)
    for each, named in zip(sudden, clusters.names(session, sudden) if sudden else (), strict=True):
        usual = f"{each.usual:.1f}".removesuffix(".0")
        facts = {**named, "count": each.count, "usual": usual, "minutes": minutes, "township": each.township}
        yield Finding(AlertKind.CLUSTER, each.subject, facts)
    for unit in stuck.find(session, rule.stuck, at):
        facts = {"unit": unit.unit, "code": unit.code, "overdue": unit.overdue, "since": unit.since.isoformat()}
        yield Finding(AlertKind.STUCK, unit.code, facts)
    if get_settings().telephony == "on":
        yield from _of_telephony(session, rule, at, open_ones)


def _of_telephony(session: Session, rule: AlertRule, at: datetime, open_ones: Open) -> Iterator[Finding]:
    exchange = session.get(ExchangeState, 1)
    # Before it was first seen there is nothing that could have gone away.
    seen = None if exchange is None else exchange.seen_at if exchange.connected else min(exchange.since, exchange.seen_at)
    if seen is not None and at - seen > rule.telephony.silent:
        yield Finding(AlertKind.TELEPHONY, "", {"since": seen.isoformat()})
    calls = reading_calls.call_figures(session)
    rates = {
        AlertKind.CONNECTION: (rule.connection, calls.answered_24h, calls.asked_24h),
        AlertKind.PROMPT: (rule.prompt, calls.soon_today, calls.answered_today + calls.abandoned_today),
    }
    for kind, (bar, kept, of) in rates.items():
        margin = rule.margin if (kind, "") in open_ones else 0.0
        if _is_below(bar, kept, of, margin):
            yield Finding(kind, "", {"kept": kept, "of": of, "percent": f"{100 * kept / of:.1f}", "bar": f"{100 * bar.bar:g}"})


def _is_below(bar: RateRule, kept: int, of: int, margin: float) -> bool:
    return of >= bar.least and kept / of < bar.bar + margin
