"""Step by step until the unit has seen to it: each step of a notice is told once, and what comes together is told together.

The rows of a step, the message or call that tells it and the time of the next step are written in one transaction.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.services import phones
from hotline.services.messages import outgoing
from hotline.services.messages.outgoing import Way
from hotline.services.rosters import calls, notice_rule, notices, on_duty, wording
from hotline.services.rosters.notice_rule import NoticeRule, Step, To
from hotline.services.rosters.on_duty import Person, Roster
from models import ChatGroup, NoticeDelivery, NoticeWay, Unit, UnitNotice, Urgency, now, today

BATCH = 200
SOONEST = timedelta(minutes=1)
GROUP, NOBODY = "group", "nobody"


class Target(NamedTuple):
    """One way to one person; without a person: the unit's group, or nobody at all."""

    way: NoticeWay
    unit_id: UUID
    person: Person | None

    @property
    def party(self) -> str:
        if self.person is not None:
            return self.person.staff_id.hex
        return GROUP if self.way == NoticeWay.CHAT else NOBODY


@dataclass(frozen=True)
class _Look:
    """What is known of the units that are told now, and of those above them."""

    units: Mapping[UUID, Unit]
    by_code: Mapping[str, Unit]
    groups: Mapping[UUID, ChatGroup]
    roster: Roster
    lately: Mapping[tuple[UUID, str], datetime]  # when a party was told last


