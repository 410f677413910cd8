"""Commands to the exchange: each is carried out once or not at all, and nobody reaches a number that is not allowed."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.errors import Invalid, NotAllowed, RuleBroken, TooMany
from hotline.services.telephone import calling, lines, switching
from hotline.services.telephone.switching import SpyMode
from models import (
    Citizen,
    CitizenNumber,
    CommandState,
    Role,
    Staff,
    SwitchboardAction,
    SwitchboardCommand,
    now,
    privacy,
)
from tests.factories import signed_in
from tests.factories_calls import make_call
from tests.factories_contacts import make_agent, make_contact

NUMBER = "+8613800138000"
SOON = timedelta(seconds=10)


def at_line(session: Session, *roles: Role) -> Staff:
    """Somebody at a desk with a telephone."""
    staff = make_agent(session, roles=roles or (Role.AGENT,))
    lines.sign_in(session, signed_in(session, staff))
    return staff


def in_call(session: Session, staff: Staff, *, linkedid: str = "h-1") -> None:
    """The person speaks with a caller."""
    line = lines.line_of(session, staff.id)
    make_call(session, linkedid=linkedid, facts=("queued", "rang", "answered"), line=line)


def ask(session: Session, **arguments: switching.Value) -> SwitchboardCommand:
    return switching.ask(session, SwitchboardAction.HANG_UP, arguments, by=None, lasting=SOON)


def test_commands_are_carried_out_in_order_and_each_once(session: Session, clock: time_machine.Traveller) -> None:
    first = ask(session, channel="a")
    clock.shift(timedelta(milliseconds=1))
    second = ask(session, channel="b")
    assert list(switching.due(session)) == [first, second]

    assert switching.start(session, first)
    assert not switching.start(session, first)
    assert list(switching.due(session)) == [second]
    assert list(switching.begun(session)) == [first]

    assert switching.settle(session, first.id, CommandState.DONE, "well")
    assert not switching.settle(session, first.id, CommandState.FAILED, "too late")
    session.refresh(first)
    assert (first.state, first.result, first.settled_at) == (CommandState.DONE, "well", now())


def test_two_processes_that_see_the_same_command_carry_it_out_once(database: Database) -> None:
    with database.unit_of_work() as session:
        ask(session, channel="a")
    with database.reading() as one, database.reading() as other:
        seen = [*switching.due(one), *switching.due(other)]

    begun = []
    for command in seen:
        with database.unit_of_work() as session:
            begun.append(switching.start(session, command))

    assert begun == [True, False]


def test_what_has_expired_is_dropped(session: Session, clock: time_machine.Traveller) -> None:
    command = ask(session, channel="a")
    clock.shift(SOON)

    assert not switching.start(session, command)

    session.refresh(command)
    assert command.state == CommandState.EXPIRED
    assert list(switching.due(session)) == []


def test_a_command_that_is_asked_again_keeps_its_id(session: Session) -> None:
    command = ask(session, channel="a")
    switching.start(session, command)

    assert switching.ask_again(session, command.id)

    assert [each.id for each in switching.due(session)] == [command.id]


@pytest.mark.parametrize(
    "arguments", [{"channel": "a\r\nAction: Logoff"}, {"channel": "a\x00"}, {"channel": "a" * 501}, {"number": "138,s,1"}]
)
def test_nothing_that_could_be_read_as_another_action_is_asked(session: Session, arguments: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        ask(session, **arguments)


def test_arguments_are_not_readable_in_the_database(session: Session) -> None:
    command = ask(session, number="13800138000")

    stored = session.connection().exec_driver_sql("SELECT arguments FROM switchboard").scalar_one()

    assert b"13800138000" not in bytes(stored)
    assert switching.arguments_of(command) == {"number": "13800138000"}


def test_the_requester_is_rung_without_the_screen_knowing_the_number(session: Session) -> None:
    staff = at_line(session)
    contact = make_contact(session, channel="sms", number=NUMBER)

    command = switching.place_call(session, staff, contact=contact)

    asked = switching.arguments_of(command)
    assert (asked["number"], asked["contact_id"], asked["extension"]) == ("13800138000", str(contact.id), "2001")


@pytest.mark.parametrize("typed", ["138 0013 8000", "+86 13800138000", "13800138000"])
def test_a_number_of_the_contact_may_be_dialled_however_it_is_typed(session: Session, typed: str) -> None:
    contact = make_contact(session, channel="sms", number=NUMBER)

    command = switching.place_call(session, at_line(session), typed, contact=contact)

    assert switching.arguments_of(command)["number"] == "13800138000"


def test_another_number_that_is_known_to_be_the_citizens_may_be_dialled(session: Session) -> None:
    contact = make_contact(session, channel="sms", number=NUMBER)
    citizen = Citizen(name="王小明")
    session.add(citizen)
    session.flush()
    home = "+861087654321"
    hashed = privacy.lookup_hash("number", home)
    session.add(CitizenNumber(citizen_id=citizen.id, number=home, number_hash=hashed, confirmed_at=now()))
    contact.citizen_id = citizen.id

    command = switching.place_call(session, at_line(session), "010-87654321", contact=contact)

    assert switching.arguments_of(command)["number"] == "01087654321"


@pytest.mark.parametrize("number", ["13900139000", "+8613900139000", "0085212345678", "+85221234567", "9", "x"])
def test_a_number_that_is_nobodys_here_is_not_dialled(session: Session, number: str) -> None:
    contact = make_contact(session, channel="sms", number=NUMBER)

    with pytest.raises(NotAllowed):
        switching.place_call(session, at_line(session), number, contact=contact)

    assert [row.action for row in session.scalars(select(SwitchboardCommand))] == [SwitchboardAction.SIGN_IN]


def test_a_requester_abroad_is_not_rung(session: Session) -> None:
    contact = make_contact(session, channel="sms", number="+85221234567")

    with pytest.raises(NotAllowed, match="abroad"):
        switching.place_call(session, at_line(session), contact=contact)


def test_without_a_contact_or_case_nobody_is_rung(session: Session) -> None:
    with pytest.raises(NotAllowed):
        switching.place_call(session, at_line(session), NUMBER)


@pytest.mark.parametrize("number", ["110", "119", "120"])
def test_an_emergency_number_joins_a_call_and_is_not_dialled_alone(session: Session, number: str) -> None:
    staff = at_line(session)
    with pytest.raises(RuleBroken):
        switching.place_call(session, staff, number)
    with pytest.raises(RuleBroken, match=switching.NO_CALL):
        switching.add_party(session, staff, number)
    in_call(session, staff)

    asked = switching.arguments_of(switching.add_party(session, staff, number))

    assert asked == {"channel": "PJSIP/trunk-h-1", "linkedid": "h-1", "number": number}


def test_only_listed_parties_and_colleagues_at_their_lines_join_a_call(session: Session) -> None:
    staff, colleague = at_line(session), at_line(session)
    in_call(session, staff)
    line = lines.line_of(session, colleague.id)
    assert line is not None

    assert switching.arguments_of(switching.add_party(session, staff, line.extension))["number"] == line.extension
    for number in ("13900139000", "2060", ""):
        with pytest.raises(NotAllowed):
            switching.add_party(session, staff, number)


def test_an_agent_places_only_so_many_calls_an_hour(session: Session, clock: time_machine.Traveller) -> None:
    staff = at_line(session)
    contact = make_contact(session, channel="sms", number=NUMBER)
    for _ in range(switching.CALLS_AN_HOUR):
        switching.place_call(session, staff, contact=contact)

    with pytest.raises(TooMany):
        switching.place_call(session, staff, contact=contact)

    clock.shift(timedelta(hours=1, seconds=1))
    assert switching.place_call(session, staff, contact=contact)


def test_calls_need_a_line_that_is_free_and_a_role(session: Session) -> None:
    contact = make_contact(session, channel="sms", number=NUMBER)
    with pytest.raises(RuleBroken, match="Sign in to the telephone"):
        switching.place_call(session, make_agent(session), contact=contact)
    with pytest.raises(NotAllowed):
        switching.place_call(session, make_agent(session, roles=(Role.LIAISON,)), contact=contact)
    staff = at_line(session)
    in_call(session, staff)
    with pytest.raises(RuleBroken, match="Finish the call"):
        switching.place_call(session, staff, contact=contact)


def test_what_a_person_does_to_a_call_concerns_the_call_at_the_own_telephone(session: Session) -> None:
    staff, colleague = at_line(session), at_line(session)
    with pytest.raises(RuleBroken):
        switching.hang_up(session, staff)
    in_call(session, staff)
    in_call(session, colleague, linkedid="h-2")

    assert switching.arguments_of(switching.hang_up(session, staff)) == {"channel": "PJSIP/2001-1"}
    muted = switching.arguments_of(switching.mute_recording(session, colleague, muted=True))
    assert muted == {"channel": "PJSIP/trunk-h-2", "linkedid": "h-2", "muted": True}
    moved = switching.arguments_of(switching.transfer(session, staff, "2002"))
    assert moved == {"channel": "PJSIP/trunk-h-1", "linkedid": "h-1", "extension": "2002"}
    with pytest.raises(RuleBroken):
        switching.transfer(session, staff, "2003")


def test_only_shift_leaders_and_supervisors_listen(session: Session) -> None:
    agent, other, leader = at_line(session), at_line(session), at_line(session, Role.SHIFT_LEADER)
    with pytest.raises(RuleBroken):
        switching.spy(session, leader, agent.id)
    in_call(session, agent)
    with pytest.raises(NotAllowed):
        switching.spy(session, other, agent.id)
    with pytest.raises(RuleBroken):
        switching.spy_mode(session, leader, SpyMode.WHISPER)

    spying = switching.spy(session, leader, agent.id)
    switching.start(session, spying)
    switching.settle(session, spying.id, CommandState.DONE)
    mode = switching.arguments_of(switching.spy_mode(session, leader, SpyMode.BARGE))

    assert switching.arguments_of(spying) == {"extension": "2003", "channel": "PJSIP/2001-1", "linkedid": "h-1"}
    assert mode == {"spy": str(spying.id), "linkedid": "h-1", "mode": "barge"}
    with pytest.raises(NotAllowed):
        switching.spy_mode(session, other, SpyMode.LISTEN)

    calling.ended(session, "h-1", at=now())
    with pytest.raises(RuleBroken):
        switching.spy_mode(session, leader, SpyMode.WHISPER)


def test_a_practice_call_plays_a_prompt_and_nothing_else(session: Session) -> None:
    staff = at_line(session)

    assert switching.arguments_of(switching.train(session, staff, prompt="hotline/welcome"))["prompt"] == "hotline/welcome"
    with pytest.raises(Invalid):
        switching.train(session, staff, prompt="a&System(x)")


@pytest.mark.parametrize(
    ("number", "digits"),
    [("+8613800138000", "13800138000"), ("+861012345678", "01012345678"), ("+864001234567", "4001234567"), ("96777", "96777")],
)
def test_the_trunk_is_given_national_digits(number: str, digits: str) -> None:
    assert switching.dialled(number) == digits
