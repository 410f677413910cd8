"""Calls that we owe: who is rung when, by whom, how often; and what came of each try.

A callback is dialled by one caller at a time: its row is locked, it goes to DIALLING, and the command that places the call has
the try's id. The exchange does the ringing; `switching` carries the commands there.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, exists, func, or_, select, text
from sqlalchemy.orm import Session

from hotline.errors import AlreadyTaken, NotFound, RuleBroken, WrongState
from hotline.services import core, phones, queueing
from hotline.services.telephone import switching, telephone_rule
from hotline.services.telephone.telephone_rule import CallbackRule
from models import (
    Call,
    Callback,
    CallbackReason,
    CallbackState,
    CallbackTry,
    CallEnding,
    Case,
    CommandState,
    Conclusion,
    Contact,
    Rule,
    Staff,
    SwitchboardAction,
    SwitchboardCommand,
    TryOutcome,
)
from models.base import CITY_TIME, UtcTime

MISSED = frozenset({CallbackReason.ABANDONED, CallbackReason.REQUESTED, CallbackReason.INTERRUPTED})
# Dialled without a person's asking. A case's call is placed by whoever works on it.
BY_ITSELF = frozenset({*MISSED, CallbackReason.SURVEY})
# Who answers hears a flow at once; of the citizens' a survey has none of its own name.
FLOWS = {CallbackReason.SURVEY: None, CallbackReason.DUTY: "duty_sign"}
# The citizen's telephone was tried; what failed on our side does not use up a try.
TRIED = frozenset({TryOutcome.BUSY, TryOutcome.NO_ANSWER, TryOutcome.REFUSED, TryOutcome.FAILED})
COMMAND_LASTS = timedelta(seconds=60)
SHOWS_UP_WITHIN = timedelta(minutes=2)
# Spelt out, not bound: only so the databases use the partial index.
_OPEN_MISSED = text("missed AND state IN ('waiting', 'dialling')")
_DOMESTIC = "+86"


def owe(
    session: Session,
    *,
    reason: CallbackReason,
    number: str,
    due_at: datetime,
    contact_id: UUID | None = None,
    case_id: UUID | None = None,
    survey_id: UUID | None = None,
    queue: str = "",
    position: int | None = None,
) -> Callback | None:
    """None for what cannot be rung back: hidden, incomplete or foreign numbers. A missed call is owed once per number."""
    full = phones.normalise(number)
    if full is None or not full.startswith(_DOMESTIC):
        return None
    about: dict[str, Any] = {
        "contact_id": contact_id,
        "case_id": case_id,
        "survey_id": survey_id,
        "position": position,
        "due_at": due_at,
    }
    about["queue"] = queue or next(iter(telephone_rule.current(session).queues))
    if reason in MISSED:
        return _owe_once(session, reason, full, about)
    callback = Callback(reason=reason, missed=False, number=full, number_hash=phones.number_hash(full), **about)
    session.add(callback)
    session.flush()
    return callback


def _owe_once(session: Session, reason: CallbackReason, number: str, about: dict[str, Any]) -> Callback:
    callback = _known(session, about["contact_id"])
    while callback is None:
        callback = _inserted_or_open(session, reason, number, about)
    if reason == CallbackReason.REQUESTED and callback.reason != reason and callback.state == CallbackState.WAITING:
        # A promise that was given just now, with a place in the queue, goes before a call that was only missed.
        callback.reason = reason
        for name, value in about.items():
            setattr(callback, name, value)
    return callback


def _known(session: Session, contact_id: UUID | None) -> Callback | None:
    missed = select(Callback).where(Callback.contact_id == contact_id, Callback.missed).limit(1)
    return None if contact_id is None else session.scalars(missed).one_or_none()


def _inserted_or_open(session: Session, reason: CallbackReason, number: str, about: dict[str, Any]) -> Callback | None:
    """None if the open one was settled between the two looks: then there is room for another."""
    hashed = phones.number_hash(number)
    row = {"reason": reason, "missed": True, "number": number, "number_hash": hashed, **about}
    insert = core.insert_into(session, Callback).values(row)
    session.execute(insert.on_conflict_do_nothing(index_elements=["number_hash"], index_where=_OPEN_MISSED))
    return session.scalars(_open_of(hashed).with_for_update()).one_or_none()


def first_due(session: Session, reason: CallbackReason, at: datetime) -> datetime:
    """Who hung up is given time to ring again; who was promised a call or was cut off is rung as soon as may be."""
    rule = telephone_rule.current(session).callbacks
    if reason == CallbackReason.REQUESTED:
        return at
    wait = rule.pause_after(1) if reason == CallbackReason.ABANDONED else 0
    return next_allowed(rule, at + timedelta(minutes=wait))


def next_allowed(rule: CallbackRule, moment: datetime) -> datetime:
    if rule.allows(moment):
        return moment
    opening = moment.astimezone(CITY_TIME).replace(hour=rule.from_.hour, minute=rule.from_.minute, second=0, microsecond=0)
    if opening < moment:
        opening += timedelta(days=1)
    return opening.astimezone(moment.tzinfo)


def _open_of(number_hash: bytes) -> Select[Callback]:
    return select(Callback).where(Callback.number_hash == number_hash, _OPEN_MISSED)


def drop(session: Session, number_hash: bytes | None, *, at: datetime, unless: UUID | None = None) -> None:
    """The citizen rang again and was answered, in the contact `unless`: nothing is owed for earlier misses any more."""
    if number_hash is None:
        return
    for callback in session.scalars(_open_of(number_hash).with_for_update()).all():
        _recall(session, callback)
        _settle(session, callback, CallbackState.DROPPED, at=at)
        if callback.contact_id != unless:
            _conclude_waiting(session, callback)


def withdraw(session: Session, contact_id: UUID, *, at: datetime) -> None:
    """The call was not missed after all, unless its caller wished for another."""
    mine = (Callback.contact_id == contact_id, Callback.reason == CallbackReason.ABANDONED, _OPEN_MISSED)
    for callback in session.scalars(select(Callback).where(*mine).with_for_update()).all():
        _recall(session, callback)
        _settle(session, callback, CallbackState.DROPPED, at=at)


def remove(session: Session, callback_id: UUID, *, by: Staff, at: datetime) -> Callback:
    """Somebody takes it off the list."""
    callback = _locked(session, callback_id)
    callback.taken_by_id = by.id
    _recall(session, callback)
    _settle(session, callback, CallbackState.DROPPED, at=at)
    _conclude_waiting(session, callback)
    return callback


def forgo(session: Session, callback_id: UUID, *, at: datetime) -> None:
    """It need not be placed any more; a call that is being placed, or runs, is left to end by itself."""
    callback = session.get_one(Callback, callback_id, with_for_update=True, populate_existing=True)
    if callback.state == CallbackState.WAITING:
        _settle(session, callback, CallbackState.DROPPED, at=at)


def _locked(session: Session, callback_id: UUID) -> Callback:
    callback = session.get(Callback, callback_id, with_for_update=True, populate_existing=True)
    if callback is None:
        raise NotFound()
    if not CallbackState(callback.state).is_open:
        raise WrongState("This call is no longer owed.")
    return callback


def _recall(session: Session, callback: Callback) -> None:
    """Take the call that is being placed back, before anybody answers it."""
    placed = select(Call).join(CallbackTry, CallbackTry.call_id == Call.id)
    for call in session.scalars(placed.where(CallbackTry.callback_id == callback.id, Call.ended_at.is_(None))).all():
        _hang_up(session, call)


def _hang_up(session: Session, call: Call) -> None:
    """Of a placeholder the half that waits in the queue: the other one waits for it."""
    channel = call.channel_name.removesuffix(";1") + ";2" if call.channel_name.endswith(";1") else call.channel_name
    switching.ask(session, SwitchboardAction.HANG_UP, {"channel": channel}, by=None, lasting=COMMAND_LASTS)


def _running(callback_id: UUID) -> Select[CallbackTry]:
    return select(CallbackTry).where(CallbackTry.callback_id == callback_id, CallbackTry.ended_at.is_(None))


def _settle(session: Session, callback: Callback, state: CallbackState, *, at: datetime) -> None:
    callback.state, callback.settled_at = state, at
    for attempt in session.scalars(_running(callback.id)):
        attempt.ended_at = at
    session.flush()


def _conclude_waiting(session: Session, callback: Callback) -> None:
    """The contact of somebody who asked to be rung stays open until then; whoever has it in hand keeps it."""
    contact = session.get(Contact, callback.contact_id) if callback.missed and callback.contact_id else None
    if contact is None:
        return
    session.refresh(contact)
    if contact.concluded_at is None and contact.taken_by_id is None:
        queueing.conclude(session, contact, Conclusion.ABANDONED, by=None)


def tries_of(session: Session, callback_ids: Sequence[UUID]) -> dict[UUID, list[TryOutcome]]:
    """What came of the tries so far, the oldest first; only those that rang somewhere."""
    past: dict[UUID, list[TryOutcome]] = {}
    mine = (CallbackTry.callback_id.in_(callback_ids), CallbackTry.outcome.in_(TRIED), CallbackTry.ended_at.is_not(None))
    for attempt in session.scalars(select(CallbackTry).where(*mine).order_by(CallbackTry.started_at)):
        if attempt.outcome is not None:
            past.setdefault(attempt.callback_id, []).append(attempt.outcome)
    return past


def take(session: Session, callback_id: UUID, *, by: Staff, at: datetime) -> SwitchboardCommand:
    """Agent first: the telephone of whoever takes it rings, then the citizen's."""
    callback = _locked(session, callback_id)
    if callback.state == CallbackState.DIALLING:
        raise AlreadyTaken()
    if not telephone_rule.current(session).callbacks.allows(at):
        raise RuleBroken("Citizens may not be rung at this hour.")
    callback.taken_by_id = by.id
    contact = session.get(Contact, callback.contact_id) if callback.contact_id else None
    case = session.get(Case, callback.case_id) if callback.case_id else None
    command = switching.place_call(session, by, callback.number, contact=contact, case=case)
    return _begin(session, callback, command, at=at)


