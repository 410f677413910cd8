"""What the exchange is asked to do, as rows: who may ask for what, and whom a call may reach. `telephony` carries them out."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import phonenumbers
from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotAllowed, RuleBroken, TooMany
from hotline.services import core, phones
from hotline.services.telephone import telephone_rule
from models import (
    Call,
    CallbackTry,
    CallLeg,
    Case,
    CitizenNumber,
    CommandState,
    Contact,
    PhoneLine,
    Role,
    Staff,
    SwitchboardAction,
    SwitchboardCommand,
    now,
)

Value = str | int | bool | None

EMERGENCY = frozenset({"110", "119", "120"})
COUNTRY = "+86"
CALLERS = frozenset({Role.AGENT, Role.CALLBACK_AGENT, Role.SHIFT_LEADER, Role.DISPATCHER, Role.VERIFIER})
LISTENERS = frozenset({Role.SHIFT_LEADER, Role.SUPERVISOR})
CALLS_AN_HOUR = 40

# Somebody waits at a screen for these; what keeps a place in a queue says itself how long.
SOON = timedelta(seconds=10)
RINGING = timedelta(seconds=30)
LONGEST_VALUE = 500
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NUMBER = re.compile(r"\+?\d{2,20}")
_SOUND = re.compile(r"[\w/-]{1,96}", re.ASCII)

NO_LINE = "Sign in to the telephone first."
NO_CALL = "There is no call at your telephone."
BUSY = "Finish the call at your telephone first."
NOT_LISTED = "Only numbers of this contact or case, and listed parties, may be dialled."


_ANY_ASKED = select(SwitchboardCommand.id).where(SwitchboardCommand.state == CommandState.ASKED).limit(1)


class SpyMode(StrEnum):
    LISTEN = "listen"
    WHISPER = "whisper"
    BARGE = "barge"


@dataclass(frozen=True)
class Talk:
    """The call at somebody's telephone, and that telephone's leg of it."""

    call: Call
    leg: CallLeg


def ask(
    session: Session, action: SwitchboardAction, arguments: Mapping[str, Value], *, by: UUID | None, lasting: timedelta
) -> SwitchboardCommand:
    """A new command. Nothing in it may end a line of what is said to the exchange; a `number` has digits only."""
    if any(isinstance(value, str) and (len(value) > LONGEST_VALUE or _CONTROL.search(value)) for value in arguments.values()):
        raise Invalid()
    if "number" in arguments and not _NUMBER.fullmatch(str(arguments["number"])):
        raise Invalid("This is not a telephone number.", field="number")
    command = SwitchboardCommand(action=action, arguments=json.dumps(dict(arguments)), by_id=by, expires_at=now() + lasting)
    session.add(command)
    session.flush()
    return command


def arguments_of(command: SwitchboardCommand) -> dict[str, Value]:
    found: dict[str, Value] = json.loads(command.arguments)
    return found


def due(session: Session) -> Sequence[SwitchboardCommand]:
    """What was asked and not begun, oldest first; those that have expired too, for `start` to drop."""
    if not core.send(session, _ANY_ASKED, {}):  # asked several times a second, and rarely true
        return ()
    return session.scalars(
        select(SwitchboardCommand).where(SwitchboardCommand.state == CommandState.ASKED).order_by(SwitchboardCommand.created_at)
    ).all()


def begun(session: Session) -> Sequence[SwitchboardCommand]:
    """What was begun and has no outcome yet, oldest first."""
    return session.scalars(
        select(SwitchboardCommand).where(SwitchboardCommand.state == CommandState.STARTED).order_by(SwitchboardCommand.created_at)
    ).all()


def start(session: Session, command: SwitchboardCommand) -> bool:
    """Before it is carried out. False if it has expired, or somebody else has begun it."""
    expired = command.expires_at <= now()
    state, settled_at = (CommandState.EXPIRED, now()) if expired else (CommandState.STARTED, None)
    return _move(session, command.id, CommandState.ASKED, state=state, settled_at=settled_at) and not expired


def ask_again(session: Session, command_id: UUID) -> bool:
    """A command that was begun and is known to have left nothing behind. Its id stays, so that a call it places stays one."""
    return _move(session, command_id, CommandState.STARTED, state=CommandState.ASKED, settled_at=None)


def settle(session: Session, command_id: UUID, state: CommandState, result: str = "") -> bool:
    """False if it had its outcome already: the first one counts."""
    return _move(session, command_id, CommandState.STARTED, state=state, result=result[:LONGEST_VALUE], settled_at=now())


def _move(session: Session, command_id: UUID, before: CommandState, **values: object) -> bool:
    statement = update(SwitchboardCommand).where(SwitchboardCommand.id == command_id, SwitchboardCommand.state == before)
    moved = session.execute(statement.values(**values).returning(SwitchboardCommand.id))
    return moved.first() is not None


def forget(session: Session, *, before: datetime) -> int:
    """Commands of long ago, but those that stand for a try to reach somebody."""
    of_try = exists().where(CallbackTry.command_id == SwitchboardCommand.id)
    old = (SwitchboardCommand.created_at < before, SwitchboardCommand.settled_at.is_not(None), ~of_try)
    return len(session.scalars(delete(SwitchboardCommand).where(*old).returning(SwitchboardCommand.id)).all())


def talk_of(session: Session, staff_id: UUID) -> Talk | None:
    """The call that this person is in, as far as the exchange has told."""
    row = session.execute(
        select(Call, CallLeg)
        .join(CallLeg, CallLeg.call_id == Call.id)
        .where(
            CallLeg.staff_id == staff_id, CallLeg.answered_at.is_not(None), CallLeg.ended_at.is_(None), Call.ended_at.is_(None)
        )
        .order_by(CallLeg.answered_at.desc())
        .limit(1)
    ).first()
    return Talk(*row) if row else None


def place_call(
    session: Session, staff: Staff, number: str = "", *, contact: Contact | None = None, case: Case | None = None
) -> SwitchboardCommand:
    """Rings the person's own telephone, then the number; an empty one is the requester's, which the screen need not know.

    Whoever asks has seen contact and case through `access`.
    """
    _require(staff, CALLERS)
    wanted = _allowed(session, number.strip(), contact, case)
    extension = _free_line(session, staff)
    _check_cap(session, staff)
    arguments = {
        "extension": extension,
        "number": dialled(wanted),
        "contact_id": str(contact.id) if contact else None,
        "case_id": str(case.id) if case else None,
    }
    return ask(session, SwitchboardAction.PLACE_CALL, arguments, by=staff.id, lasting=RINGING)


def _allowed(session: Session, number: str, contact: Contact | None, case: Case | None) -> str:
    if number in EMERGENCY:
        raise RuleBroken("110, 119 and 120 are joined to a call, not dialled alone.")
    if number in telephone_rule.current(session).parties:
        return _at_home(number)
    theirs = _numbers_of(session, contact, case)
    wanted = phones.normalise(number) if number else next(iter(theirs), None)
    if wanted is None or wanted not in theirs:
        raise NotAllowed(NOT_LISTED)
    return _at_home(wanted)


def _at_home(number: str) -> str:
    if number.startswith("00") or (number.startswith("+") and not number.startswith(COUNTRY)):
        raise NotAllowed("Numbers abroad are not dialled.")
    return number


def _numbers_of(session: Session, contact: Contact | None, case: Case | None) -> list[str]:
    """The requester's numbers, first the one that this matter came from."""
    written = [case.number_of_requester if case else None, contact.number if contact else None]
    citizens = {row.citizen_id for row in (contact, case) if row is not None and row.citizen_id is not None}
    if citizens:
        written += session.scalars(select(CitizenNumber.number).where(CitizenNumber.citizen_id.in_(citizens)))
    return [number for number in map(phones.normalise, filter(None, written)) if number]


