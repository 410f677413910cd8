"""Who is told for a unit: by the roster, in leave, without a roster; and what a roster leaves open."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.errors import Invalid, NotAllowed, RuleBroken
from hotline.services.rosters import notice_rule, on_duty, roster, team
from hotline.services.rosters.roster import Wanted
from models import AccessLog, CalendarDay, DutyShift, Role, Staff, TeamMember, now
from tests.factories import make_staff, unit_of
from tests.services.rosters.making import UNIT, make_member, put_on, signed_in

# What is asked of the database here is the same on both.
pytestmark = pytest.mark.parametrize("session", ["sqlite"], indirect=True)

MONDAY = date(2026, 11, 23)
IN_THE_NIGHT = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)  # Tuesday, 02:00 in the city


def told(session: Session, moment: datetime, unit: str = UNIT) -> list[str]:
    mine = unit_of(session, unit)
    return [person.name for person in on_duty.look(session, [mine.id], moment.date()).line(mine.id, moment)]


def members(session: Session, *names: str) -> Sequence[Staff]:
    return [make_member(session, name=name, place=place) for place, name in enumerate(names, 1)]


def gaps(session: Session, first: date, days: int) -> list[str]:
    unit = unit_of(session, UNIT)
    found = on_duty.look(session, [unit.id], first, days).gaps(unit.id, first, days, notice_rule.current(session))
    return [f"{gap.begins:%d %H:%M} – {gap.ends:%d %H:%M}" for gap in found]


def test_without_a_roster_the_team_is_told_in_its_order(session: Session, clock: Traveller) -> None:
    members(session, "甲", "乙")

    assert told(session, now()) == ["甲", "乙"]


def test_at_night_the_shift_of_the_evening_before_goes_on(session: Session, clock: Traveller) -> None:
    _, second, third = members(session, "甲", "乙", "丙")
    put_on(session, second, weekday=1, begins="17:30", ends="08:30", deputy=third)

    assert told(session, IN_THE_NIGHT) == ["乙", "丙", "甲"]
    assert told(session, IN_THE_NIGHT + timedelta(hours=7)) == ["甲", "乙", "丙"]


def test_a_named_day_has_no_other_shifts_than_its_own(session: Session, clock: Traveller) -> None:
    first, second = members(session, "甲", "乙")
    put_on(session, first, weekday=1, begins="17:30", ends="08:30")
    wanted = Wanted(None, MONDAY, time(17, 30), time(8, 30), second.id)

    roster.add_shift(session, unit_of(session, UNIT), wanted, by=signed_in(session, Role.ADMINISTRATOR, unit=""))

    assert told(session, IN_THE_NIGHT)[0] == "乙"


def test_a_public_holiday_has_the_pattern_of_holidays_or_else_of_sundays(session: Session, clock: Traveller) -> None:
    first, second = members(session, "甲", "乙")
    put_on(session, second, weekday=7, begins="00:00", ends="00:00")
    session.get_one(CalendarDay, MONDAY).working = False
    assert told(session, now())[0] == "乙"

    put_on(session, first, weekday=8, begins="00:00", ends="00:00")
    assert told(session, now())[0] == "甲"


def test_whoever_stands_in_is_told_during_leave(session: Session, clock: Traveller) -> None:
    first, _, third = members(session, "甲", "乙", "丙")
    by = signed_in(session, Role.ADMINISTRATOR, unit="")

    leave = team.take_leave(
        session, unit_of(session, UNIT), first.id, begins_on=MONDAY, ends_on=MONDAY, deputy_id=third.id, by=by
    )

    assert told(session, now()) == ["丙", "乙"]
    assert told(session, now() + timedelta(days=1)) == ["甲", "乙", "丙"]
    with pytest.raises(RuleBroken):
        team.take_leave(session, unit_of(session, UNIT), first.id, begins_on=MONDAY, ends_on=MONDAY, deputy_id=None, by=by)
    team.end_leave(session, unit_of(session, UNIT), leave.id, by=by)
    assert told(session, now())[0] == "甲"


def test_nights_and_free_days_without_anybody_are_gaps(session: Session, clock: Traveller) -> None:
    (first,) = members(session, "甲")
    for weekday in (1, 2, 3, 4):
        put_on(session, first, weekday=weekday, begins="17:30", ends="08:30")

    assert gaps(session, MONDAY, 7) == ["23 00:00 – 23 08:30", "27 17:30 – 30 00:00"]


def test_a_roster_that_covers_all_nights_has_no_gap(session: Session, clock: Traveller) -> None:
    (first,) = members(session, "甲")
    for weekday in range(1, 6):
        put_on(session, first, weekday=weekday, begins="17:30", ends="08:30")
    for weekday in (6, 7):
        put_on(session, first, weekday=weekday, begins="08:30", ends="08:30")

    assert gaps(session, MONDAY, 14) == []


def test_a_file_takes_the_place_of_the_days_that_it_names(session: Session, clock: Traveller) -> None:
    first, second = members(session, "甲", "乙")
    put_on(session, first, weekday=1, begins="17:30", ends="08:30")
    put_on(session, first, weekday=2, begins="17:30", ends="08:30")
    file = f"日期或星期,开始,结束,值班人,副班\n周一,17:30,8:30,乙,{first.username}\n2026/11/28,00:00,24:00,乙,\n"

    unit = unit_of(session, UNIT)
    loaded = roster.load(session, unit, file.encode("gb18030"), by=signed_in(session, Role.LIAISON))

    assert loaded == (2, ())
    rows = session.scalars(select(DutyShift).where(DutyShift.unit_id == unit.id)).all()
    found = {(row.weekday, row.day, row.staff_id, row.deputy_id) for row in rows}
    assert found == {(1, None, second.id, first.id), (2, None, first.id, None), (None, date(2026, 11, 28), second.id, None)}


def test_a_file_with_anything_wrong_changes_nothing_and_says_what(session: Session, clock: Traveller) -> None:
    members(session, "甲", "乙", "乙")
    wrong = ["周一,17:30,8:30,甲,丁", "某天,1,2,甲,", "周二,x,8:30,甲,", "周三,17:30,8:30,乙,", "2026-01-05,17:30,8:30,甲,甲"]
    file = "\n".join(["日期,开始,结束,值班人,副班", *wrong])

    count, problems = roster.load(session, unit_of(session, UNIT), file.encode(), by=signed_in(session, Role.LIAISON))

    assert count == 0
    assert sorted({problem.split("：")[0] for problem in problems}) == ["2", "3", "4", "5", "6"]
    assert session.scalars(select(DutyShift)).all() == []


@pytest.mark.parametrize(("role", "unit"), [(Role.LIAISON, "ZJJ"), (Role.GRID_WORKER, UNIT)])
def test_only_liaisons_of_the_unit_write_its_roster(session: Session, clock: Traveller, role: Role, unit: str) -> None:
    (first,) = members(session, "甲")
    wanted = Wanted(1, None, time(17, 30), time(8, 30), first.id)

    with pytest.raises(NotAllowed):
        roster.add_shift(session, unit_of(session, UNIT), wanted, by=signed_in(session, role, unit=unit))


def test_nobody_of_another_unit_is_put_on_duty(session: Session, clock: Traveller) -> None:
    other = make_staff(session, roles=(Role.LIAISON,), unit="ZJJ")
    wanted = Wanted(1, None, time(17, 30), time(8, 30), other.id)

    with pytest.raises(Invalid):
        roster.add_shift(session, unit_of(session, UNIT), wanted, by=signed_in(session, Role.LIAISON))


@pytest.mark.parametrize("code", ["12345", "123456", "654321", "111111", "12a456", "123456789"])
def test_a_code_that_is_easily_guessed_is_refused(session: Session, clock: Traveller, code: str) -> None:
    with pytest.raises(Invalid):
        make_member(session, code=code)


def test_a_code_is_known_no_more_after_five_wrong_ones(session: Session, clock: Traveller) -> None:
    staff = make_member(session, code="271828")
    assert team.check_code(session, staff.id, "271828")

    assert not any(team.check_code(session, staff.id, "000000") for _ in range(5))

    assert not team.check_code(session, staff.id, "271828")
    team.set_code(session, unit_of(session, UNIT), "314159", by=signed_in(session, Role.LIAISON, staff=staff))
    assert team.check_code(session, staff.id, "314159")


def test_numbers_are_encrypted_and_their_reading_is_noted(session: Session, clock: Traveller) -> None:
    staff = make_member(session, number="139 0000 1111")
    centre = signed_in(session, Role.DISPATCHER, unit="")

    assert team.reveal_number(session, centre, staff.id, reason="联系值班") == "+8613900001111"

    noted = session.scalars(select(AccessLog).where(AccessLog.what == "number")).one()
    assert (noted.staff_id, noted.subject_id, noted.reason) == (centre.staff_id, staff.id, "联系值班")
    assert session.get_one(TeamMember, staff.id).code_hash == ""
    with pytest.raises(NotAllowed):
        team.reveal_number(session, signed_in(session, Role.LIAISON), staff.id, reason="好奇")
