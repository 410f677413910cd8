"""Who gets in, for how long, and what guessing costs."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.errors import Invalid, TooMany
from hotline.services import signing_in
from hotline.services.limiting import Window
from models import Role, Staff
from tests.factories import PASSWORD, make_staff, signed_in, unit_of
from tests.factories_cases import LEAD


@pytest.fixture(autouse=True)
def fresh_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_in, "FAILURES_OF_ACCOUNT", Window(3, timedelta(minutes=10)))
    monkeypatch.setattr(signing_in, "FAILURES_OF_ADDRESS", Window(5, timedelta(minutes=10)))


def sign_in(session: Session, username: str, password: str, *, address: str) -> Staff:
    return signing_in.authenticate(signing_in.account(session, username), password, username=username, address=address)


def test_the_right_password_opens_a_session_that_names_roles_and_unit(session: Session) -> None:
    staff = make_staff(session, roles=(Role.LIAISON, Role.GRID_WORKER), unit=LEAD)

    found = sign_in(session, f" {staff.username.upper()} ", PASSWORD, address="10.0.0.1")
    me = signed_in(session, found)

    assert (me.staff_id, me.roles, me.unit_path) == (
        staff.id,
        frozenset({Role.LIAISON, Role.GRID_WORKER}),
        unit_of(session, LEAD).path,
    )
    assert me.actor.roles == me.roles


def test_someone_without_a_role_or_unit_is_known_all_the_same(session: Session) -> None:
    assert signed_in(session, make_staff(session, roles=())).roles == frozenset()


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(session: Session) -> None:
    staff = make_staff(session)

    for username in (staff.username, "nobody"):
        with pytest.raises(Invalid, match="name or the password"):
            sign_in(session, username, "wrong", address="10.0.0.1")


def test_a_password_that_is_no_hash_in_the_table_lets_nobody_in(session: Session) -> None:
    staff = make_staff(session, password_hash="plain")

    with pytest.raises(Invalid):
        sign_in(session, staff.username, "plain", address="10.0.0.1")


def test_an_account_is_closed_for_a_while_after_wrong_passwords(session: Session) -> None:
    staff = make_staff(session)
    for _ in range(3):
        with pytest.raises(Invalid):
            sign_in(session, staff.username, "wrong", address="10.0.0.1")

    with pytest.raises(TooMany):
        sign_in(session, staff.username, PASSWORD, address="10.0.0.1")


def test_an_address_that_tries_many_accounts_is_slowed_down(session: Session) -> None:
    for serial in range(5):
        with pytest.raises(Invalid):
            sign_in(session, f"guess{serial}", "wrong", address="10.0.0.9")

    with pytest.raises(TooMany):
        sign_in(session, make_staff(session).username, PASSWORD, address="10.0.0.9")


def test_a_closed_account_cannot_sign_in_and_its_session_ends(session: Session) -> None:
    staff = make_staff(session)
    _, token = signing_in.open_session(session, staff, address="10.0.0.1")

    staff.active = False
    session.flush()

    assert signing_in.who(session, token) is None
    with pytest.raises(Invalid):
        sign_in(session, staff.username, PASSWORD, address="10.0.0.1")


def test_a_session_ends_by_sign_out_by_revoking_and_by_time(session: Session, clock: Traveller) -> None:
    staff = make_staff(session)
    tokens = [signing_in.open_session(session, staff, address="10.0.0.1")[1] for _ in range(3)]
    first = signing_in.who(session, tokens[0])
    assert first is not None

    signing_in.sign_out(session, first)
    assert [signing_in.who(session, token) is not None for token in tokens] == [False, True, True]

    signing_in.revoke_all(session, staff.id)
    assert [signing_in.who(session, token) for token in tokens] == [None, None, None]

    _, late = signing_in.open_session(session, staff, address="10.0.0.1")
    clock.shift(timedelta(hours=13))
    assert signing_in.who(session, late) is None


def test_a_short_password_is_refused_and_a_long_one_works(session: Session) -> None:
    with pytest.raises(Invalid):
        signing_in.hash_password("short")
    staff = make_staff(session, password_hash=signing_in.hash_password("long enough"))

    assert sign_in(session, staff.username, "long enough", address="10.0.0.1") is staff
