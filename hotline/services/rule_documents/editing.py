"""A rule's text against the edition before it, its editions, and a new one put in force."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import NotFound, Outdated
from hotline.services import administration, editions
from hotline.services.access import Me
from hotline.services.editions import Edition
from hotline.services.rule_documents import reading
from hotline.services.rule_documents.kinds import Kind, next_month
from models import Rule

Path = tuple[int | str, ...]


@dataclass(frozen=True)
class Difference:
    part: str
    old: str
    new: str


def newest(session: Session, kind: Kind) -> Rule:
    return editions.current(session, kind.name)


def draft(kind: Kind, body: Mapping[str, Any]) -> str:
    """The text to begin a change with."""
    if kind.in_force is not None:
        body = {**body, "from_month": max(next_month(), body.get("from_month", ""))}
    return written(kind, body)


def written(kind: Kind, body: Mapping[str, Any]) -> str:
    """In the order of the rule, whichever the database keeps."""
    ordered = {name: body[name] for name in kind.model.model_fields if name in body}
    return yaml.safe_dump(ordered, allow_unicode=True, sort_keys=False, width=120)


def check(session: Session, kind: Kind, text: str) -> list[Difference]:
    """What would change; refused if it may not."""
    former = newest(session, kind).body
    return differences(kind, former, _checked(kind, former, text))


def change(session: Session, kind: Kind, text: str, *, seen: int, by: Me) -> Rule:
    """A new edition, if the one that was `seen` is still the newest; the same text again adds none."""
    former = session.scalars(
        select(Rule).where(Rule.kind == kind.name, Rule.current).order_by(Rule.edition.desc()).limit(1).with_for_update()
    ).one()
    if former.edition != seen:
        raise Outdated()
    return administration.new_edition(session, former, _checked(kind, former.body, text), by=by)


def _checked(kind: Kind, former: Mapping[str, Any], text: str) -> dict[str, Any]:
    body = reading.read(text, kind.model, kind.named)
    kind.check(former, body)
    return body


def listed(session: Session, kind: Kind) -> list[Edition]:
    """The latest first; the one that is in force now is marked."""
    number = kind.current(session).edition
    return [replace(each, current=each.number == number) for each in editions.of_kind(session, kind.name)]


def edition(session: Session, kind: Kind, number: int) -> tuple[Rule, list[Difference]]:
    """And what it has otherwise than the one before."""
    rows = session.scalars(
        select(Rule).where(Rule.kind == kind.name, Rule.edition <= number).order_by(Rule.edition.desc()).limit(2)
    ).all()
    if not rows or rows[0].edition != number:
        raise NotFound()
    return rows[0], differences(kind, rows[1].body, rows[0].body) if len(rows) > 1 else []


def differences(kind: Kind, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    before, after = dict(_leaves((), old)), dict(_leaves((), new))
    places = dict.fromkeys([*before, *after])
    changed = [place for place in places if before.get(place) != after.get(place)]
    return [Difference(kind.named(place), before.get(place, "—"), after.get(place, "—")) for place in changed]


def _leaves(place: Path, value: object) -> Iterator[tuple[Path, str]]:
    """Entries that have a code are known by it, wherever in their list they stand."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _leaves((*place, str(key)), each)
    elif isinstance(value, Sequence) and not isinstance(value, str) and any(isinstance(each, Mapping) for each in value):
        for number, each in enumerate(value):
            yield from _leaves((*place, each.get("code", number) if isinstance(each, Mapping) else number), each)
    else:
        yield place, "、".join(map(str, value)) if isinstance(value, list) else str(value)
