"""The administrators' page of the telephone: its rule in editions, and the telephones on desks."""

import re
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.db import Database
from hotline.services.telephone import lines, switching, telephone_rule
from hotline.services.telephone.telephone_rule import TelephoneRule
from hotline.settings import Settings
from models import AccessLog, PhoneLine, Role, Rule, SwitchboardAction
from tests.conftest import SignIn
from tests.web.forms import form
from tests.web.statements import at_most_twenty

PAGE = "/admin/telephone"


def rule(pages: Database) -> TelephoneRule:
    with pages.reading() as session:
        return telephone_rule.current(session)


def editions(pages: Database) -> list[Rule]:
    with pages.reading() as session:
        return list(session.scalars(select(Rule).where(Rule.kind == telephone_rule.KIND).order_by(Rule.edition)))


def save(admin: TestClient, **values: Any) -> Any:
    """The form as it stands, but for these."""
    return admin.post(PAGE, data=form(admin.get(PAGE).text, "telephone-rule").fields | values)


def problems(page: str) -> dict[str, str]:
    return dict(re.findall(r'data-problem="(\w+)">([^<]*)<', page))


def test_what_is_saved_is_a_new_edition_in_force_and_the_rest_stays(admin: TestClient, pages: Database) -> None:
    before = rule(pages)

    saved = save(
        admin,
        longest_wait="90",
        flows_survey="true",
        callbacks_from="09:00",
        callbacks_again_after_minutes="5，30 120",
        recordings_days="365",
    )

    assert saved.status_code == 303
    now = rule(pages)
    assert (now.longest_wait, now.flows.survey, now.flows.menu, now.recordings.days) == (90, True, False, 365)
    assert (now.callbacks.from_.isoformat("minutes"), now.callbacks.again_after_minutes) == ("09:00", [5, 30, 120])
    assert (now.queues, now.numbers, now.parties, now.wrap_up) == (before.queues, before.numbers, before.parties, before.wrap_up)
    assert [(edition.edition, edition.current) for edition in editions(pages)] == [(1, False), (2, True)]


def test_saving_what_stands_there_already_adds_no_edition(admin: TestClient, pages: Database) -> None:
    assert save(admin).status_code == 303
    assert save(admin, hours_from=["09:00"], hours_to=["18:00"], hours_days=["0:1", "0:5"]).status_code == 303
    assert len(editions(pages)) == 2

    assert save(admin, hours_from=["09:00"], hours_to=["18:00"], hours_days=["0:1", "0:5"]).status_code == 303
    assert len(editions(pages)) == 2


def test_hours_are_kept_by_rows_and_an_empty_row_is_not_meant(admin: TestClient, pages: Database) -> None:
    save(
        admin,
        hours_from=["09:00", "", "10:00"],
        hours_to=["12:00", "", "16:00"],
        hours_days=["0:1", "0:2", "2:6"],
    )

    assert [(stretch.days, stretch.from_.hour, stretch.to.hour) for stretch in rule(pages).hours] == [
        ([1, 2], 9, 12),
        ([6], 10, 16),
    ]
    page = admin.get(PAGE).text
    assert 'value="1:6" checked' in page
    assert 'name="hours_from" aria-label="从" value="10:00"' in page


def test_a_stretch_may_last_over_midnight(admin: TestClient, pages: Database) -> None:
    save(admin, hours_from=["20:00"], hours_to=["06:00"], hours_days=["0:5"])

    assert [(stretch.days, stretch.from_.hour, stretch.to.hour) for stretch in rule(pages).hours] == [([5], 20, 6)]


STRETCH = "每段要有星期、开始和结束。"
MISTAKES: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"longest_wait": "0"}, {"longest_wait": "要大于 0。"}),
    ({"longest_wait": "3601"}, {"longest_wait": "不能大于 3600。"}),
    ({"missed_rings": "", "offer": "1.5"}, {"missed_rings": "请填整数。", "offer": "请填整数。"}),
    ({"wrap_up": "半分钟", "callbacks_tries": "0"}, {"wrap_up": "请填整数。", "callbacks_tries": "不能小于 1。"}),
    ({"callbacks_from": "830"}, {"callbacks_from": "请填时间，例如 08:30。"}),
    ({"callbacks_from": "08:30Z"}, {"callbacks_from": "请填时间，例如 08:30。"}),
    ({"callbacks_from": "20:30", "callbacks_to": "08:30"}, {"callbacks_to": "结束要晚于开始。"}),
    ({"callbacks_again_after_minutes": "10 x"}, {"callbacks_again_after_minutes": "请填整数。"}),
    ({"callbacks_again_after_minutes": "99999"}, {"callbacks_again_after_minutes": "不能大于 10080。"}),
    ({"recordings_days": "9999999"}, {"recordings_days": "不能大于 36500。"}),
    ({"hours_from": ["09:00"], "hours_to": [""], "hours_days": ["0:1"]}, {"hours": STRETCH}),
    ({"hours_from": ["09:00"], "hours_to": ["18:00"]}, {"hours": STRETCH}),
    ({"hours_from": ["18:00"], "hours_to": ["25:00"], "hours_days": ["0:1"]}, {"hours": STRETCH}),
]


