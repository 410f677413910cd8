"""Units as administrators keep them: added, renamed, given the place of another, closed."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.errors import HotlineError, Invalid, NoteRequired, NotFound, Outdated, RuleBroken
from hotline.events import UnitSucceeded
from hotline.seeds import taxonomy
from hotline.services import answers, cases, dispatching, history, reading_centre
from hotline.services.access import Me
from hotline.services.actors import Actor
from hotline.services.city import city_today
from hotline.services.reference import categories, succession, units
from hotline.services.reference.units import UnitForm
from hotline.services.rosters import notices
from hotline.services.units import ledger
from models import (
    Action,
    AssignmentStatus,
    CaseEvent,
    CaseStatus,
    ClosureKind,
    Correction,
    Mark,
    MarkKind,
    OutboxMessage,
    Role,
    Staff,
    Unit,
    UnitNotice,
    now,
)
from tests.factories import make_staff, unit_of
from tests.factories_cases import an_actor, asks_before_closing, dispatch, fresh_key, lead_of, liaison_of, make_case, reopen

NEW = {"act": "add", "code": "SYJ", "name": "水务局", "duties": "供水、排水", "reason": "机构改革方案"}


def change(session: Session, by: Me, **form: Any) -> Unit:
    wanted = UnitForm(**{"reason": "会议纪要", **form})
    return units.change(session, wanted, seen=units.propose(session, wanted).seen, by=by)


def test_a_new_unit_is_suggested_by_its_duties_at_once(session: Session, admin: Me) -> None:
    unit = change(session, admin, **NEW)

    city = city_today.load(session)

    assert city is not None
    assert (unit.short, unit.path, unit.active) == ("水务局", "/SYJ/", True)
    assert list(city.routing.duties["SYJ"]) == ["水务局", "供水", "排水"]


def test_a_unit_that_takes_the_place_of_another_leads_what_that_led(session: Session, admin: Me) -> None:
    make_case(session, status=CaseStatus.DISPATCHED, unit="CGJ")
    form = UnitForm(**{**NEW, "instead_of": "CGJ"})
    led = [each.code for each in categories.shown(session).tree.values() if each.duty.lead == "CGJ"]

    proposal = units.propose(session, form)
    units.change(session, form, seen=proposal.seen, by=admin)

    assert proposal.in_hand == 1
    assert any(each.part == "主办单位" and each.after == "水务局" for each in proposal.differences)
    tree = categories.shown(session).tree
    assert led
    assert {tree[code].duty.lead for code in led} == {"SYJ"}
    assert not unit_of(session, "CGJ").active
    city = city_today.load(session)
    assert city is not None
    assert city.unit_now("CGJ") == "SYJ"


def test_old_and_new_are_shown_before_a_unit_is_renamed(session: Session, admin: Me) -> None:
    old = unit_of(session, "ZJJ")
    form = UnitForm(act="change", code="ZJJ", name="住房建设局", short=old.short, kind=old.kind, duties=old.duties, reason="更名")

    proposal = units.propose(session, form)

    (name,) = proposal.differences
    assert (name.before, name.after) == ("住房和城乡建设局", "住房建设局")
    assert units.change(session, form, seen=proposal.seen, by=admin).name == "住房建设局"
    with pytest.raises(RuleBroken):
        units.propose(session, form)
    with pytest.raises(Outdated):
        units.change(session, form.model_copy(update={"name": "住建委"}), seen=proposal.seen, by=admin)


def test_only_a_unit_that_nothing_leads_to_is_closed(session: Session, admin: Me) -> None:
    change(session, admin, **NEW)

    assert not change(session, admin, act="close", code="SYJ").active
    for needed in ("CGJ", "T001"):
        with pytest.raises(RuleBroken):
            change(session, admin, act="close", code=needed)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({**NEW, "code": "syj"}, Invalid),
        ({**NEW, "code": "CGJ"}, Invalid),
        ({**NEW, "name": " "}, Invalid),
        ({**NEW, "kind": "grid"}, Invalid),
        ({**NEW, "instead_of": "NONE"}, Invalid),
        ({**NEW, "instead_of": "T001"}, RuleBroken),
        ({**NEW, "reason": ""}, NoteRequired),
        ({**NEW, "act": "change"}, NotFound),
        ({**NEW, "act": "change", "code": "990181001001"}, NotFound),  # a community's
    ],
)
def test_what_makes_no_sense_is_refused(session: Session, admin: Me, form: dict[str, Any], error: type[HotlineError]) -> None:
    with pytest.raises(error):
        change(session, admin, **form)


def test_a_file_leaves_what_an_administrator_changed_as_it_is(session: Session, admin: Me) -> None:
    change(session, admin, **NEW)
    change(session, admin, act="change", code="ZJJ", name="住房建设局", short="住建", duties="物业")

    taxonomy.load_units(session)

    found = dict(session.execute(select(Unit.code, Unit.name).where(Unit.active, Unit.code.in_(["SYJ", "ZJJ"]))).all())
    assert found == {"SYJ": "水务局", "ZJJ": "住房建设局"}


def succeed(session: Session, admin: Me) -> Unit:
    """A unit takes the place of CGJ, its people and open cases."""
    unit = change(session, admin, **NEW, instead_of="CGJ", takes_over=True)
    (told,) = session.scalars(select(OutboxMessage).where(OutboxMessage.event == "UnitSucceeded"))
    succession.take_over(session, UnitSucceeded.from_body(told.body))
    return unit


def test_a_unit_takes_over_the_accounts_and_the_open_cases_of_another(session: Session, admin: Me) -> None:
    liaison = make_staff(session, roles=(Role.LIAISON,), unit="CGJ")
    waiting = make_case(session, status=CaseStatus.DISPATCHED, unit="CGJ")
    closed = make_case(session, status=CaseStatus.CLOSED, unit="CGJ")
    due_at = lead_of(session, waiting).due_at

    unit = succeed(session, admin)

    former = unit_of(session, "CGJ")
    assert session.get_one(Staff, liaison.id).unit_id == unit.id
    lead = lead_of(session, waiting)
    assert (lead.unit_id, lead.due_at, waiting.lead_unit_id) == (unit.id, due_at, unit.id)
    assert (lead_of(session, closed).unit_id, closed.lead_unit_id) == (former.id, former.id)
    (noted,) = session.scalars(select(Correction).join(CaseEvent).where(CaseEvent.case_id == waiting.id))
    assert (noted.was, noted.became) == ("CGJ 城管", "SYJ 水务局")
    dispatching.sign(session, lead, by=Actor(liaison.id, frozenset({Role.LIAISON}), unit.path), key="sign")


def test_what_a_unit_had_done_is_done_once_more_by_the_one_that_took_its_place(session: Session, admin: Me) -> None:
    case = make_case(session, status=CaseStatus.CALLBACK, unit="CGJ", profile=asks_before_closing())
    lead, by = lead_of(session, case), an_actor(session, Role.VERIFIER)
    unit = succeed(session, admin)
    assert lead.unit_id != unit.id

    cases.advance(session, lead, Action.REWORK, by=by, key=fresh_key(), note="市民说没有清运")

    assert (lead.unit_id, case.lead_unit_id, lead.status) == (unit.id, unit.id, AssignmentStatus.IN_PROGRESS)
    corrected = session.scalars(select(Correction).join(CaseEvent).where(CaseEvent.case_id == case.id)).one()
    assert (corrected.was, corrected.became) == ("CGJ 城管", "SYJ 水务局")
    liaison = liaison_of(session, lead)
    answers.submit_answer(session, lead, public_text="已再次清运。", closure=ClosureKind.SOLVED, by=liaison, key=fresh_key())
    assert (case.status, history.verify(session, case)) == (CaseStatus.ANSWERED, None)


def test_what_is_closed_and_on_the_ledger_goes_along_to_the_unit_that_writes_on(
    session: Session, admin: Me, clock: Traveller
) -> None:
    case = make_case(session, status=CaseStatus.CLOSED, unit="CGJ")
    lead = lead_of(session, case)
    until = now() + timedelta(days=90)
    mark = Mark(case_id=case.id, assignment_id=lead.id, kind=MarkKind.LEDGER, basis="列入明年改造", due_at=until)
    session.add(mark)
    unit = succeed(session, admin)

    clock.shift(timedelta(days=31))
    notices.remind_of_ledger(session)
    reminded = session.scalars(select(UnitNotice.unit_id).where(UnitNotice.mark_id == mark.id)).all()
    ledger.tell(session, mark, text="已报财政评审", by=liaison_of(session, lead), key=fresh_key())

    assert (reminded, lead.unit_id, mark.answer) == ([unit.id], unit.id, "已报财政评审")
    assert history.verify(session, case) is None


def test_a_closed_case_that_is_opened_again_is_proposed_to_the_unit_that_took_over(session: Session, admin: Me) -> None:
    case = make_case(session, status=CaseStatus.CLOSED, unit="CGJ")
    unit = succeed(session, admin)

    reopen(session, case)
    proposed = reading_centre.proposed(session, case)
    dispatch(session, case, proposed.unit)

    assert (proposed.unit, case.lead_unit_id, lead_of(session, case).unit_id) == ("SYJ", unit.id, unit.id)
