"""An agent at a desk with a telephone."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.db import Database
from hotline.services.telephone import switching
from models import Call, PhoneLine, SwitchboardAction, SwitchboardCommand
from tests.factories_calls import make_call
from tests.web.forms import form


@dataclass
class Seat:
    """Somebody at a desk with a telephone."""

    browser: TestClient
    staff_id: UUID
    pages: Database

    def post(self, path: str, **values: str) -> Any:
        csrf = form(self.browser.get("/desk").text, "presence").fields["csrf"]
        return self.browser.post(path, data=values, headers={"X-CSRF-Token": csrf, "HX-Request": "true"})

    def commands(self, action: SwitchboardAction) -> list[dict[str, switching.Value]]:
        with self.pages.reading() as session:
            rows = session.scalars(select(SwitchboardCommand).where(SwitchboardCommand.action == action))
            return [switching.arguments_of(row) for row in rows]

    def line(self) -> PhoneLine:
        with self.pages.reading() as session:
            return session.scalars(select(PhoneLine).where(PhoneLine.staff_id == self.staff_id)).one()

    def rings(self, *facts: str, **values: Any) -> Call:
        """A call that came as far as this person's telephone, and these facts further."""
        with self.pages.unit_of_work() as session:
            line = session.scalars(select(PhoneLine).where(PhoneLine.staff_id == self.staff_id)).one()
            return make_call(session, facts=("queued", "rang", *facts), line=line, **values)