def tell_due(session: Session) -> int:
    """Whatever is due; returns how many notices were told."""
    rows = session.scalars(
        select(UnitNotice)
        .where(UnitNotice.next_at <= now())
        .order_by(UnitNotice.next_at, UnitNotice.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    calls.drop_settled(session)
    left = sorted(notices.still_open(session, rows), key=lambda notice: notice.unit_id) if rows else []
    if not left:
        return 0
    rule = notice_rule.current(session)
    look = _look(session, {notice.unit_id for notice in left}, rule)
    return sum(_tell_unit(session, look, rule, list(several)) for _, several in groupby(left, lambda notice: notice.unit_id))


def _look(session: Session, unit_ids: Iterable[UUID], rule: NoticeRule) -> _Look:
    own = session.scalars(select(Unit).where(Unit.id.in_(list(unit_ids)))).all()
    codes = {code for unit in own for code in unit.path.split("/") if code}
    units = session.scalars(select(Unit).where(Unit.code.in_(codes))).all()
    ids = [unit.id for unit in units]
    lately = session.execute(
        select(UnitNotice.unit_id, NoticeDelivery.party, func.max(NoticeDelivery.created_at))
        .join(UnitNotice, UnitNotice.id == NoticeDelivery.notice_id)
        .where(UnitNotice.unit_id.in_(ids), NoticeDelivery.created_at > now() - rule.pause)
        .group_by(UnitNotice.unit_id, NoticeDelivery.party)
    )
    return _Look(
        {unit.id: unit for unit in units},
        {unit.code: unit for unit in units},
        {group.unit_id: group for group in session.scalars(select(ChatGroup).where(ChatGroup.unit_id.in_(ids)))},
        on_duty.look(session, ids, today()),
        {(unit_id, party): at for unit_id, party, at in lately},
    )


def _tell_unit(session: Session, look: _Look, rule: NoticeRule, several: Sequence[UnitNotice]) -> int:
    due = [(notice, step) for notice in several if (step := _step_now(rule, notice)) is not None]
    targets = {notice.id: list(_targets(look, notice, step)) for notice, step in due}
    until = _paused_until(look, rule, [notice for notice, _ in due], targets)
    if until is not None:
        for notice, _ in due:
            notice.next_at = until
        return 0
    bundles: dict[Target, list[UnitNotice]] = {}
    for notice, _ in due:
        for target in targets[notice.id]:
            bundles.setdefault(target, []).append(notice)
    for target, bundled in bundles.items():
        _tell(session, look, target, bundled)
    for notice, step in due:
        _plan_next(rule, notice, step)
    return len(due)


def _step_now(rule: NoticeRule, notice: UnitNotice) -> Step | None:
    """None if there is none any more, or it waits for the morning."""
    steps = rule.steps[notice.occasion]
    if notice.step >= len(steps):
        notice.next_at = None
        return None
    step = steps[notice.step]
    morning = rule.silent_until(now(), notice.urgency, step.by)
    if morning is not None:
        notice.next_at = morning
        return None
    return step


def _targets(look: _Look, notice: UnitNotice, step: Step) -> Iterator[Target]:
    """Of the unit; if nobody there can be reached, of the next one above it."""
    for unit in _upwards(look, notice.unit_id):
        line = look.roster.line(unit.id, now())
        found = [target for way in step.by for target in _by(look, unit, line, way, step.to)]
        if found:
            yield from found
            return
    yield Target(NoticeWay.NOBODY, notice.unit_id, None)


def _upwards(look: _Look, unit_id: UUID) -> Iterator[Unit]:
    codes = [code for code in look.units[unit_id].path.split("/") if code]
    yield from (look.by_code[code] for code in reversed(codes) if code in look.by_code)


def _by(look: _Look, unit: Unit, line: Sequence[Person], way: NoticeWay, to: To) -> Iterator[Target]:
    if way == NoticeWay.CHAT:
        if unit.id in look.groups:
            yield Target(way, unit.id, None)
        return
    able = [person for person in line if _is_able(person, way)]
    if able:
        yield Target(way, unit.id, able[1] if to == To.DEPUTY and len(able) > 1 else able[0])


def _is_able(person: Person, way: NoticeWay) -> bool:
    if way == NoticeWay.EMAIL:
        return bool(person.email)
    if way == NoticeWay.CALL:  # whoever has no code could only listen
        return bool(person.number) and person.may_sign
    return bool(person.number) and phones.takes_texts(person.number or "")


def _paused_until(
    look: _Look, rule: NoticeRule, due: Sequence[UnitNotice], targets: Mapping[UUID, Sequence[Target]]
) -> datetime | None:
    """Whoever was told just now is left in peace for a while. An emergency breaks that for all that is due with it."""
    if any(notice.urgency == Urgency.EMERGENCY for notice in due):
        return None
    parties = {target.party for notice in due for target in targets[notice.id]}
    told = [at for (_, party), at in look.lately.items() if party in parties - {GROUP, NOBODY}]
    own = [at for (unit_id, party), at in look.lately.items() if party == GROUP and unit_id == due[0].unit_id] if due else []
    until = max((*told, *own), default=None)
    return until + rule.pause if until is not None else None


def _tell(session: Session, look: _Look, target: Target, bundled: Sequence[UnitNotice]) -> None:
    outgoing_id = callback_id = None
    if target.way == NoticeWay.CALL and target.person is not None:
        callback_id = calls.owe(session, target.person, bundled)
    elif target.way != NoticeWay.NOBODY:
        outgoing_id = _write(session, look, target, bundled)
    session.add_all(
        NoticeDelivery(
            notice_id=notice.id,
            step=notice.step,
            way=target.way,
            party=target.party,
            staff_id=target.person.staff_id if target.person else None,
            outgoing_id=outgoing_id,
            callback_id=callback_id,
        )
        for notice in bundled
    )
    session.flush()


def _write(session: Session, look: _Look, target: Target, bundled: Sequence[UnitNotice]) -> UUID:
    channel = wording.SMS if target.way == NoticeWay.SMS else wording.EMAIL
    filled = wording.values(session, look.units[bundled[0].unit_id], bundled, channel=channel)
    text = wording.text(session, filled, channel=channel)
    way, values = _way(look, target), dict(filled)
    if target.way == NoticeWay.CHAT and (secret := look.groups[target.unit_id].secret):
        values["secret"] = secret
    first = bundled[0]
    key = f"unit:{first.id.hex}:{first.step}:{target.way}:{target.party}"
    return outgoing.to_colleague(session, way, text=text, purpose=wording.PURPOSE, values=values, key=key).id


def _way(look: _Look, target: Target) -> Way:
    if target.person is None:
        group = look.groups[target.unit_id]
        return Way(target.way, group.url, group.kind)
    recipient = target.person.email if target.way == NoticeWay.EMAIL else target.person.number
    return Way(target.way, recipient or "")


def _plan_next(rule: NoticeRule, notice: UnitNotice, step: Step) -> None:
    """As long after this step as the rule has it, also where this one was late."""
    steps = rule.steps[notice.occasion]
    notice.step += 1
    if notice.step >= len(steps):
        notice.next_at = None
        return
    span = max(notice.due_at - notice.created_at, timedelta())
    notice.next_at = now() + max((steps[notice.step].after - step.after) * span, SOONEST)
