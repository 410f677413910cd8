"""The limit of an act on a case: one bare FastAPI endpoint that writes as many rows, as durably, with plain SQLAlchemy Core.

It checks nothing, locks nothing, seals nothing, and knows no services. `python -m bench.bare_actions URL PORT` serves it.
"""

import sys
from typing import Annotated, Any
from uuid import UUID

import uvicorn
from fastapi import FastAPI, Form
from sqlalchemy import Connection, insert, update

from hotline.db import engine_for
from models import Answer, Assignment, Case, CaseEvent, OutboxMessage, base

EVENTS = ("AssignmentAdvanced", "CaseAdvanced")
MAC = bytes(32)


def bare_app(url: str) -> FastAPI:
    app = FastAPI(openapi_url=None)
    engine = engine_for(url, pool_size=40)

    @app.post("/dispatch")
    def dispatch(case_id: Annotated[UUID, Form()], unit_id: Annotated[UUID, Form()]) -> dict[str, str]:
        at, assignment_id = base.now(), base.new_id()
        ends = dict.fromkeys(("dispatched_at", "due_at", "sign_due_at", "contact_due_at", "answer_due_at", "created_at"), at)
        row = {"id": assignment_id, "case_id": case_id, "unit_id": unit_id, "status": "dispatched", **ends}
        with engine.begin() as connection:
            connection.execute(insert(Assignment), row)
            _follow(connection, case_id, assignment_id, "dispatch", "dispatched", serial=2)
        return {"assignment_id": str(assignment_id)}

    @app.post("/sign")
    def sign(case_id: Annotated[UUID, Form()], assignment_id: Annotated[UUID, Form()]) -> dict[str, str]:
        with engine.begin() as connection:
            _move(connection, assignment_id, "in_progress", signed_at=base.now())
            _follow(connection, case_id, assignment_id, "sign", "in_progress", serial=4)
        return {"done": "yes"}

    @app.post("/answer")
    def answer(
        case_id: Annotated[UUID, Form()],
        assignment_id: Annotated[UUID, Form()],
        by_id: Annotated[UUID, Form()],
        public_text: Annotated[str, Form()],
    ) -> dict[str, str]:
        at = base.now()
        with engine.begin() as connection:
            _move(connection, assignment_id, "answered", answered_at=at)
            row = {"assignment_id": assignment_id, "public_text": public_text, "by_id": by_id, "created_at": at}
            connection.execute(insert(Answer), {"id": base.new_id(), **row})
            _follow(connection, case_id, assignment_id, "answer", "answered", serial=6)
        return {"done": "yes"}

    return app


def _move(connection: Connection, assignment_id: UUID, status: str, **values: Any) -> None:
    connection.execute(update(Assignment).where(Assignment.id == assignment_id).values(status=status, version=2, **values))


def _follow(connection: Connection, case_id: UUID, assignment_id: UUID, action: str, status: str, *, serial: int) -> None:
    """The case goes along; an entry of history for each of the two, and both are told of."""
    at = base.now()
    connection.execute(update(Case).where(Case.id == case_id).values(status=status, due_at=at, version=serial))
    entry = {"case_id": case_id, "assignment_id": assignment_id, "at": at, "action": action, "to_status": status, "mac": MAC}
    entries = [{**entry, "id": base.new_id(), "serial": serial + n, "key": f"bare-{serial + n}"} for n in range(2)]
    connection.execute(insert(CaseEvent), [{**each, "created_at": at} for each in entries])
    body = {"case_id": str(case_id), "assignment_id": str(assignment_id), "action": action, "status": status}
    told = [{"id": base.new_id(), "event": name, "body": body, "ready_at": at, "created_at": at} for name in EVENTS]
    connection.execute(insert(OutboxMessage), told)


def main() -> None:
    url, port = sys.argv[1:]
    uvicorn.run(bare_app(url), host="127.0.0.1", port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
