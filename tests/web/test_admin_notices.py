"""The administrators' page of what units are told; and how the tellings went, there and at the case."""

from datetime import timedelta

from sqlalchemy import select
from time_machine import Traveller

from hotline.db import Database
from hotline.services.rosters import notice_rule, telling
from models import ChatGroup, Role, Rule
from tests.conftest import SignIn
from tests.factories_cases import lead_of
from tests.services.rosters.making import make_member
from tests.services.rosters.test_telling import given
from tests.web.forms import form

PAGE = "/admin/notices"


def test_the_rule_as_it_stands_is_the_same_rule_again(as_role: SignIn, pages: Database) -> None:
    admin = as_role(Role.ADMINISTRATOR)
    found = form(admin.get(PAGE).text, "notice-rule")
    ticked = {**found.fields}
    for name in [name for name in ticked if name.endswith(".by")]:
        del ticked[name]
    with pages.reading() as session:
        rule = notice_rule.current(session)
    many = {
        **{
            f"steps.{occasion}.{row}.by": list(step.by)
            for occasion, steps in rule.steps.items()
            for row, step in enumerate(steps)
        },
        **{f"at_night.{urgency}": list(ways) for urgency, ways in rule.at_night.items()},
    }

    answer = admin.post(PAGE, data={**ticked, **many})

    assert answer.status_code == 303, answer.text
    with pages.reading() as session:
        assert notice_rule.current(session) == rule


def test_a_change_is_a_new_edition_and_nonsense_is_refused_with_the_reason(as_role: SignIn, pages: Database) -> None:
    admin = as_role(Role.ADMINISTRATOR)
    found = form(admin.get(PAGE).text, "notice-rule")
    steps = {"steps.new.0.by": "sms", "steps.new.1.by": "email", "steps.new.2.by": "call", "steps.new.3.by": "call"}
    others = {f"steps.{occasion}.0.by": "sms" for occasion in ("rework", "due_soon", "overdue", "supervision", "ledger")}
    more = {"steps.overdue.1.by": "sms", "steps.supervision.1.by": "sms", "steps.ledger.1.by": "sms"}

    refused = admin.post(PAGE, data=found.filled(**{**steps, **others, **more, "pause_minutes": "-3"}))
    assert refused.status_code == 422
    assert "间隔" in refused.text
    changed = admin.post(PAGE, data=found.filled(**{**steps, **others, **more, "pause_minutes": "30"}))

    assert changed.status_code == 303, changed.text
    with pages.reading() as session:
        assert notice_rule.current(session).pause_minutes == 30
        assert session.scalars(select(Rule.edition).where(Rule.kind == "unit_notices", Rule.current)).one() == 2


def test_a_group_is_kept_on_listed_hosts_only_and_its_address_is_not_shown_again(as_role: SignIn, pages: Database) -> None:
    admin = as_role(Role.ADMINISTRATOR)
    found = form(admin.get(PAGE).text, "group")
    address = "https://oapi.dingtalk.com/robot/send?access_token=t0ken"

    assert admin.post(found.action, data=found.filled(unit="CGJ", kind="dingtalk", url="https://10.0.0.1/x")).status_code == 422
    saved = admin.post(found.action, data=found.filled(unit="CGJ", kind="dingtalk", url=address, secret="SECret"))

    assert saved.status_code == 303
    page = admin.get(PAGE).text
    assert "钉钉" in page
    assert "t0ken" not in page
    assert "SECret" not in page
    removed = form(page, "remove-group")
    admin.post(removed.action, data=removed.filled())
    with pages.reading() as session:
        assert session.scalars(select(ChatGroup)).all() == []


def test_a_telling_is_seen_at_the_case_by_its_unit_and_the_centre_and_by_administrators(
    as_role: SignIn, pages: Database, clock: Traveller
) -> None:
    with pages.unit_of_work() as session:
        make_member(session, name="周岚")
        case = given(session)
        assignment_id = lead_of(session, case).id
    clock.shift(timedelta(seconds=30))
    with pages.unit_of_work() as session:
        telling.tell_due(session)

    shown = (
        as_role(Role.LIAISON, unit="CGJ").get(f"/unit/{assignment_id}").text,
        as_role(Role.DISPATCHER).get(f"/case/{case.number}").text,
        as_role(Role.ADMINISTRATOR).get(PAGE).text,
    )

    assert [("周岚" in page, "短信" in page) for page in shown] == [(True, True)] * 3
    assert "/duty?q=CGJ" in shown[1]
    assert "还没有提醒过单位" not in shown[2]
    assert case.number in shown[2]
    assert f"/case/{case.number}" not in shown[2], "an administrator opens no cases"
