"""What an agent's browser does without script: send forms, read the page that follows; and what the tests look up behind it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.db import Database
from models import Case, Contact
from tests.web.forms import PageForm, form, forms

NUMBER = "+8613800000172"
CATEGORY = "0102"
WATER = "0401 水电气热 › 供水"


def send(browser: TestClient, sent: PageForm, **values: str) -> Any:
    return browser.post(sent.action, data=sent.filled(**values))


def submit(browser: TestClient, url: str, name: str, **values: Any) -> Any:
    """Fill in the form of this name on a page and send it."""
    return send(browser, form(browser.get(url).text, name), **values)


def follow(browser: TestClient, sent: PageForm, **values: str) -> str:
    """Send a form and read the page that follows."""
    answer = send(browser, sent, **values)
    assert answer.status_code == 303, answer.text
    return browser.get(answer.headers["location"]).text


def drafted(page: str, contact_id: UUID, **values: str) -> PageForm:
    """The filing form of the page as its button for drafts sends it."""
    return PageForm("draft", f"/desk/contact/{contact_id}/draft", form(page, "file").filled(**values))


def take(browser: TestClient) -> str:
    return follow(browser, form(browser.get("/desk").text, "take-next"))


def offered(browser: TestClient, url: str) -> set[str]:
    """The names of the forms on a page."""
    return {each.name for each in forms(browser.get(url).text)}


def looked_up(pages: Database, read: Callable[[Session], Any]) -> Any:
    with pages.reading() as session:
        return read(session)


def contact_of(pages: Database, contact_id: UUID) -> Contact:
    found: Contact = looked_up(pages, lambda session: session.get_one(Contact, contact_id))
    return found


def the_case(pages: Database, contact_id: UUID) -> Case:
    found: Case = looked_up(pages, lambda session: session.scalars(select(Case).where(Case.contact_id == contact_id)).one())
    return found
