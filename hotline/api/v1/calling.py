"""What every call passes: its key, its pace, what it may do; writing calls once each; and how things are answered."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Request
from fastapi.responses import Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from sqlalchemy.orm import Session

from hotline import db
from hotline.api.v1.shapes import CaseLine
from hotline.errors import SignInNeeded
from hotline.services import access
from hotline.services.actors import Actor
from hotline.services.limiting import Window
from hotline.services.systems import accounts, calls, reading
from hotline.services.systems.accounts import Caller as Caller
from hotline.settings import Settings
from models import Assignment, Scope

JSON = "application/json"
# Who guesses at keys.
FAILURES, WITHIN = 60, timedelta(minutes=10)
NO_KEY = "The key is missing, wrong, or no longer valid."
bearer = HTTPBearer(auto_error=False, description="The system's key, as the centre's administrators gave it out.")


class Paces:
    """How fast keys are used, and wrong ones tried. In each process, so that several together take that many times as much."""

    def __init__(self, settings: Settings) -> None:
        self.calls = Window(settings.systems.calls_per_minute, timedelta(minutes=1))
        self.failures = Window(FAILURES, WITHIN)


def _caller(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> Caller:
    paces: Paces = request.app.state.system_paces
    address = request.client.host if request.client else ""
    if given is None:
        raise SignInNeeded(NO_KEY)
    try:
        with db.reading() as session:
            caller = accounts.who(session, given.credentials, address=address)
    except SignInNeeded:
        # A good key beside it is not held up: units may share an address.
        paces.failures.check(address)
        paces.failures.count(address)
        raise
    paces.calls.check(str(caller.key_id))
    paces.calls.count(str(caller.key_id))
    if not caller.is_noted:
        with db.unit_of_work() as session:
            accounts.note_use(session, caller.key_id)
    return caller


Calling = Annotated[Caller, Depends(_caller)]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=8,
        max_length=64,
        pattern=r"^[0-9A-Za-z_-]+$",
        description="Made by the caller for each act, such as a UUID. The same call again within 48 hours is answered as the "
        "first time and does nothing; with another content it is refused.",
        examples=["7f0c6f0e-52f5-4a0e-9d0c-0b8f4c1f6f3a"],
    ),
]

# The session, the assignment, who acts, and the key of the act.
Act = Callable[[Session, Assignment, Actor, str], object]


def do(request: Request, caller: Caller, key: str, case_id: UUID, asked: Mapping[str, Any], act: Act) -> Response:
    """Once for each key, in one transaction with what is kept of the call."""
    caller.require(Scope.ACT)
    with db.unit_of_work() as session:

        def run() -> str:
            _, held = access.see_assignment(session, caller.me, case_id, to_act=True)
            act(session, held.assignment, caller.me.actor, calls.act_key(caller.system_id, key))
            return CaseLine.model_validate(reading.line(session, held.assignment)).model_dump_json()

        done = calls.once(session, caller.system_id, key, {"call": request.url.path, **asked}, run)
    headers = {"Idempotent-Replayed": "true"} if done.is_repeat else {}
    return Response(done.answer, media_type=JSON, headers=headers)


def shown(request: Request, body: BaseModel) -> Response:
    """With a tag of its content; 304 to whoever has just this already."""
    content = body.model_dump_json().encode()
    tag = f'"{sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    known = {each.strip().removeprefix("W/") for each in request.headers.get("If-None-Match", "").split(",")}
    if tag in known:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=JSON, headers=headers)