def test_what_cannot_be_is_told_beside_its_field_and_kept_as_typed(admin: TestClient, pages: Database) -> None:
    for values, told in MISTAKES:
        refused = save(admin, **values)

        assert (refused.status_code, problems(refused.text)) == (422, told)
        typed = form(refused.text, "telephone-rule").fields
        assert all(typed[name] == value for name, value in values.items() if isinstance(value, str))
    assert len(editions(pages)) == 1


def test_the_page_says_who_changed_what_and_when(admin: TestClient) -> None:
    save(admin, longest_wait="90", recordings_days="365")

    page = re.sub(r"<[^>]+>", " ", admin.get(PAGE).text)

    assert re.search(r"2（现用）.*最长等候、录音", page, re.DOTALL)
    assert "数据文件" in page


def test_the_page_shows_queues_numbers_and_whom_calls_may_be_handed_to(admin: TestClient) -> None:
    page = admin.get(PAGE).text

    assert all(shown in page for shown in ("english", "12345", "公安报警", "重启交换机"))


def secret_of(page: str) -> dict[str, str]:
    return dict(re.findall(r'data-value="(\w+)">([^<]*)<', page))


def test_a_desk_phone_gets_a_secret_that_is_shown_once(admin: TestClient, pages: Database, settings: Settings) -> None:
    settings.asterisk.bind = "10.1.2.3"
    asked = form(admin.get(PAGE).text, "desk-secret")

    shown = admin.post(asked.action, data=asked.filled())

    told = secret_of(shown.text)
    assert (told["user"], told["server"], told["port"]) == ("1001", "10.1.2.3", "5060")
    assert shown.headers["cache-control"] == "no-store"
    with pages.reading() as session:
        line = session.get_one(PhoneLine, "1001")
        assert line.digest == lines.digest_of("1001", told["secret"])
        assert [command.action for command in switching.due(session)] == [SwitchboardAction.SIGN_IN]
        assert session.scalars(select(AccessLog.reason).where(AccessLog.subject_kind == "line")).all() == ["1001"]
    assert told["secret"] not in admin.get(PAGE).text


def test_there_is_no_secret_for_a_line_that_is_no_desk_phone(admin: TestClient) -> None:
    csrf = form(admin.get(PAGE).text, "desk-secret").fields

    assert [admin.post(f"{PAGE}/desk/{extension}/secret", data=csrf).status_code for extension in ("2001", "1021", "x")] == [
        404
    ] * 3


def test_only_an_administrator_changes_any_of_it(admin: TestClient, as_role: SignIn) -> None:
    leader = as_role(Role.SHIFT_LEADER)
    csrf = form(leader.get("/desk").text, "sign-out").fields

    assert leader.post(PAGE, data=form(admin.get(PAGE).text, "telephone-rule").fields | csrf).status_code == 403
    assert leader.post(f"{PAGE}/desk/1001/secret", data=csrf).status_code == 403


def test_neither_the_page_nor_a_new_edition_needs_more_than_twenty_statements(
    admin: TestClient, pages: Database, settings: Settings
) -> None:
    settings.asterisk.desk_lines = 60
    asked = form(admin.get(PAGE).text, "desk-secret")
    admin.post(asked.action, data=asked.filled())
    for seconds in range(60, 70):
        save(admin, longest_wait=str(seconds))
    fields = form(admin.get(PAGE).text, "telephone-rule").fields

    with at_most_twenty(pages, f"GET {PAGE}"):
        admin.get(PAGE)
    with at_most_twenty(pages, f"POST {PAGE}"):
        assert admin.post(PAGE, data=fields | {"longest_wait": "100"}).status_code == 303