def dialled(number: str) -> str:
    """As the trunk takes it: digits only, without the country, a landline with its 0."""
    if not number.startswith("+"):
        return number
    parsed = phonenumbers.parse(number)
    return re.sub(r"\D", "", phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL))


def _check_cap(session: Session, staff: Staff) -> None:
    outside = (SwitchboardAction.PLACE_CALL, SwitchboardAction.ADD_PARTY)
    placed = session.scalar(
        select(func.count()).where(
            SwitchboardCommand.by_id == staff.id,
            SwitchboardCommand.action.in_(outside),
            SwitchboardCommand.created_at > now() - timedelta(hours=1),
        )
    )
    if (placed or 0) >= CALLS_AN_HOUR:
        raise TooMany("{most} calls an hour may be placed.", most=CALLS_AN_HOUR)


def add_party(session: Session, staff: Staff, number: str) -> SwitchboardCommand:
    """A third one into the call at hand: a listed party, an emergency number among them, or a colleague's line."""
    talk = _talk(session, staff)
    number = number.strip()
    if number not in telephone_rule.current(session).parties and not _is_line(session, number):
        raise NotAllowed(NOT_LISTED)
    if number not in EMERGENCY:
        _check_cap(session, staff)
    arguments = {"channel": talk.call.channel_name, "linkedid": talk.call.linkedid, "number": _at_home(number)}
    return ask(session, SwitchboardAction.ADD_PARTY, arguments, by=staff.id, lasting=RINGING)


