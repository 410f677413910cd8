"""Help, notices, breaks and announcements: who may do what, and what it does to the floor."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import UUID, uuid4

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.errors import Invalid, NotAllowed, NoteRequired, NotFound, RuleBroken, WrongState
from hotline.services import presence
from hotline.services.access import Me
from hotline.services.telephone import calling, floor, lines
from models import (
    BreakRequest,
    BreakState,
    HelpCall,
    OutboxMessage,
    Presence,
    PresenceState,
    Role,
    Staff,
    SwitchboardAction,
    SwitchboardCommand,
    now,
)
from tests.factories import signed_in
from tests.factories_calls import make_call, make_line
from tests.factories_contacts import make_agent


def a_leader(session: Session, role: Role = Role.SHIFT_LEADER) -> Me:
    return signed_in(session, make_agent(session, roles=(role,), state=PresenceState.OFFLINE))


def an_agent(session: Session) -> tuple[Staff, Me]:
    staff = make_agent(session)
    return staff, signed_in(session, staff)


def seat(session: Session, staff: Staff) -> tuple[PresenceState, str]:
    session.flush()
    row = session.get_one(Presence, staff.id, populate_existing=True)
    return PresenceState(row.state), row.reason


# --- help


def test_a_call_for_help_tells_which_call_it_is_about(session: Session) -> None:
    staff = make_agent(session)
    call = make_call(session, facts=("queued", "rang", "answered"), line=make_line(session, staff))

    asked = floor.call_for_help(session, staff)

    assert (asked.call_id, asked.contact_id) == (call.id, call.contact_id)
    session.flush()
    assert session.scalars(select(OutboxMessage.event).order_by(OutboxMessage.id.desc())).first() == "FloorChanged"


def test_asked_again_while_nobody_came_it_is_the_same_call(session: Session) -> None:
    staff = make_agent(session)

    first, second = floor.call_for_help(session, staff), floor.call_for_help(session, staff)

    assert first is second
    assert first.contact_id is None


@pytest.mark.parametrize("table", [HelpCall, BreakRequest])
def test_asked_four_times_at_the_same_moment_it_is_asked_once(
    database: Database, table: type[HelpCall] | type[BreakRequest]
) -> None:
    with database.unit_of_work() as session:
        staff_id = make_agent(session).id
    together = Barrier(4)

    def ask(_: int) -> UUID:
        together.wait()
        with database.unit_of_work() as session:
            staff = session.get_one(Staff, staff_id)
            if table is HelpCall:
                return floor.call_for_help(session, staff).id
            return floor.ask_break(session, staff, reason="喝水", minutes=10).id

    with ThreadPoolExecutor(4) as pool:
        asked = set(pool.map(ask, range(4)))

    with database.reading() as session:
        assert set(session.scalars(select(table.id))) == asked
        assert len(asked) == 1


def test_the_first_who_comes_has_it_and_the_second_is_told(session: Session) -> None:
    staff, _ = an_agent(session)
    asked = floor.call_for_help(session, staff)
    session.flush()
    leader, other = a_leader(session), a_leader(session, Role.SUPERVISOR)

    answered = floor.answer_help(session, leader, asked.id)

    assert (answered.answered_by_id, answered.answered_at is not None) == (leader.staff_id, True)
    assert floor.answer_help(session, leader, asked.id) is answered
    with pytest.raises(WrongState):
        floor.answer_help(session, other, asked.id)
    assert floor.call_for_help(session, staff) is not asked


def test_only_leaders_come_and_only_to_a_call_that_is_there(session: Session) -> None:
    staff, me = an_agent(session)
    asked = floor.call_for_help(session, staff)
    session.flush()

    with pytest.raises(NotAllowed):
        floor.answer_help(session, me, asked.id)
    with pytest.raises(NotFound):
        floor.answer_help(session, a_leader(session), uuid4())
    assert session.get_one(HelpCall, asked.id).answered_at is None


# --- notices


def test_a_notice_stands_on_every_desk_until_it_is_confirmed(session: Session) -> None:
    leader, (_, me) = a_leader(session), an_agent(session)
    notice = floor.post_notice(session, leader, "  全市 停水\n抢修中 ")
    session.flush()
    assert [each.text for each in floor.unread(session, me)] == ["全市 停水 抢修中"]
    assert list(floor.unread(session, leader)) == []

    floor.read_notice(session, me, notice.id)
    floor.read_notice(session, me, notice.id)

    assert list(floor.unread(session, me)) == []
    assert [(each.notice.id, each.read) for each in floor.posted(session)] == [(notice.id, 1)]


def test_a_hand_over_is_for_leaders_alone(session: Session) -> None:
    (_, me), next_leader = an_agent(session), a_leader(session)

    notice = floor.post_notice(session, a_leader(session), "夜班注意线路", hand_over=True)
    session.flush()

    assert list(floor.unread(session, me)) == []
    assert list(floor.unread(session, next_leader)) == [notice]


def test_notices_end_by_themselves(session: Session, clock: time_machine.Traveller) -> None:
    leader, (_, me) = a_leader(session), an_agent(session)
    floor.post_notice(session, leader, "通知")
    session.flush()

    clock.shift(floor.NOTICE_LASTS)

    assert (list(floor.unread(session, me)), list(floor.posted(session))) == ([], [])


def test_notices_have_words_but_not_too_many_and_a_leader(session: Session) -> None:
    leader, (_, me) = a_leader(session), an_agent(session)

    with pytest.raises(Invalid):
        floor.post_notice(session, leader, " \n ")
    with pytest.raises(RuleBroken):
        floor.post_notice(session, leader, "长" * (floor.LONGEST_NOTICE + 1))
    with pytest.raises(NotAllowed):
        floor.post_notice(session, me, "通知")
    with pytest.raises(NotFound):
        floor.read_notice(session, me, uuid4())


# --- breaks


def request_of(session: Session, staff: Staff, *, minutes: int = 10) -> BreakRequest:
    asked = floor.ask_break(session, staff, reason="喝水", minutes=minutes)
    session.flush()
    return asked


def test_asked_again_a_break_is_the_new_wish(session: Session) -> None:
    staff = make_agent(session)

    first = request_of(session, staff)
    second = floor.ask_break(session, staff, reason="  吃饭 ", minutes=30)

    assert first is second
    assert (second.reason, second.minutes, second.state) == ("吃饭", 30, BreakState.ASKED)


@pytest.mark.parametrize(("reason", "minutes", "error"), [(" ", 10, NoteRequired), ("喝水", 0, Invalid), ("喝水", 121, Invalid)])
def test_a_break_has_a_reason_and_an_end(session: Session, reason: str, minutes: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        floor.ask_break(session, make_agent(session), reason=reason, minutes=minutes)


def test_a_granted_break_begins_at_once_and_the_exchange_is_told(session: Session) -> None:
    staff, leader = make_agent(session), a_leader(session)
    lines.sign_in(session, signed_in(session, staff))

    floor.decide_break(session, leader, request_of(session, staff).id, granted=True)

    assert seat(session, staff) == (PresenceState.PAUSED, "喝水")
    actions = session.scalars(select(SwitchboardCommand.action).where(SwitchboardCommand.by_id == staff.id)).all()
    assert SwitchboardAction.PAUSE in actions
    assert [each.reason for each in lines.desired(session) if each.staff_id == staff.id] == ["喝水"]


def test_a_break_that_is_granted_in_mid_call_lets_the_call_end_and_none_follow(session: Session) -> None:
    staff, leader = make_agent(session), a_leader(session)
    line = make_line(session, staff)
    call = make_call(session, facts=("queued", "rang", "answered"), line=line)

    floor.decide_break(session, leader, request_of(session, staff).id, granted=True)
    calling.agent_left(session, call.linkedid, extension=line.extension, unique_id=f"{call.linkedid}-{line.extension}", at=now())
    calling.ended(session, call.linkedid, at=now())

    assert call.answered_at is not None
    assert seat(session, staff) == (PresenceState.PAUSED, "喝水")
    assert [each.paused for each in lines.desired(session) if each.staff_id == staff.id] == [True]


def test_a_leaders_word_is_no_sign_of_life_from_the_desk(session: Session, clock: time_machine.Traveller) -> None:
    staff, leader = make_agent(session), a_leader(session)
    asked = request_of(session, staff)
    beat = session.get_one(Presence, staff.id).heartbeat_at
    clock.shift(timedelta(seconds=20))

    floor.decide_break(session, leader, asked.id, granted=True)
    session.flush()

    assert session.get_one(Presence, staff.id, populate_existing=True).heartbeat_at == beat


@pytest.mark.parametrize("has_sat", [True, False])
def test_who_has_gone_home_is_not_brought_back_by_a_break(session: Session, has_sat: bool) -> None:
    staff, leader = make_agent(session), a_leader(session)
    asked = request_of(session, staff)
    if has_sat:
        presence.set_presence(session, staff, PresenceState.OFFLINE)
    else:
        session.delete(session.get_one(Presence, staff.id))
    session.flush()

    floor.decide_break(session, leader, asked.id, granted=True)

    row = session.get(Presence, staff.id)
    assert (row.state if row else PresenceState.OFFLINE) == PresenceState.OFFLINE
    assert asked.state == BreakState.GRANTED


def test_a_refused_break_changes_nothing_at_the_desk(session: Session) -> None:
    staff, leader = make_agent(session), a_leader(session)

    asked = floor.decide_break(session, leader, request_of(session, staff).id, granted=False)

    assert (asked.state, asked.decided_by_id) == (BreakState.REFUSED, leader.staff_id)
    assert seat(session, staff)[0] == PresenceState.AVAILABLE


def test_a_break_is_decided_once_by_a_leader_while_it_is_wanted(session: Session) -> None:
    (staff, me), leader = an_agent(session), a_leader(session)
    asked = request_of(session, staff)
    with pytest.raises(NotAllowed):
        floor.decide_break(session, me, asked.id, granted=True)
    with pytest.raises(NotFound):
        floor.decide_break(session, leader, uuid4(), granted=True)

    floor.take_break_back(session, staff)
    floor.take_break_back(session, staff)

    assert asked.state == BreakState.TAKEN_BACK
    with pytest.raises(WrongState):
        floor.decide_break(session, leader, asked.id, granted=True)


def test_a_granted_break_ends_when_its_minutes_are_up(session: Session, clock: time_machine.Traveller) -> None:
    staff, leader = make_agent(session), a_leader(session)
    lines.sign_in(session, signed_in(session, staff))
    asked = floor.decide_break(session, leader, request_of(session, staff, minutes=10).id, granted=True)

    clock.shift(timedelta(minutes=9))
    assert floor.end_breaks(session) == 0
    assert seat(session, staff) == (PresenceState.PAUSED, "喝水")

    clock.shift(timedelta(minutes=1))
    assert floor.end_breaks(session) == 1

    assert seat(session, staff) == (PresenceState.AVAILABLE, "")
    assert [each.paused for each in lines.desired(session) if each.staff_id == staff.id] == [False]
    session.refresh(asked)
    assert (asked.state, floor.end_breaks(session)) == (BreakState.OVER, 0)


def test_who_comes_back_early_or_goes_home_has_ended_the_break(session: Session, clock: time_machine.Traveller) -> None:
    leader = a_leader(session)
    for state, reason in ((PresenceState.AVAILABLE, ""), (PresenceState.PAUSED, "用餐"), (PresenceState.OFFLINE, "")):
        staff = make_agent(session)
        asked = floor.decide_break(session, leader, request_of(session, staff).id, granted=True)

        presence.set_presence(session, staff, state, reason)

        session.refresh(asked)
        assert asked.state == BreakState.OVER
        clock.shift(timedelta(minutes=10))
        assert floor.end_breaks(session) == 0
        assert seat(session, staff) == (state, reason)


def test_a_desk_that_is_given_up_for_gone_has_no_break_left(session: Session, clock: time_machine.Traveller) -> None:
    staff, leader = make_agent(session), a_leader(session)
    asked = floor.decide_break(session, leader, request_of(session, staff).id, granted=True)
    session.flush()
    clock.shift(timedelta(minutes=5))

    presence.release_gone(session)

    session.refresh(asked)
    assert asked.state == BreakState.OVER


# --- what callers are told


def test_one_announcement_runs_at_a_time(session: Session) -> None:
    leader = a_leader(session)
    former = floor.announce(session, leader, "城北停水")
    session.flush()

    latter = floor.announce(session, leader, " 城北 停水，20 点恢复 ")
    session.flush()

    assert floor.announcement(session) is latter
    assert latter.text == "城北 停水，20 点恢复"
    assert former.ended_at is not None


def test_an_announcement_ends_by_a_word_or_by_itself(session: Session, clock: time_machine.Traveller) -> None:
    leader = a_leader(session)
    floor.announce(session, leader, "停水")
    session.flush()
    floor.end_announcement(session, leader)
    session.flush()
    assert floor.announcement(session) is None

    floor.announce(session, leader, "停电")
    session.flush()
    clock.shift(floor.ANNOUNCEMENT_LASTS)

    assert floor.announcement(session) is None


def test_callers_hear_no_more_than_a_leaders_few_words(session: Session) -> None:
    leader, (_, me) = a_leader(session), an_agent(session)

    for act in (lambda: floor.announce(session, me, "停水"), lambda: floor.end_announcement(session, me)):
        with pytest.raises(NotAllowed):
            act()
    with pytest.raises(RuleBroken):
        floor.announce(session, leader, "长" * (floor.LONGEST_ANNOUNCEMENT + 1))
    assert floor.announcement(session) is None
