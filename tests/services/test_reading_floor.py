"""The floor as its leader sees it."""

from datetime import timedelta

import time_machine
from sqlalchemy.orm import Session

from hotline.services import presence, reading_floor
from hotline.services.telephone import callbacks, exchange_state, floor, lines
from models import CallbackReason, PresenceState, Role, now
from tests.factories import make_staff, signed_in
from tests.factories_calls import make_call, make_line
from tests.factories_contacts import make_agent
from tests.services.telephone.test_floor import a_leader, request_of


def test_an_empty_floor_is_a_board_without_anybody(session: Session) -> None:
    board = reading_floor.board(session)

    assert (board.seats, board.callers, board.help, board.breaks, board.notices, board.owed) == ([],) * 6
    assert (board.announcement, board.connected, board.talking) == (None, False, 0)


def test_every_seat_shows_its_telephone_and_the_call_at_it(session: Session) -> None:
    talking, ringing, idle, paused = (make_agent(session, name=name) for name in ("甲", "乙", "丙", "丁"))
    presence.set_presence(session, paused, PresenceState.PAUSED, "喝水")
    make_call(session, number="13800138001", facts=("queued", "rang", "answered"), line=make_line(session, talking))
    make_call(session, number="13800138002", facts=("queued", "rang"), line=make_line(session, ringing, reachable=False))
    session.flush()

    board = reading_floor.board(session)

    seats = {seat.name: seat for seat in board.seats}
    assert [seats[name].state for name in "甲乙丙丁"] == ["available", "available", "available", "paused"]
    assert (seats["甲"].answered, seats["甲"].number, seats["甲"].taken_today) == (True, "+8613800138001", 1)
    assert (seats["乙"].answered, seats["乙"].reachable, seats["乙"].number) == (False, False, "+8613800138002")
    assert (seats["丙"].extension, seats["丙"].call_id, seats["丙"].number) == ("", None, None)
    assert seats["丁"].reason == "喝水"
    assert (board.talking, board.count(PresenceState.AVAILABLE), board.count(PresenceState.PAUSED)) == (1, 3, 1)
    assert idle.id == seats["丙"].staff_id


def test_a_caller_on_hold_is_seen(session: Session) -> None:
    line = make_line(session)

    make_call(session, facts=("queued", "rang", "answered", "held"), line=line)

    (seat,) = reading_floor.board(session).seats
    assert (seat.answered, seat.held) == (True, True)


def test_a_call_that_is_over_is_at_nobodys_telephone(session: Session) -> None:
    line = make_line(session)
    make_call(session, facts=("queued", "rang", "not_answered"), line=line)
    make_call(session, facts=("queued", "rang", "answered", "agent_left", "ended"), line=line, number="13900139000")

    (seat,) = reading_floor.board(session).seats

    assert (seat.call_id, seat.call_since, seat.taken_today) == (None, None, 1)


def test_with_two_legs_open_the_seat_shows_a_call_that_lasts(session: Session) -> None:
    """A leg whose end nobody has told yet does not hide the call."""
    line = make_line(session)
    over = make_call(session, facts=("queued", "rang"), line=line)
    over.ended_at = now()
    lasts = make_call(session, facts=("queued", "rang", "answered"), line=line, number="13900139000")

    (seat,) = reading_floor.board(session).seats

    assert seat.call_id == lasts.id


def test_only_who_takes_calls_and_is_there_has_a_seat(session: Session) -> None:
    make_agent(session, roles=(Role.DISPATCHER,))
    make_agent(session, state=PresenceState.OFFLINE)
    make_staff(session)
    both = make_agent(session, roles=(Role.AGENT, Role.CALLBACK_AGENT))

    assert [seat.staff_id for seat in reading_floor.board(session).seats] == [both.id]


def test_who_waits_is_listed_in_turn_until_answered(session: Session, clock: time_machine.Traveller) -> None:
    first = make_call(session, number="13800138001")
    second = make_call(session, number="13800138002")
    make_call(session, number="13800138003", facts=())
    make_call(session, number="13800138004", facts=("queued", "rang", "answered"), line=make_line(session))
    make_call(session, number="13800138005", facts=("queued", "ended"))
    second.queued_at = first.queued_at
    first.queued_at = now()
    session.flush()

    waiting = reading_floor.board(session).callers

    assert {(each.number, each.queue) for each in waiting} == {("+8613800138001", "main"), ("+8613800138002", "main")}


def test_what_is_asked_of_the_leader_stands_there_until_it_is_done(session: Session) -> None:
    staff, leader = make_agent(session, name="甲"), a_leader(session)
    help_call, wish = floor.call_for_help(session, staff), request_of(session, staff, minutes=15)
    floor.post_notice(session, leader, "通知")
    floor.announce(session, leader, "停水")
    callbacks.owe(session, reason=CallbackReason.ABANDONED, number="13800138000", due_at=now())
    exchange_state.note(session, connected=True)
    session.flush()

    board = reading_floor.board(session)

    assert [(each.id, each.name) for each in board.help] == [(help_call.id, "甲")]
    assert [(each.id, each.reason, each.minutes) for each in board.breaks] == [(wish.id, "喝水", 15)]
    assert reading_floor.wish_of(session, staff.id).open is wish
    assert ([each.notice.text for each in board.notices], len(board.owed), board.connected) == (["通知"], 1, True)
    assert board.announcement is not None

    floor.answer_help(session, leader, help_call.id)
    floor.decide_break(session, leader, wish.id, granted=False)
    session.flush()

    board = reading_floor.board(session)
    assert (board.help, board.breaks, reading_floor.wish_of(session, staff.id).open) == ([], [], None)


def test_a_break_stands_at_the_desk_until_it_is_over(session: Session) -> None:
    staff, leader = make_agent(session), a_leader(session)
    wish = floor.decide_break(session, leader, request_of(session, staff, minutes=15).id, granted=True)
    session.flush()

    assert reading_floor.wish_of(session, staff.id).open is wish
    assert wish.decided_at is not None
    assert wish.ends_at == wish.decided_at + timedelta(minutes=15)

    presence.set_presence(session, staff, PresenceState.AVAILABLE)
    session.flush()

    assert reading_floor.wish_of(session, staff.id).open is None


def test_a_line_that_was_left_is_no_longer_at_the_seat(session: Session) -> None:
    staff = make_agent(session)
    lines.sign_in(session, signed_in(session, staff))
    assert reading_floor.board(session).seats[0].extension

    lines.sign_out(session, staff_id=staff.id)

    assert reading_floor.board(session).seats[0].extension == ""