_ANY_DUE = select(
    or_(
        exists().where(Callback.state == CallbackState.WAITING, Callback.due_at <= bindparam("moment", type_=UtcTime)),
        exists().where(CallbackTry.ended_at.is_(None), CallbackTry.call_id.is_(None)),
    ).label("any_due")
)


def is_any_due(session: Session, at: datetime) -> bool:
    """Whether there is anything for `sweep` and `due` to look at: asked each second, and rarely true."""
    return bool(core.send(session, _ANY_DUE, {"moment": at})[0][0])


def due(session: Session, at: datetime) -> list[Callback]:
    """What is to be dialled now, locked until the transaction ends, no more than there are lines.

    Who asked for the call, and has a place in the queue, is rung in turn, whatever the hour: a placeholder takes no line.
    """
    rule = telephone_rule.current(session).callbacks
    # Two diallers that count at once would both see the last free line.
    session.execute(select(Rule.id).where(Rule.kind == telephone_rule.KIND, Rule.current).with_for_update())
    requested = _waiting(session, at, [CallbackReason.REQUESTED], limit=rule.lines * 10)
    promised = [callback for callback in requested if rule.allows(at) or callback.position is not None]
    others = [reason for reason in BY_ITSELF if reason != CallbackReason.REQUESTED]
    dialling = (Callback.state == CallbackState.DIALLING, Callback.reason != CallbackReason.REQUESTED)
    free = rule.lines - (session.scalar(select(func.count()).select_from(Callback).where(*dialling)) or 0)
    on_duty = _waiting(session, at, [CallbackReason.DUTY], limit=max(0, free))
    if not rule.allows(at):
        return [*promised, *on_duty]
    return [*promised, *on_duty, *_waiting(session, at, others, limit=max(0, free - len(on_duty)))]


