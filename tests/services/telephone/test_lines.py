"""Lines: who gets one, what its secret is worth and for how long, in which queues it stands, and when it rests."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.errors import NotAllowed, NotFound, RuleBroken
from hotline.services import presence, queueing, signing_in
from hotline.services.access import Me
from hotline.services.telephone import lines, routing, switching
from hotline.settings import get_settings
from models import LineKind, PhoneLine, PresenceState, Role, Staff, SwitchboardCommand
from tests.factories import make_staff, signed_in
from tests.factories_contacts import make_agent, make_contact


def an_agent(session: Session, **values: Any) -> Me:
    return signed_in(session, make_agent(session, **values))


def asked(session: Session) -> list[tuple[str, str]]:
    rows = session.scalars(select(SwitchboardCommand).order_by(SwitchboardCommand.created_at, SwitchboardCommand.id))
    return [(row.action.value, str(switching.arguments_of(row)["extension"])) for row in rows]


def seat_of(session: Session, staff: Staff) -> lines.Seat:
    session.flush()
    return next(seat for seat in lines.desired(session) if seat.staff_id == staff.id)


def test_signing_in_gives_a_line_and_a_secret_that_is_kept_nowhere(session: Session) -> None:
    me = an_agent(session)

    given = lines.sign_in(session, me)

    line = session.get_one(PhoneLine, given.extension)
    assert (line.kind, line.staff_id, line.session_id) == (LineKind.BROWSER, me.staff_id, me.session_id)
    assert line.digest == lines.digest_of(given.extension, given.secret)
    assert len(given.secret) >= 24
    assert given.secret not in repr(given)
    assert asked(session) == [("sign_in", given.extension)]
    assert given.secret not in session.scalars(select(SwitchboardCommand)).one().arguments
    assert lines.staff_of(session, given.extension) == me.staff_id


def test_a_second_page_takes_the_line_over_with_a_new_secret(session: Session) -> None:
    me = an_agent(session)

    first, second = lines.sign_in(session, me), lines.sign_in(session, me)

    assert first.extension == second.extension
    assert first.secret != second.secret
    assert session.get_one(PhoneLine, first.extension).digest == lines.digest_of(second.extension, second.secret)


def test_two_pages_opened_at_once_get_one_line(database: Database) -> None:
    with database.unit_of_work() as session:
        me = an_agent(session)

    def open_page(_: int) -> str:
        with database.unit_of_work() as session:
            return lines.sign_in(session, me).extension

    with ThreadPoolExecutor(4) as pool:
        extensions = set(pool.map(open_page, range(4)))

    assert len(extensions) == 1
    with database.reading() as session:
        assert len(session.scalars(select(PhoneLine).where(PhoneLine.staff_id.is_not(None))).all()) == 1


def test_when_all_lines_are_in_use_the_next_person_is_told(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get_settings().asterisk, "browser_lines", 2)
    given = [lines.sign_in(session, an_agent(session)).extension for _ in range(2)]
    assert given == ["2001", "2002"]

    with pytest.raises(RuleBroken) as refusal:
        lines.sign_in(session, an_agent(session))

    assert str(refusal.value) == "All 2 telephone lines are in use; please tell the administrator."


def test_whoever_does_not_belong_to_the_centre_gets_no_line(session: Session) -> None:
    with pytest.raises(NotAllowed):
        lines.sign_in(session, signed_in(session, make_staff(session, roles=(Role.LIAISON,), unit="CGJ")))


def test_signing_out_ends_the_secret_and_frees_the_line(session: Session) -> None:
    me = an_agent(session)
    given = lines.sign_in(session, me)

    assert lines.sign_out(session, session_id=me.session_id) == 1

    line = session.get_one(PhoneLine, given.extension)
    assert (line.staff_id, line.session_id, line.digest, line.signed_in_at) == (None, None, None, None)
    assert lines.line_of(session, me.staff_id) is None
    assert asked(session)[-1] == ("sign_out", given.extension)
    assert lines.sign_out(session, session_id=me.session_id) == 0
    assert lines.sign_in(session, an_agent(session)).extension == given.extension


@pytest.mark.parametrize("how", ["signed out", "revoked", "expired", "account closed"])
def test_a_line_whose_web_session_is_over_is_known(session: Session, clock: time_machine.Traveller, how: str) -> None:
    me = an_agent(session)
    staff = session.get_one(Staff, me.staff_id)
    lines.sign_in(session, me)
    assert not seat_of(session, staff).ended

    if how == "signed out":
        signing_in.sign_out(session, me)
    elif how == "revoked":
        signing_in.revoke_all(session, me.staff_id)
    elif how == "expired":
        clock.shift(timedelta(hours=get_settings().desk.session_hours, seconds=1))
    else:
        staff.active = False

    assert seat_of(session, staff).ended


def test_a_desk_phone_needs_a_secret_that_only_an_administrator_is_shown(session: Session) -> None:
    me = an_agent(session)
    boss = signed_in(session, make_staff(session, roles=(Role.ADMINISTRATOR,)))
    with pytest.raises(RuleBroken):
        lines.sit_down(session, me, "1001")
    with pytest.raises(NotAllowed):
        lines.new_device_secret(session, me, "1001")
    with pytest.raises(NotFound):
        lines.new_device_secret(session, boss, "2001")

    given = lines.new_device_secret(session, boss, "1001")
    line = lines.sit_down(session, me, "1001")

    assert (line.kind, line.staff_id) == (LineKind.DESK, me.staff_id)
    assert line.digest == lines.digest_of("1001", given.secret)
    with pytest.raises(RuleBroken):
        lines.sit_down(session, an_agent(session), "1001")


def test_whoever_leaves_a_desk_phone_leaves_its_secret_there(session: Session) -> None:
    boss = signed_in(session, make_staff(session, roles=(Role.ADMINISTRATOR,)))
    me = an_agent(session)
    for extension in ("1001", "1002"):
        lines.new_device_secret(session, boss, extension)
    lines.sit_down(session, me, "1001")
    lines.sit_down(session, me, "1002")

    left, here = session.get_one(PhoneLine, "1001"), session.get_one(PhoneLine, "1002")
    assert left.staff_id is None
    assert left.digest is not None
    assert here.staff_id == me.staff_id
    lines.sign_out(session, staff_id=me.staff_id)
    assert here.digest is not None
    assert lines.sit_down(session, an_agent(session), "1002").staff_id is not None


@pytest.mark.parametrize(
    ("who", "queues"),
    [
        ({"skills": ["general"], "languages": ["zh"]}, {"main": 0}),
        ({"skills": ["general"], "languages": ["zh", "en"]}, {"main": 0, "english": 1}),
        ({"skills": ["water", "general"], "languages": ["en"]}, {"english": 1}),
        ({"skills": ["water"]}, {}),
        ({"channels": ["sms", "mailbox"]}, {}),
    ],
)
def test_skills_and_languages_open_queues_and_what_is_named_first_comes_first(
    session: Session, who: dict[str, Any], queues: dict[str, int]
) -> None:
    staff = make_agent(session, **who)
    lines.sign_in(session, signed_in(session, staff))

    assert seat_of(session, staff).queues == queues


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (PresenceState.AVAILABLE, ""),
        (PresenceState.PAUSED, "喝水"),
        (PresenceState.WRAP_UP, "wrap-up"),
        (PresenceState.OFFLINE, "offline"),
    ],
)
def test_a_line_rests_unless_its_person_is_available(session: Session, state: PresenceState, reason: str) -> None:
    staff = make_agent(session, state=state)
    lines.sign_in(session, signed_in(session, staff))

    seat = seat_of(session, staff)

    assert (seat.reason, seat.paused) == (reason, bool(reason))


def test_a_line_rests_while_a_text_is_offered_or_open(session: Session) -> None:
    contact = make_contact(session, channel="sms")
    staff = make_agent(session)
    lines.sign_in(session, signed_in(session, staff))

    routing.offer(session, contact.id, staff.id)
    assert seat_of(session, staff).reason == "offer"
    routing.accept_offer(session, staff)
    assert seat_of(session, staff).reason == "text"
    queueing.put_back(session, contact, by=staff, reason="换人")
    assert seat_of(session, staff).reason == ""


def test_an_explicit_pause_is_told_to_the_exchange_in_one_line(session: Session) -> None:
    staff = make_agent(session)
    presence.set_presence(session, staff, PresenceState.PAUSED, "没有电话")
    assert asked(session) == []
    given = lines.sign_in(session, signed_in(session, staff))

    presence.set_presence(session, staff, PresenceState.PAUSED, "吃饭\r\nAction: Logoff")
    presence.set_presence(session, staff, PresenceState.AVAILABLE)

    assert asked(session)[1:] == [("pause", given.extension), ("unpause", given.extension)]
    presence.set_presence(session, staff, PresenceState.PAUSED, "吃饭\r\nAction: Logoff")
    assert seat_of(session, staff).reason == "吃饭 Action: Logoff"


def test_the_exchange_tells_whether_a_telephone_is_there(session: Session) -> None:
    given = lines.sign_in(session, an_agent(session))

    states: list[bool] = []
    for state in (True, True, False):
        lines.set_reachable(session, given.extension, state)
        states += session.scalars(select(PhoneLine.reachable).where(PhoneLine.extension == given.extension))

    assert states == [True, True, False]
