"""The wall and the scoreboard: figures that agree with what happened."""

import pytest
import time_machine
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.services.wall.board import Board
from models import CaseStatus, Contact, PresenceState, Role, Urgency, now
from tests.conftest import SignIn
from tests.factories_calls import make_call, make_line
from tests.factories_cases import make_case
from tests.factories_contacts import make_agent, make_contact


def test_the_wall_counts_what_waits_and_what_is_late(session: Session, clock: time_machine.Traveller) -> None:
    make_contact(session, waited=600, channel="sms")
    make_contact(session, waited=60, channel="wechat")
    make_contact(session, waited=60, urgency=Urgency.EMERGENCY)
    make_agent(session)

    wall = Board().figures(session)

    texts = wall.waiting_of("sms", "wechat")
    assert (wall.total_waiting, texts.waiting, texts.past_clock, round(texts.oldest_seconds)) == (3, 2, 1, 600)
    assert wall.emergencies_waiting == 1
    assert wall.presence[PresenceState.AVAILABLE] == 1
    assert sum(wall.arrivals) == wall.today.received == 3
    assert wall.arrivals[19] == 3  # half past nine to ten in the city
    assert (wall.prompt_texts.kept, wall.prompt_texts.of) == (0, 1)


def test_who_speaks_is_not_free(session: Session) -> None:
    make_agent(session)
    make_call(session, facts=("queued", "rang", "answered"), line=make_line(session, make_agent(session)))

    wall = Board().figures(session)

    assert (wall.presence[PresenceState.AVAILABLE], wall.free) == (2, 1)


def test_the_wall_counts_the_day_by_its_history(session: Session, clock: time_machine.Traveller) -> None:
    make_case(session, status=CaseStatus.CLOSED, community_code="990181001001")
    make_case(session, status=CaseStatus.IN_PROGRESS, community_code="990181001001", urgency=Urgency.EMERGENCY)
    clock.shift(3 * 3600)

    wall = Board().figures(session)

    assert (wall.today.filed, wall.today.dispatched, wall.today.closed, wall.today.direct) == (2, 2, 1, 0)
    assert [(late.unit, late.open, late.overdue) for late in wall.late] == [("城管", 1, 1)]
    assert (wall.counts["990181001001"], wall.counts["990181001"]) == (2, 2)
    assert wall.open_emergencies == 1


def test_yesterday_is_not_today(session: Session, clock: time_machine.Traveller) -> None:
    make_case(session, status=CaseStatus.CLOSED)
    clock.shift(24 * 3600)

    wall = Board().figures(session)

    assert (wall.today.filed, wall.today.closed, sum(wall.arrivals)) == (0, 0, 0)


def test_a_letter_taken_in_time_counts_as_prompt(session: Session, clock: time_machine.Traveller) -> None:
    contact = make_contact(session, waited=3600)
    session.get_one(Contact, contact.id).taken_at = now()
    make_contact(session, waited=60)
    session.flush()

    prompt = Board().figures(session).prompt_letters

    assert (prompt.kept, prompt.of) == (1, 1)


def test_the_wall_is_drawn_and_drawn_again(as_role: SignIn, pages: Database) -> None:
    with pages.unit_of_work() as session:
        make_case(session, status=CaseStatus.DISPATCHED)
    supervisor = as_role(Role.SUPERVISOR)

    page, fragment = supervisor.get("/wall"), supervisor.get("/wall/now")

    assert "青渡市政务服务便民热线" in page.text
    assert "在电话接入后显示" in fragment.text
    assert "<html" not in fragment.text


@pytest.mark.parametrize("path", ["/wall", "/wall/now", "/wall/list", "/wall/arrivals", "/wall/alerts", "/reports/periods"])
def test_agents_and_units_do_not_see_the_wall(as_role: SignIn, path: str) -> None:
    assert as_role(Role.AGENT).get(path).status_code == 403
