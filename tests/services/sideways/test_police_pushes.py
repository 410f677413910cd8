"""Orders for 110: pushed with a receipt, tried again, replayed by hand, given back; what is said where nothing is connected."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.channels.police import Police
from hotline.db import Database
from hotline.errors import Invalid, NotAllowed, NotFound, NotGenuine, WrongState
from hotline.ports import PoliceWord, Receipt, ReceiptState
from hotline.services import history
from hotline.services.sideways import doors, police
from hotline.settings import Police as PoliceSettings
from hotline.settings import Settings
from hotline.signatures.generic import SIGNATURE, TIMESTAMP, signed
from models import Action, Case, CaseEvent, CaseStatus, PolicePush, PushState, RequestType, Role, now
from tests.factories_cases import an_actor, fresh_key, make_case

SECRET = SecretStr("shared with the police")


@pytest.fixture
def wired(settings: Settings) -> Iterator[None]:
    before = settings.police
    settings.police = PoliceSettings(url="http://127.0.0.1:9/orders", secret=SECRET)
    yield
    settings.police = before


def handed_over(session: Session, **form: object) -> tuple[Case, PolicePush]:
    case = make_case(session, **form)  # type: ignore[arg-type]
    by = an_actor(session, Role.DISPATCHER)
    row = doors.turn_away(session, case, doors.POLICE, explanation="有人打架", by=by, key=fresh_key())
    assert row is not None
    return case, row


def test_with_nothing_connected_only_the_voice_went_and_that_is_kept(session: Session) -> None:
    case, row = handed_over(session)

    assert row.state == PushState.VOICE_ONLY
    assert (case.status, case.door) == (CaseStatus.REDIRECTED, "police")
    assert police.take(session, row.id) is None


@pytest.mark.usefixtures("wired")
def test_an_order_is_pushed_and_its_receipt_is_kept(session: Session) -> None:
    case, row = handed_over(session)

    order = police.take(session, row.id)
    police.settle(session, row.id, Receipt(ReceiptState.ACCEPTED, "JQ000001"))

    assert order is not None
    assert (order.body["case"], order.body["content"], order.body["number"]) == (
        case.number,
        case.content,
        case.number_of_requester,
    )
    assert (row.state, row.receipt) == (PushState.RECEIVED, "JQ000001")
    assert police.take(session, row.id) is None


@pytest.mark.usefixtures("wired")
def test_of_a_sealed_case_no_person_and_no_door_number_goes_along(session: Session) -> None:
    _, row = handed_over(session, request_type=RequestType.REPORT, unit_summary="反映某处聚众赌博")

    order = police.take(session, row.id)

    assert order is not None
    assert (order.body["caller"], order.body["number"], order.body["place"], order.body["title"]) == ("", "", "", "")
    assert order.body["content"] == "反映某处聚众赌博"


@pytest.mark.usefixtures("wired")
def test_a_busy_platform_is_tried_again_and_then_a_person_replays(session: Session, clock: Traveller) -> None:
    case, row = handed_over(session)
    clock.shift(timedelta(seconds=1))
    for _ in range(police.MOST_TRIES):
        assert police.find_due(session) == 1
        assert police.find_due(session) == 0
        assert police.take(session, row.id) is not None
        police.settle(session, row.id, Receipt(ReceiptState.TRY_LATER, reason="status 503"))
        clock.shift(police.LONGEST_AGAIN + timedelta(seconds=1))
    assert (row.state, row.last_error) == (PushState.STUCK, "status 503")
    assert police.find_due(session) == 0

    with pytest.raises(NotAllowed):
        police.replay(session, row, by=an_actor(session, Role.LIAISON, unit="CGJ"), key=fresh_key())
    police.replay(session, row, by=an_actor(session, Role.SHIFT_LEADER), key=fresh_key())

    assert (row.state, row.attempts) == (PushState.WAITING, 0)
    assert history.verify(session, case) is None


@pytest.mark.usefixtures("wired")
def test_what_the_platform_refuses_waits_for_a_person_at_once(session: Session) -> None:
    _, row = handed_over(session)
    police.take(session, row.id)

    police.settle(session, row.id, Receipt(ReceiptState.REFUSED, reason="status 403"))

    assert row.state == PushState.STUCK


@pytest.mark.usefixtures("wired")
def test_what_is_ours_after_all_comes_back_to_be_dispatched(session: Session) -> None:
    case, row = handed_over(session)
    word = PoliceWord(row.id.hex, "returned", "JQ000001", "不属警情")

    police.hear(session, word)
    police.hear(session, word)

    assert (row.state, row.said, row.receipt) == (PushState.RETURNED, "不属警情", "JQ000001")
    assert (case.status, case.door) == (CaseStatus.TO_DISPATCH, "")
    reopened = select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.action == Action.REOPEN)
    assert len(session.scalars(reopened).all()) == 1


@pytest.mark.usefixtures("wired")
def test_what_was_done_is_the_end_of_an_order(session: Session) -> None:
    case, row = handed_over(session)

    police.hear(session, PoliceWord(row.id.hex, "received", "JQ000001"))
    police.hear(session, PoliceWord(row.id.hex, "done", said="已出警"))
    police.hear(session, PoliceWord(row.id.hex, "returned", said="反悔"))

    assert (row.state, row.said, case.status) == (PushState.DONE, "已出警", CaseStatus.REDIRECTED)
    with pytest.raises(WrongState):
        police.replay(session, row, by=an_actor(session, Role.AGENT), key=fresh_key())


@pytest.mark.parametrize("key", ["no id", "0" * 32])
def test_an_unknown_order_is_told_so(session: Session, key: str) -> None:
    with pytest.raises(NotFound):
        police.hear(session, PoliceWord(key, "done"))


def callback(body: bytes, *, secret: SecretStr = SECRET, age: int = 0) -> dict[str, str]:
    timestamp = str(int(now().timestamp()) - age)
    return {TIMESTAMP: timestamp, SIGNATURE: signed(secret, timestamp, body)}


def test_only_a_fresh_and_genuine_word_of_the_platform_is_read() -> None:
    door, body = Police(PoliceSettings(secret=SECRET)), b'{"id": "1", "state": "done"}'

    assert door.word(callback(body), body) == PoliceWord("1", "done")
    for headers in ({}, callback(body, secret=SecretStr("a guess")), callback(body, age=3600)):
        with pytest.raises(NotGenuine):
            door.word(headers, body)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"id": "1", "state": "lost"}', b'{"state": "done"}', b'{"id": "1", "state": "returned"}']
)
def test_a_word_that_is_not_understood_is_refused(body: bytes) -> None:
    with pytest.raises(Invalid):
        Police(PoliceSettings(secret=SECRET)).word(callback(body), body)


def test_nothing_is_sent_where_nothing_is_connected(database: Database, drain: Callable[[], int]) -> None:
    with database.unit_of_work() as session:
        handed_over(session)

    drain()

    with database.reading() as session:
        assert session.scalars(select(PolicePush.state)).one() == PushState.VOICE_ONLY
