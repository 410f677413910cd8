"""What streets and communities do at the units' desk needs no more than twenty SQL statements."""

from typing import Any

from sqlalchemy import select

from hotline.db import Database
from hotline.services.profiles import profiles
from models import Assignment, Case, CaseStatus, Role
from tests.conftest import Drain, SignIn
from tests.factories_cases import make_case
from tests.web.statements import act, visit


def test_the_levels_below_a_street(as_role: SignIn, pages: Database, drain: Drain) -> None:
    body = profiles.shipped() | {"may_call": ["area"]}
    with pages.unit_of_work() as session:
        make_case(session, status=CaseStatus.IN_PROGRESS, unit="T001", profile=body, community_code="990181001001")
        lead, number = session.scalars(select(Assignment.id)).one(), session.scalars(select(Case.number)).one()
    street, community = as_role(Role.LIAISON, unit="T001"), as_role(Role.LIAISON, unit="990181001001")
    dispatcher, top = as_role(Role.DISPATCHER), f"/unit/{lead}"

    act(street, pages, visit(street, pages, top), "send-down", note="请看现场")
    below = f"/unit/{_newest(pages)}"
    act(community, pages, visit(community, pages, below), "sign")
    act(community, pages, visit(community, pages, below), "send-down")
    act(community, pages, visit(community, pages, below), "answer", public_text="已处理。")
    act(street, pages, visit(street, pages, top), "send-back", note="没有照片")
    act(community, pages, visit(community, pages, below), "send-up", note="需要吊车")
    act(street, pages, visit(street, pages, top), "call-in", units="CGJ", note="下午三点")
    act(street, pages, visit(street, pages, top), "ask-assists", unit="ZJJ", basis="涉及房屋")
    act(dispatcher, pages, visit(dispatcher, pages, f"/verify/assists/{number}"), "decide-assists", grant="true")
    act(street, pages, visit(street, pages, top), "meeting", held_on="2026-01-05", present="各单位", result="三日内修复")
    visit(street, pages, top)


def _newest(pages: Database) -> Any:
    with pages.reading() as session:
        return session.scalars(select(Assignment.id).order_by(Assignment.id.desc())).first()