def _waiting(session: Session, at: datetime, reasons: Sequence[CallbackReason], *, limit: int) -> Sequence[Callback]:
    return session.scalars(
        select(Callback)
        .where(Callback.state == CallbackState.WAITING, Callback.due_at <= at, Callback.reason.in_(reasons))
        .order_by(Callback.due_at, Callback.created_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()


def dial(session: Session, callback: Callback, *, at: datetime) -> SwitchboardCommand:
    """Without a person's asking: a placeholder in the queue, or for a survey the citizen at once. `due` has locked it."""
    action = SwitchboardAction.ASK_CITIZEN if callback.reason in FLOWS else SwitchboardAction.PLACE_CALLBACK
    about = {name: getattr(callback, name) for name in ("contact_id", "case_id", "survey_id")}
    arguments: dict[str, switching.Value] = {
        "number": switching.dialled(callback.number),
        "queue": callback.queue,
        "position": callback.position,
        "callback_id": str(callback.id),
        "flow": FLOWS.get(callback.reason),
        **{name: str(value) for name, value in about.items() if value is not None},
    }
    command = switching.ask(session, action, arguments, by=None, lasting=COMMAND_LASTS)
    return _begin(session, callback, command, at=at)


def _begin(session: Session, callback: Callback, command: SwitchboardCommand, *, at: datetime) -> SwitchboardCommand:
    session.add(CallbackTry(callback_id=callback.id, command_id=command.id, by_id=callback.taken_by_id, started_at=at))
    callback.state = CallbackState.DIALLING
    session.flush()
    return command


def note_placed(session: Session, call: Call, command_id: UUID) -> None:
    attempt = session.scalars(select(CallbackTry).where(CallbackTry.command_id == command_id)).one_or_none()
    if attempt is None:
        return
    attempt.call_id = call.id
    if attempt.ended_at is not None:
        # Taken off the list before the exchange had begun.
        _hang_up(session, call)


def note_outcome(session: Session, call: Call, outcome: TryOutcome) -> None:
    """What the citizen's telephone said; it counts when the call is over. A later word is the better one."""
    attempt = _attempt(session, call)
    if attempt is not None and attempt.ended_at is None:
        attempt.outcome = outcome


def _attempt(session: Session, call: Call) -> CallbackTry | None:
    return session.scalars(select(CallbackTry).where(CallbackTry.call_id == call.id)).one_or_none()


def settle_try(session: Session, call: Call) -> None:
    """The call that was placed is over. Without a word from the citizen's telephone nobody of ours was there to ring it."""
    attempt = _attempt(session, call)
    if attempt is None or attempt.ended_at is not None or call.ended_at is None:
        return
    callback = session.get_one(Callback, attempt.callback_id, with_for_update=True, populate_existing=True)
    outcome = TryOutcome.ANSWERED if call.answered_at is not None else attempt.outcome or TryOutcome.NO_AGENT
    attempt.outcome, attempt.ended_at = outcome, call.ended_at
    session.flush()
    if outcome == TryOutcome.ANSWERED:
        _settle(session, callback, CallbackState.REACHED, at=call.ended_at)
    else:
        again = timedelta(0) if call.ending == CallEnding.INTERRUPTED else None
        _try_again(session, callback, outcome, at=call.ended_at, after=again)


def _try_again(
    session: Session, callback: Callback, outcome: TryOutcome, *, at: datetime, after: timedelta | None = None
) -> None:
    rule = telephone_rule.current(session).callbacks
    tries = len(tries_of(session, [callback.id]).get(callback.id, []))
    is_duty = callback.reason == CallbackReason.DUTY  # the next step rings again, or somebody else
    if tries >= (1 if is_duty else rule.tries):
        _settle(session, callback, CallbackState.GIVEN_UP, at=at)
        _conclude_waiting(session, callback)
        return
    callback.state, callback.taken_by_id = CallbackState.WAITING, None
    if outcome in TRIED:
        callback.position = None
    wait = timedelta(minutes=rule.pause_after(max(1, tries))) if after is None else after
    callback.due_at = at + wait if callback.position is not None or is_duty else next_allowed(rule, at + wait)


def sweep(session: Session, at: datetime) -> int:
    """Tries that never became a call: the command failed, ran out, or its call was never seen. Returns how many."""
    orphans = session.execute(
        select(CallbackTry, SwitchboardCommand.state)
        .join(SwitchboardCommand, SwitchboardCommand.id == CallbackTry.command_id)
        .where(CallbackTry.ended_at.is_(None), CallbackTry.call_id.is_(None))
        .with_for_update(of=CallbackTry, skip_locked=True)
    ).all()
    return sum(_give_back(session, attempt, CommandState(state), at=at) for attempt, state in orphans)


def _give_back(session: Session, attempt: CallbackTry, state: CommandState, *, at: datetime) -> bool:
    is_over = state in (CommandState.FAILED, CommandState.EXPIRED) or attempt.started_at < at - SHOWS_UP_WITHIN
    if not is_over:
        return False
    outcome = TryOutcome.FAILED if state == CommandState.FAILED else TryOutcome.NO_AGENT
    attempt.ended_at, attempt.outcome = at, outcome
    session.flush()
    callback = session.get_one(Callback, attempt.callback_id, with_for_update=True, populate_existing=True)
    if callback.state == CallbackState.DIALLING:
        _try_again(session, callback, outcome, at=at, after=timedelta(minutes=1) if outcome not in TRIED else None)
    return True
