"""Sign in and out; each person arrives at the desk of his or her first role."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from hotline.db import reading, unit_of_work
from hotline.errors import Invalid, TooMany
from hotline.services import signing_in
from hotline.services.telephone import lines
from hotline.settings import get_settings
from hotline.web import render
from hotline.web.deps import COOKIE, Db, Me, address_of, same_site
from hotline.words import say
from models import Role
from models.workflow import UNIT_ROLES

router = APIRouter(include_in_schema=False)

HOMES = (
    (frozenset({Role.AGENT}), "/desk"),
    (frozenset({Role.CALLBACK_AGENT}), "/asking"),
    (UNIT_ROLES, "/unit"),
    (frozenset({Role.DISPATCHER, Role.VERIFIER, Role.SHIFT_LEADER}), "/verify"),
    (frozenset({Role.SUPERVISOR}), "/wall"),
    (frozenset({Role.ADMINISTRATOR}), "/admin"),
)


@router.get("/home")
def home(request: Request, me: Me) -> Response:
    return render.redirect(request, home_of(me.roles))


@router.get("/login")
def sign_in_page(request: Request, next: str = "") -> Response:
    return render.page(request, "login/page.html", next=render.local_path(next), username="", error="")


@router.post("/login", dependencies=[Depends(same_site)])
def sign_in(
    request: Request,
    username: Annotated[str, Form(max_length=64)] = "",
    password: Annotated[str, Form(max_length=256)] = "",
    next: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    address, wanted = address_of(request), render.local_path(next)
    with reading() as session:
        found = signing_in.account(session, username)
    try:
        staff = signing_in.authenticate(found, password, username=username, address=address)
    except (Invalid, TooMany) as refusal:
        values: dict[str, Any] = {"next": wanted, "username": username, "error": say(refusal.text, **refusal.values)}
        return render.page(request, "login/page.html", status=refusal.status, **values)
    with unit_of_work() as session:
        _, token = signing_in.open_session(session, staff, address=address)
    response = render.redirect(request, wanted or home_of(staff.roles))
    response.set_cookie(
        COOKIE,
        token,
        max_age=get_settings().desk.session_hours * 3600,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


@router.post("/logout")
def sign_out(request: Request, db: Db, me: Me) -> Response:
    lines.sign_out(db, session_id=me.session_id)
    signing_in.sign_out(db, me)
    response = render.redirect(request, "/login")
    response.delete_cookie(COOKIE)
    return response


def home_of(roles: frozenset[Role]) -> str:
    return next((path for wanted, path in HOMES if wanted & roles), "/reports")
