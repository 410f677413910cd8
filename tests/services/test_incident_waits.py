"""What the leading case of an incident waits for is seen on those that follow it."""

from datetime import timedelta

from sqlalchemy.orm import Session

from hotline.services.incidents import reading
from hotline.services.units import ledger
from models import CaseStatus, Role, now
from tests.factories_cases import an_actor, fresh_key, lead_of, liaison_of, make_case
from tests.factories_contacts import make_contact
from tests.services.test_incidents import of_these, settle


def test_what_the_lead_waits_for_is_seen_on_those_that_follow_it(session: Session) -> None:
    found = [make_case(session, status=CaseStatus.IN_PROGRESS, contact=make_contact(session, channel="voice")) for _ in range(2)]
    of_these(session, found)
    own, until = lead_of(session, found[0]), now() + timedelta(days=30)
    assert reading.lead_waits(session, found[1]) is None

    asked = ledger.ask(
        session,
        own,
        review=until,
        reason_code=ledger.LedgerReason.MONEY,
        basis="今年没有预算",
        plan="列入明年计划",
        by=liaison_of(session, own),
        key=fresh_key(),
    )
    ledger.decide(session, asked, grant=True, by=an_actor(session, Role.SUPERVISOR, Role.SHIFT_LEADER), key=fresh_key())
    settle(session)

    waits = reading.lead_waits(session, found[1])
    assert waits is not None
    assert (waits.number, waits.review_at, waits.plan) == (found[0].number, until, "列入明年计划")
    assert reading.lead_waits(session, found[0]) is None
