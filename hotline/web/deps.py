"""What a page function may ask for: a unit of work, a look, the signed-in person, the key of a form."""

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Depends, Form, Request
from pydantic import AfterValidator
from sqlalchemy.orm import Session, lazyload

from hotline.db import reading, unit_of_work, waited_for
from hotline.errors import NotAllowed, SignInNeeded
from hotline.services import access, signing_in
from hotline.services.looking import looking
from hotline.services.plain_text import clean
from models import Staff

COOKIE = "hotline_session"
STALE_FORM = "This form is out of date. Please load the page again."
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def _db() -> Iterator[Session]:
    with unit_of_work() as session:
        yield session


def _look() -> Iterator[Session]:
    with looking() as session:
        yield session


async def _waited_for() -> AsyncIterator[None]:
    with waited_for():
        yield


# Both end before the answer is sent: nobody is told "received" for a write that failed, nor sees what could not be noted.
# A function asks for `me` before `db`: they are met in this order, and on SQLite `db` holds the one turn to write from then on.
Db = Annotated[Session, Depends(_db, scope="function")]
Look = Annotated[Session, Depends(_look, scope="function")]
# Until the answer is sent, what follows from others' arrivals gives way.
WaitedFor = Annotated[None, Depends(_waited_for)]


def _signed_in(request: Request) -> access.Me:
    with reading() as session:
        return _who(session, request)


def _who(session: Session, request: Request) -> access.Me:
    token = request.cookies.get(COOKIE)
    me = signing_in.who(session, token) if token else None
    if me is None:
        raise SignInNeeded()
    return me


async def _me(request: Request, me: Annotated[access.Me, Depends(_signed_in)]) -> access.Me:
    """The signed-in person; whatever changes something must carry the session's CSRF token, in a header or a form field."""
    if request.method not in _SAFE:
        given = request.headers.get("X-CSRF-Token") or (await request.form()).get("csrf")
        if not isinstance(given, str) or not secrets.compare_digest(given.encode(), me.csrf.encode()):
            raise NotAllowed(STALE_FORM)
    return me


Me = Annotated[access.Me, Depends(_me)]


@contextmanager
def glance(request: Request) -> Iterator[tuple[Session, access.Me]]:
    """`Look` and `Me` in one turn, for what every screen fetches at each hint. Nothing is noted: it shows nobody's file."""
    with reading() as session:
        yield session, _who(session, request)


def staff_of(session: Session, me: access.Me) -> Staff:
    """The person's row, for services that note who acts."""
    return session.get_one(Staff, me.staff_id, options=[lazyload(Staff.role_rows)])


def same_site(request: Request) -> None:
    """For forms before a sign-in, which have no CSRF token: refuse what another site's page sends."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise NotAllowed(STALE_FORM)


# Made by the page for each form: the same key again is the same action, done once.
Key = Annotated[str, Form(min_length=8, max_length=64, pattern=r"^[0-9A-Za-z-]+$")]
Seen = Annotated[int | None, Form()]
UnitCode = Annotated[str, Form(max_length=32)]
# What somebody wrote, as it may be kept: a word or two, a line, a remark, some lines, and a whole note.
Label = Annotated[str, Form(max_length=64), AfterValidator(clean)]
Line = Annotated[str, Form(max_length=200), AfterValidator(clean)]
Remark = Annotated[str, Form(max_length=500), AfterValidator(clean)]
Words = Annotated[str, Form(max_length=2000), AfterValidator(clean)]
Note = Annotated[str, Form(max_length=5000), AfterValidator(clean)]


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""
