"""Counts the SQL statements of a page or an action."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import Engine, event

from hotline.db import Database
from tests.web.forms import form

MOST = 20


@contextmanager
def at_most_twenty(pages: Database, what: str) -> Iterator[None]:
    sent: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        if not statement.startswith(("BEGIN", "SAVEPOINT", "RELEASE")):
            sent.append(statement)

    # On PostgreSQL one engine does it all; on SQLite the readers have one of their own.
    engines = [each for each in vars(pages).values() if isinstance(each, Engine)] if pages.is_sqlite else [pages.engine]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
    assert len(sent) <= MOST, f"{what}: {len(sent)} statements\n" + "\n".join(sent)


def visit(browser: TestClient, city: Database, url: str) -> str:
    with at_most_twenty(city, f"GET {url}"):
        answer = browser.get(url)
    assert answer.status_code == 200, url
    return answer.text


def act(browser: TestClient, city: Database, page: str, form_name: str, **values: str) -> Any:
    """The first form of that name, sent as it stands but for what is given."""
    found = form(page, form_name)
    with at_most_twenty(city, f"POST {found.action}"):
        answer = browser.post(found.action, data=found.filled(**values))
    assert answer.status_code in (200, 303), answer.text
    return answer