def transfer(session: Session, staff: Staff, extension: str) -> SwitchboardCommand:
    """The caller to a colleague's line, without waiting for an answer there."""
    talk = _talk(session, staff)
    if not _is_line(session, extension):
        raise RuleBroken("Nobody is signed in at this line.")
    arguments = {"channel": talk.call.channel_name, "linkedid": talk.call.linkedid, "extension": extension}
    return ask(session, SwitchboardAction.REDIRECT, arguments, by=staff.id, lasting=SOON)


def hang_up(session: Session, staff: Staff) -> SwitchboardCommand:
    """The person's own leg; the caller goes on to what comes after the call."""
    arguments = {"channel": _talk(session, staff).leg.channel_name}
    return ask(session, SwitchboardAction.HANG_UP, arguments, by=staff.id, lasting=SOON)


def mute_recording(session: Session, staff: Staff, *, muted: bool) -> SwitchboardCommand:
    """While a card or ID number is read out nothing of it is recorded."""
    call = _talk(session, staff).call
    arguments: dict[str, Value] = {"channel": call.channel_name, "linkedid": call.linkedid, "muted": muted}
    return ask(session, SwitchboardAction.MUTE_RECORDING, arguments, by=staff.id, lasting=SOON)


def reclaim(session: Session, staff: Staff) -> SwitchboardCommand:
    """The phone page has just started and knows of no call: a call that was at it is held until the page can ring again."""
    arguments = {"extension": _line(session, staff)}
    return ask(session, SwitchboardAction.RECLAIM, arguments, by=staff.id, lasting=SOON)


def spy(session: Session, staff: Staff, agent_id: UUID) -> SwitchboardCommand:
    """Listens to an agent's call from the asker's own telephone; `spy_mode` makes more of it."""
    _require(staff, LISTENERS)
    talk = talk_of(session, agent_id)
    if talk is None or agent_id == staff.id:
        raise RuleBroken("This person is in no call.")
    extension = _free_line(session, staff)
    arguments = {"extension": extension, "channel": talk.leg.channel_name, "linkedid": talk.call.linkedid}
    return ask(session, SwitchboardAction.SPY, arguments, by=staff.id, lasting=RINGING)


def spy_mode(session: Session, staff: Staff, mode: SpyMode) -> SwitchboardCommand:
    _require(staff, LISTENERS)
    spying = session.scalar(
        select(SwitchboardCommand)
        .where(
            SwitchboardCommand.by_id == staff.id,
            SwitchboardCommand.action == SwitchboardAction.SPY,
            SwitchboardCommand.state == CommandState.DONE,
        )
        .order_by(SwitchboardCommand.created_at.desc())
        .limit(1)
    )
    linkedid = arguments_of(spying)["linkedid"] if spying else None
    lasts = exists().where(Call.linkedid == linkedid, Call.ended_at.is_(None))
    if spying is None or not session.scalar(select(lasts)):
        raise RuleBroken("You are listening to no call.")
    arguments = {"spy": str(spying.id), "linkedid": linkedid, "mode": mode.value}
    return ask(session, SwitchboardAction.SPY_MODE, arguments, by=staff.id, lasting=SOON)


def train(session: Session, staff: Staff, *, prompt: str) -> SwitchboardCommand:
    """A simulated caller who says this prompt; it counts nowhere."""
    _require(staff, CALLERS | LISTENERS)
    if not _SOUND.fullmatch(prompt):
        raise Invalid(field="prompt")
    arguments = {"extension": _free_line(session, staff), "prompt": prompt}
    return ask(session, SwitchboardAction.TRAIN, arguments, by=staff.id, lasting=RINGING)


def urge(session: Session, call: Call, *, priority: int) -> SwitchboardCommand:
    """A waiting caller goes ahead of those with less."""
    arguments: dict[str, Value] = {"channel": call.channel_name, "queue": call.queue, "priority": priority}
    return ask(session, SwitchboardAction.URGE, arguments, by=None, lasting=SOON)


def _require(staff: Staff, roles: frozenset[Role]) -> None:
    if not staff.roles & roles:
        raise NotAllowed()


def _talk(session: Session, staff: Staff) -> Talk:
    talk = talk_of(session, staff.id)
    if talk is None:
        raise RuleBroken(NO_CALL)
    return talk


def _free_line(session: Session, staff: Staff) -> str:
    if talk_of(session, staff.id) is not None:
        raise RuleBroken(BUSY)
    return _line(session, staff)


def _line(session: Session, staff: Staff) -> str:
    extension = session.scalar(_LINES.where(PhoneLine.staff_id == staff.id).order_by(PhoneLine.signed_in_at.desc()).limit(1))
    if extension is None:
        raise RuleBroken(NO_LINE)
    return extension


def _is_line(session: Session, extension: str) -> bool:
    return session.scalar(_LINES.where(PhoneLine.extension == extension)) is not None


_LINES = select(PhoneLine.extension).where(PhoneLine.signed_in_at.is_not(None))
