"""New editions of when units are told and how, and the groups of their chats; checked before they are in force."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline import words
from hotline.errors import Invalid
from hotline.services import access, administration, editions, filing
from hotline.services.access import Me
from hotline.services.rosters import notice_rule
from hotline.services.rosters.notice_rule import NoticeRule, To
from models import ChatGroup, ChatKind, NoticeOccasion, Rule, Unit, Urgency

MOST_STEPS = 6
LONGEST_URL, LONGEST_SECRET = 500, 128
Typed = Mapping[str, Sequence[str]]


def form_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """A rule's body, or what was typed for one, as the form's fields."""
    clocks = {f"{part}_{end}": str(body[part][end])[:5] for part in ("office", "night") for end in ("from", "to")}
    steps = {occasion: [{**step, "after": _percent(step["after"])} for step in rows] for occasion, rows in body["steps"].items()}
    return {**body, **clocks, "steps": steps}


def _percent(share: float | str) -> str:
    return share if isinstance(share, str) else f"{share * 100:g}"


def body_of(typed: Typed) -> dict[str, Any]:
    """A rule's body of the form's fields; the rule itself says what is right. A step without a time is not meant."""

    def one(name: str) -> str:
        return (typed.get(name) or [""])[0].strip()[:16]

    return {
        "office": {"from": one("office_from"), "to": one("office_to")},
        "night": {"from": one("night_from"), "to": one("night_to")},
        "gather_seconds": one("gather_seconds"),
        "pause_minutes": one("pause_minutes"),
        "at_night": {urgency.value: _ways(typed, f"at_night.{urgency}") for urgency in Urgency},
        "steps": {
            occasion.value: [
                {"after": _share(after), "to": one(f"{place}.to") or To.DUTY.value, "by": _ways(typed, f"{place}.by")}
                for place in (f"steps.{occasion}.{row}" for row in range(MOST_STEPS))
                if (after := one(f"{place}.after"))
            ]
            for occasion in NoticeOccasion
        },
    }


def _ways(typed: Typed, name: str) -> list[str]:
    given = typed.get(name) or ()
    return [way.value for way in notice_rule.WAYS if way in given]


def _share(percent: str) -> float | str:
    try:
        return round(float(percent) / 100, 4)
    except ValueError:
        return percent


def change(session: Session, body: dict[str, Any], *, by: Me) -> Rule:
    try:
        rule = NoticeRule.model_validate(body)
    except ValidationError as refusal:
        first = refusal.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else "steps"
        raise Invalid(
            "{name} is not within what is possible.", field=field, name=words.word(notice_rule.KIND, field)
        ) from refusal
    kept = rule.model_dump(mode="json", by_alias=True)
    return administration.new_edition(session, editions.current(session, notice_rule.KIND), kept, by=by)


def put_group(
    session: Session, unit_code: str, kind: ChatKind, url: str, secret: str, *, hosts: Sequence[str], by: Me
) -> ChatGroup:
    """`hosts` are those that the operator lists; without a secret the former one stays, if the address does."""
    unit = filing.units_of(session, [unit_code])[0]
    parts = urlsplit(url)
    if len(url) > LONGEST_URL or len(secret) > LONGEST_SECRET or parts.username or parts.hostname not in hosts:
        raise Invalid(
            "The address of the robot is on none of the hosts that are listed: {hosts}.", field="url", hosts="、".join(hosts)
        )
    group = session.get(ChatGroup, unit.id)
    if group is None:
        group = ChatGroup(unit_id=unit.id)
        session.add(group)
    kept = group.secret if group.url == url else None
    group.kind, group.url, group.secret = kind, url, secret or kept
    access.note_look(session, by, "unit", unit.id, "chat changed", reason=kind)
    session.flush()
    return group


def drop_group(session: Session, unit_code: str, *, by: Me) -> None:
    unit = filing.units_of(session, [unit_code])[0]
    group = session.get(ChatGroup, unit.id)
    if group is not None:
        session.delete(group)
        access.note_look(session, by, "unit", unit.id, "chat removed")


def groups(session: Session) -> list[tuple[Unit, ChatGroup]]:
    rows = session.execute(select(Unit, ChatGroup).join(ChatGroup, ChatGroup.unit_id == Unit.id).order_by(Unit.code))
    return [(unit, group) for unit, group in rows]
