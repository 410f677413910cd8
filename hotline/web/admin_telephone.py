"""The administrators' page of the telephone: its rule in editions, and the telephones on desks."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from hotline.services import administration, editions, reading_desk_phones
from hotline.services.access import Me as Person
from hotline.services.editions import FormRefused
from hotline.services.telephone import telephone_editions, telephone_rule
from hotline.services.telephone.telephone_editions import TelephoneForm
from hotline.settings import Settings, get_settings
from hotline.web import render
from hotline.web.deps import Db, Look, Me
from hotline.words import say

# Part of the administration, which lets administrators only come in.
router = APIRouter(prefix="/telephone")

EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 -- compared with, not listened on


@router.get("")
def telephone(request: Request, look: Look, me: Me) -> Response:
    return _page(request, look, me, form=telephone_editions.form_of(editions.current(look, telephone_rule.KIND).body))


@router.post("")
def change_telephone(request: Request, me: Me, db: Db, form: Annotated[TelephoneForm, Form()]) -> Response:
    try:
        rule = telephone_editions.change(db, form, by=me)
    except FormRefused as refusal:
        problems = {name: say(problem.text, **problem.values) for name, problem in refusal.problems.items()}
        return _page(request, db, me, form=form, problems=problems, status=refusal.status)
    return render.redirect(request, "/admin/telephone", notice=f"电话规则第 {rule.edition} 版已生效。")


def _page(request: Request, session: Session, me: Person, *, status: int = 200, **values: Any) -> Response:
    return render.page(
        request,
        "admin/telephone.html",
        status=status,
        **{
            "me": me,
            "problems": {},
            "rule": telephone_rule.current(session),
            "editions": editions.of_kind(session, telephone_rule.KIND),
            "phones": reading_desk_phones.desk_phones(session),
            **values,
        },
    )


@router.post("/desk/{extension}/secret")
def new_secret(request: Request, me: Me, db: Db, extension: str) -> Response:
    """Shown in this answer and never again."""
    credentials = administration.new_desk_secret(db, extension, by=me)
    settings = get_settings()
    return render.page(
        request,
        "admin/desk_phone.html",
        me=me,
        credentials=credentials,
        server=_server(settings, request),
        port=settings.asterisk.sip_port,
    )


def _server(settings: Settings, request: Request) -> str:
    """Where a telephone on a desk finds the exchange."""
    asterisk = settings.asterisk
    listens_at = "" if asterisk.bind in EVERYWHERE else asterisk.bind
    return asterisk.media_address or listens_at or urlsplit(settings.public_url).hostname or request.url.hostname or ""
