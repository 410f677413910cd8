"""The web mailbox: a citizen writes a letter and is given number and code at once."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session
from starlette.datastructures import FormData

from hotline.db import unit_of_work
from hotline.services import consent, intake
from hotline.services.city import places
from hotline.services.limiting import Window
from hotline.web import letters, render, track
from hotline.web.deps import Look, WaitedFor, address_of
from hotline.web.letters import KINDS, LONGEST_TEXT, Letter
from hotline.words import say

router = APIRouter(include_in_schema=False)
router.include_router(track.router)

# Many citizens share an address; few write so often from one number. The machine itself stands for many people: a proxy, a drill.
FROM_ADDRESS = Window(120, timedelta(minutes=10))
FROM_NUMBER = Window(20, timedelta(minutes=10))
# Letters with files, refused ones too: looking at a file costs far more than reading a text.
FILES_FROM_ADDRESS = Window(120, timedelta(minutes=10))
OURSELVES = frozenset({"127.0.0.1", "::1"})
# Read, so that who chose far too many is told how many, beside all that was typed; the limit of the body holds anyway.
MOST_CHOSEN = 200
LONGEST_FIELD = 8 * 1024 * 1024  # read, so that a far too long text can be shown again with the sentence that it is


async def _form(request: Request) -> AsyncIterator[FormData]:
    async with request.form(max_files=MOST_CHOSEN, max_fields=60, max_part_size=LONGEST_FIELD) as form:
        yield form


def _checked(request: Request, form: FormData) -> tuple[Letter, dict[str, str]]:
    """Read and checked, files included, before a transaction is opened: checking a photograph takes its time."""
    letter = Letter.read(form)
    if letter.step:
        return letter, {}
    if letter.files:
        _pace((FILES_FROM_ADDRESS, address_of(request)))
    return letter.checked()


@router.get("/")
def write(request: Request, look: Look) -> Response:
    return _page(request, look, Letter(key=letters.new_form_key(consent.current(look).edition)))


@router.post("/")
def send(request: Request, form: Annotated[FormData, Depends(_form)], _: WaitedFor) -> Response:
    """The same key again gives the same number and code, and stores nothing."""
    letter, problems = _checked(request, form)
    # Entered here and not by the dependency: in SQLite's one turn to write, no page is rendered and no other thread waited for.
    with unit_of_work() as session:
        opened = letters.opened_form_key(letter.key)
        if letter.step or problems or opened is None or _open_question(session, letter):
            return _asked_again(request, session, letter, problems, is_known=opened is not None)
        _pace((FROM_ADDRESS, address_of(request)), (FROM_NUMBER, letter.number))
        received = intake.receive(session, letter.as_inbound(*opened))
        brand = places.hotline_name(session)
    changed = not received.is_new and received.message is not None and received.message.text != letter.text
    values: dict[str, Any] = {"reference": received.contact.reference, "code": received.query_code, "changed": changed}
    return render.page(request, "public/received.html", brand=brand, **values)


def _asked_again(request: Request, session: Session, letter: Letter, problems: dict[str, str], *, is_known: bool) -> Response:
    """The same page with what is missing, and all that was typed."""
    if letter.step or problems:
        return _page(request, session, letter, problems)
    if not is_known:
        fresh = replace(letter, key=letters.new_form_key(consent.current(session).edition))
        return _page(request, session, fresh, {"key": say("This page was open for too long. Please press send once more.")})
    return _page(request, session, letter, {"place": _open_question(session, letter)})


@router.get("/favicon.ico")
def icon() -> Response:
    """What browsers ask for beside an answer that is no page and names no icon."""
    return RedirectResponse(render.static_url("icons/mark.svg"), status_code=308)


@router.get("/places")
def ask_place(request: Request, look: Look, place: str = "") -> Response:
    """The question about places of one name, asked while the rest is still being written."""
    found = places.of_one_name(look, place[:200])
    return render.fragment(request, "public/_choices.html", letter=None, choices=found.choices, asked=found.name)


@router.get("/communities")
def list_communities(request: Request, look: Look, township: str = "") -> Response:
    return render.fragment(request, "public/_communities.html", letter=None, communities=places.communities(look, township[:32]))


def _open_question(session: Session, letter: Letter) -> str:
    """The sentence to ask if the place has several meanings and none was chosen."""
    if letter.choice or letter.community or not letter.place:
        return ""
    found = places.of_one_name(session, letter.place, within=letter.township)
    return say("There are several places of this name. Please choose one.") if found.choices else ""


def _page(request: Request, session: Session, letter: Letter, problems: dict[str, str] | None = None) -> Response:
    asked = places.of_one_name(session, letter.place, within=letter.township) if letter.place else places.NOTHING_TO_ASK
    values: dict[str, Any] = {
        "letter": letter,
        "problems": problems or {},
        "files_lost": len(letter.files),
        "consent": consent.current(session),
        "kinds": KINDS,
        "longest": LONGEST_TEXT,
        "townships": places.townships(session),
        "communities": places.communities(session, letter.township),
        "choices": asked.choices,
        "asked": asked.name,
        "brand": places.hotline_name(session),
    }
    return render.page(request, "public/letter.html", status=422 if problems else 200, **values)


def _pace(*tries: tuple[Window, str]) -> None:
    for window, key in tries:
        if key and key not in OURSELVES:
            window.check(key)
            window.count(key)
