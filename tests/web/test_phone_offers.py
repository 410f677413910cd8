"""Texts that the router holds out on the telephone's page: taken, taken without script, declined."""

from uuid import UUID

import pytest

from hotline.services.telephone import routing
from models import Contact
from tests.factories_contacts import make_contact
from tests.web.forms import form, forms
from tests.web.seat import Seat


@pytest.fixture
def held_out(seat: Seat) -> UUID:
    """A text that is offered to the person."""
    with seat.pages.unit_of_work() as session:
        text = make_contact(session, channel="sms", waited=10)
        assert routing.offer(session, text.id, seat.staff_id)
    return text.id


def test_a_text_that_is_held_out_is_taken_and_opened(seat: Seat, held_out: UUID) -> None:
    assert [each.fields["accept"] for each in forms(seat.browser.get("/phone/now").text)] == ["yes", ""]
    assert [each.fields["accept"] for each in forms(seat.browser.get("/phone/ring").text)] == ["yes", ""]

    answer = seat.post("/phone/offer", accept="yes")

    assert str(held_out) in answer.headers["hx-trigger"]
    with seat.pages.reading() as session:
        assert session.get_one(Contact, held_out).taken_by_id == seat.staff_id
    assert "已过接下的时限" in seat.post("/phone/offer", accept="yes").text


def test_without_script_a_text_that_is_taken_is_opened_all_the_same(seat: Seat, held_out: UUID) -> None:
    taken = form(seat.browser.get("/phone/ring").text, "offer", accept="yes")

    answer = seat.browser.post(taken.action, data=taken.filled())

    assert (answer.status_code, answer.headers["location"]) == (303, f"/desk?c={held_out}")


def test_a_text_that_is_declined_waits_for_everybody_again(seat: Seat, held_out: UUID) -> None:
    assert "已退回队列" in seat.post("/phone/offer").text

    with seat.pages.reading() as session:
        assert session.get_one(Contact, held_out).taken_by_id is None
    assert forms(seat.browser.get("/phone/ring").text) == []
