"""What people do at the public doors, read as a browser without script reads them: write, file, sign, answer, look."""

from fastapi.testclient import TestClient

from hotline.cli import export
from hotline.cli.drill.pages import Page
from hotline.db import Database

TEXT = "银杏路15号门口的路灯坏了一个星期，晚上看不清台阶。"
ANSWER = "灯具已更换，现照明正常。"


def get(browser: TestClient, url: str) -> Page:
    answer = browser.get(url, follow_redirects=True)
    assert answer.status_code == 200, (url, answer.status_code)
    return Page(answer.status_code, str(answer.url), answer.text)


def send(browser: TestClient, page: Page, name: str, /, **typed: str) -> Page:
    form = page.form(name)
    answer = browser.post(form.action, data=form.filled(typed), follow_redirects=True)
    assert answer.status_code == 200, (name, answer.status_code, Page(answer.status_code, "", answer.text).described())
    return Page(answer.status_code, str(answer.url), answer.text)


def write(citizen: TestClient, **typed: str) -> tuple[str, str]:
    """Returns what the citizen is given: number and code."""
    letter = {"kind": "help", "text": TEXT, "name": "赵女士", "number": "13809001234", "consent": "yes", **typed}
    slip = send(citizen, get(citizen, "/"), "letter", **letter).form("track")
    return slip.first("number"), slip.first("code")


def take_and_file(agent: TestClient, *, unit: str = "ZJJ", **typed: str) -> None:
    desk = get(agent, "/desk")
    available = next(form for form in desk.forms("presence") if form.first("state") == "available")
    agent.post(available.action, data=available.filled({}))
    opened = send(agent, get(agent, "/desk"), "take-next")
    filled = {"request_type": "help", "category": "0203", "unit": unit, "place_text": "银杏路15号", "title": "路灯不亮", **typed}
    send(agent, opened, "file", **filled)


def open_at_unit(liaison: TestClient, number: str) -> Page:
    link = get(liaison, f"/unit?q={number}").link(r"/unit/[0-9a-f-]{36}[^\"]*")
    assert link is not None
    return get(liaison, link)


def answer(liaison: TestClient, number: str) -> None:
    send(liaison, open_at_unit(liaison, number), "sign")
    send(liaison, open_at_unit(liaison, number), "answer", public_text=ANSWER, closure="solved", internal_note="已换镇流器")


def track(citizen: TestClient, number: str, code: str) -> Page:
    return send(citizen, get(citizen, "/track"), "track", number=number, code=code)


def case_row(pages: Database, number: str) -> dict[str, object]:
    with pages.reading() as session:
        return next(row for row in export.cases(session) if row["number"] == number)
