"""Makers of calls and telephones, by the same facts that the exchange tells."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from hotline.services.telephone import calling
from models import Call, LineKind, PhoneLine, Staff, now
from tests.factories_contacts import make_agent

_extension = count(2001)
NUMBER = "13800138000"


def make_line(session: Session, staff: Staff | None = None, **values: Any) -> PhoneLine:
    """A browser's line that somebody is signed in at."""
    holder = staff or make_agent(session)
    usual = {"extension": str(next(_extension)), "kind": LineKind.BROWSER, "staff_id": holder.id, "signed_in_at": now()}
    line = PhoneLine(**{**usual, "reachable": True, "missed_rings": 0, **values})
    session.add(line)
    session.flush()
    return line


def make_call(
    session: Session,
    *,
    linkedid: str = "",
    number: str = NUMBER,
    at: datetime | None = None,
    facts: Sequence[str] = ("queued",),
    line: PhoneLine | None = None,
    seconds: float = 10,
    **values: Any,
) -> Call:
    """A call that arrived and of which these facts followed, one each `seconds`: queued, rang, answered, agent_left, ended …"""
    linkedid = linkedid or f"test-{uuid4().hex}"
    moment = at or now()
    usual = {"channel_name": f"PJSIP/trunk-{linkedid[-8:]}", "name": "", "called": "12345"}
    call = calling.arrived(session, linkedid=linkedid, number=number, at=moment, **{**usual, **values})
    for fact in facts:
        moment += timedelta(seconds=seconds)
        tell(session, linkedid, fact, at=moment, line=line)
    session.flush()
    return call


def tell(session: Session, linkedid: str, fact: str, *, at: datetime, line: PhoneLine | None = None) -> None:
    extension = line.extension if line else ""
    leg = {"extension": extension, "unique_id": f"{linkedid}-{extension}"}
    more: dict[str, dict[str, Any]] = {
        "queued": {"queue": "main"},
        "rang": {**leg, "channel_name": f"PJSIP/{extension}-1"},
        "not_answered": leg,
        "answered": leg,
        "agent_left": leg,
        "held": {"extension": extension},
        "resumed": {"extension": extension},
        "wants_callback": {"position": 2},
    }
    getattr(calling, fact)(session, linkedid, at=at, **more.get(fact, {}))
