"""Progress by number and code, on its own address; a short cookie for that address alone lets the citizen add to it."""

import secrets
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from hotline.errors import HotlineError, Invalid, TooMany
from hotline.services import reading_progress, tracking
from hotline.services.city import places
from hotline.services.sideways import wishes
from hotline.services.sideways.wishes import Wish
from hotline.web import render
from hotline.web.deps import Db, Key, Look, address_of, same_site
from hotline.web.letters import LONGEST_TEXT, clean, in_chinese
from hotline.words import say
from models import now
from models.privacy import lookup_hash

router = APIRouter(include_in_schema=False)

COOKIE = "hotline_track"
OPEN_FOR = timedelta(minutes=30)
DONE = {
    "remark": "Your addition has been received.",
    "urge": "The unit has been reminded.",
    Wish.WITHDRAW: "The matter is withdrawn. Nothing more is done about it.",
    Wish.APPEAL: "Your appeal has been received. Somebody else will look at it, and you will be told.",
    Wish.REOPEN: "Your wish has been received. The centre will look at it again.",
}
EXAMPLE = "990181-20261121-000123"


@router.get("/track")
def ask(request: Request, look: Look, number: str = "") -> Response:
    return _ask(request, look, number[:40])


@router.post("/track", dependencies=[Depends(same_site)])
def unlock(request: Request, look: Look, number: Annotated[str, Form()] = "", code: Annotated[str, Form()] = "") -> Response:
    try:
        contact = tracking.unlock(look, number, code, address=address_of(request))
    except (Invalid, TooMany) as refusal:
        return _ask(request, look, number[:40], in_chinese(refusal), status=refusal.status)
    path = f"/track/{contact.reference}"
    response = render.redirect(request, path)
    secure = request.url.scheme == "https"
    response.set_cookie(
        COOKIE,
        _pass_for(contact.id),
        max_age=int(OPEN_FOR.total_seconds()),
        path=path,
        httponly=True,
        samesite="lax",
        secure=secure,
    )
    return response


@router.get("/track/{reference}")
def show(request: Request, look: Look, reference: str, done: str = "") -> Response:
    contact_id = _admitted(request)
    if contact_id is None:
        return _back(request, reference)
    told = DONE.get(done)
    return _page(request, look, contact_id, told={"kind": "good", "text": say(told)} if told else None)


@router.get("/track/{reference}/{_act}")
def opened_again(request: Request, reference: str, _act: str) -> Response:
    """A telephone that has put the page aside opens it anew by the address at which a form was refused."""
    return render.redirect(request, f"/track/{quote(reference)}")


@router.post("/track/{reference}/remark", dependencies=[Depends(same_site)])
def remark(
    request: Request, db: Db, reference: str, key: Key, number: Annotated[str, Form()] = "", text: Annotated[str, Form()] = ""
) -> Response:
    contact_id = _admitted(request)
    if contact_id is None:
        return _back(request, reference)
    typed = clean(text)
    if problem := _problem_with(typed):
        return _page(request, db, contact_id, problem=problem, typed=typed, status=422)
    tracking.remark(db, contact_id, number=number, text=typed, key=key)
    return render.redirect(request, f"/track/{reference}?done=remark")


@router.post("/track/{reference}/urge", dependencies=[Depends(same_site)])
def urge(request: Request, db: Db, reference: str, key: Key, number: Annotated[str, Form()] = "") -> Response:
    contact_id = _admitted(request)
    if contact_id is None:
        return _back(request, reference)
    try:
        tracking.urge(db, contact_id, number=number, key=key)
    except HotlineError as refusal:
        told = {"kind": "warn", "text": in_chinese(refusal)}
        return _page(request, db, contact_id, told=told, status=refusal.status)
    return render.redirect(request, f"/track/{reference}?done=urge")


@router.post("/track/{reference}/wish", dependencies=[Depends(same_site)])
def wish(
    request: Request,
    db: Db,
    reference: str,
    key: Key,
    wish: Annotated[Wish, Form()],
    number: Annotated[str, Form()] = "",
    text: Annotated[str, Form(max_length=LONGEST_TEXT)] = "",
    sure: Annotated[bool, Form()] = False,
) -> Response:
    """To withdraw, to appeal, to reopen: each in the citizen's words. A withdrawal is ticked off besides."""
    contact_id = _admitted(request)
    if contact_id is None:
        return _back(request, reference)
    try:
        if wish == Wish.WITHDRAW and not sure:
            raise Invalid("Please tick that you want to withdraw the matter.")
        wishes.say(db, contact_id, wish, number=number, text=clean(text), key=key)
    except HotlineError as refusal:
        told = {"kind": "warn", "text": in_chinese(refusal)}
        return _page(request, db, contact_id, told=told, status=refusal.status)
    return render.redirect(request, f"/track/{reference}?done={wish}")


@router.post("/track/{reference}/leave", dependencies=[Depends(same_site)])
def leave(request: Request, reference: str) -> Response:
    response = render.redirect(request, "/track")
    response.delete_cookie(COOKIE, path=f"/track/{quote(reference)}")
    return response


def _ask(request: Request, session: Session, number: str, problem: str = "", *, status: int = 200) -> Response:
    values: dict[str, Any] = {"number": number, "problem": problem, "example": EXAMPLE, "brand": places.hotline_name(session)}
    return render.page(request, "public/track.html", status=status, **values)


def _page(
    request: Request,
    session: Session,
    contact_id: UUID,
    *,
    told: dict[str, str] | None = None,
    problem: str = "",
    typed: str = "",
    status: int = 200,
) -> Response:
    values: dict[str, Any] = {
        "told": told,
        "problem": problem,
        "typed": typed,
        "longest": LONGEST_TEXT,
        "brand": places.hotline_name(session),
    }
    return render.page(
        request, "public/progress.html", status=status, at=now(), view=reading_progress.progress(session, contact_id), **values
    )


def _back(request: Request, reference: str) -> Response:
    """The half hour is over, or somebody guessed the address."""
    return render.redirect(request, f"/track?number={quote(reference)}")


def _problem_with(typed: str) -> str:
    if not typed:
        return say("Please write what you want to add.")
    if len(typed) > LONGEST_TEXT:
        return say("Please shorten the text to 2,000 characters; it has {count}.", count=f"{len(typed):,}")
    return ""


def _pass_for(contact_id: UUID) -> str:
    ends = int((now() + OPEN_FOR).timestamp())
    return f"{contact_id.hex}.{ends}.{_seal(contact_id.hex, ends)}"


def _admitted(request: Request) -> UUID | None:
    """Whose progress this browser may see; the cookie holds for one address only."""
    parts = request.cookies.get(COOKIE, "").split(".")
    if len(parts) != 3 or not parts[1].isdigit() or len(parts[0]) != 32:
        return None
    genuine = secrets.compare_digest(parts[2].encode(), _seal(parts[0], int(parts[1])).encode())
    return UUID(parts[0]) if genuine and int(parts[1]) > now().timestamp() else None


def _seal(contact: str, ends: int) -> str:
    return lookup_hash("track-pass", f"{contact}.{ends}").hex()[:32]
