"""What people do at the public doors, read as a browser without script reads them: write, file, sign, answer, look."""

import io

from httpx2 import Client
from PIL import Image

from hotline.cli import export
from hotline.cli.drill.pages import Page
from hotline.db import Database

TEXT = "银杏路15号门口的路灯坏了一个星期，晚上看不清台阶。"
RIVERSIDE = TEXT.replace("银杏路15号", "滨江路75号")
ANSWER = "灯具已更换，现照明正常。"


def get(browser: Client, url: str) -> Page:
    answer = browser.get(url, follow_redirects=True)
    assert answer.status_code == 200, (url, answer.status_code)
    return Page(answer.status_code, str(answer.url), answer.text)


def send(browser: Client, page: Page, name: str, /, **typed: str) -> Page:
    form = page.form(name)
    answer = browser.post(form.action, data=form.filled(typed), follow_redirects=True)
    assert answer.status_code == 200, (name, answer.status_code, Page(answer.status_code, "", answer.text).described())
    return Page(answer.status_code, str(answer.url), answer.text)


def write(citizen: Client, **typed: str) -> tuple[str, str]:
    """Returns what the citizen is given: number and code."""
    letter = {"kind": "help", "text": TEXT, "name": "赵女士", "number": "13809001234", "consent": "yes", **typed}
    slip = send(citizen, get(citizen, "/"), "letter", **letter).form("track")
    return slip.first("number"), slip.first("code")


def take_and_file(agent: Client, *, unit: str = "ZJJ", **typed: str) -> None:
    be_available(agent)
    file_it(agent, send(agent, get(agent, "/desk"), "take-next"), unit=unit, **typed)


def be_available(agent: Client) -> None:
    available = next(form for form in get(agent, "/desk").forms("presence") if form.first("state") == "available")
    agent.post(available.action, data=available.filled({}))


def file_it(agent: Client, opened: Page, *, unit: str = "ZJJ", **typed: str) -> None:
    filled = {"request_type": "help", "category": "0203", "unit": unit, "place_text": "银杏路15号", "title": "路灯不亮", **typed}
    send(agent, opened, "file", **filled)


def open_at_unit(liaison: Client, number: str) -> Page:
    link = get(liaison, f"/unit?q={number}").link(r"/unit/[0-9a-f-]{36}[^\"]*")
    assert link is not None
    return get(liaison, link)


def answer(liaison: Client, number: str) -> None:
    send(liaison, open_at_unit(liaison, number), "sign")
    send(liaison, open_at_unit(liaison, number), "answer", public_text=ANSWER, closure="solved", internal_note="已换镇流器")


def on_desk(person: Client, tab: str, number: str) -> Page:
    return get(person, f"/verify/{tab}/{number}")


def see_on_site(verifier: Client, number: str, verdict: str, remark: str) -> None:
    form = on_desk(verifier, "on_site", number).form("site")
    sent = verifier.post(
        form.action,
        data=form.filled({"verdict": verdict, "remark": remark}),
        files={"photographs": ("IMG_1.jpg", photograph(), "image/jpeg")},
    )
    assert sent.status_code == 303, sent.text


def photograph() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (64, 48), (40, 120, 60)).save(written, "JPEG")
    return written.getvalue()


def send_down(liaison: Client, number: str, below: str) -> str:
    """Returns the page on which the unit answers later; by number it also finds those of the units below."""
    send(liaison, open_at_unit(liaison, number), "sign")
    own = open_at_unit(liaison, number)
    send(liaison, own, "send-down", unit=below)
    return own.url


def evaluate(citizen: Client, number: str, code: str, **said: str) -> None:
    link = survey_link(citizen, number, code)
    assert link is not None
    given = {"solved": "yes", "result": "satisfied", "unit": "satisfied", **said}
    send(citizen, get(citizen, link), "survey", **given)


def survey_link(citizen: Client, number: str, code: str) -> str | None:
    return track(citizen, number, code).link(r"/survey/[\w-]+")


def track(citizen: Client, number: str, code: str) -> Page:
    return send(citizen, get(citizen, "/track"), "track", number=number, code=code)


def case_row(pages: Database, number: str) -> dict[str, object]:
    with pages.reading() as session:
        return next(row for row in export.cases(session) if row["number"] == number)
