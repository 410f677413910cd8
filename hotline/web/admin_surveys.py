"""The administrators' page of surveys: how citizens are asked, in words; the rule as a text that is checked before it is kept."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from hotline.errors import Invalid
from hotline.services import editions
from hotline.services.access import Me as Person
from hotline.services.profiles import profiles
from hotline.services.survey_plans import editions as survey_editions
from hotline.services.survey_plans import rule
from hotline.web import render
from hotline.web.deps import Db, Look, Me
from hotline.web.letters import in_chinese

# Part of the administration, which lets administrators only come in.
router = APIRouter(prefix="/surveys")

Text = Annotated[str, Form(max_length=65536)]


@router.get("")
def surveys(request: Request, look: Look, me: Me) -> Response:
    return _page(request, look, me, text=survey_editions.written(editions.current(look, rule.KIND).body))


@router.post("")
def change(
    request: Request, me: Me, db: Db, text: Annotated[str, Form(max_length=65536)], keep: Annotated[bool, Form()]
) -> Response:
    """`keep` puts it in force; otherwise it is only checked, and explained as it would be."""
    try:
        _, would_be = survey_editions.read(text)
        kept = survey_editions.change(db, text, by=me) if keep else None
    except Invalid as refusal:
        return _page(request, db, me, text=text, problem=in_chinese(refusal), status=refusal.status)
    if kept is None:
        return _page(request, db, me, text=text, explained=would_be, is_draft=True)
    return render.redirect(request, "/admin/surveys", notice=f"回访规则第 {kept.edition} 版已生效，管以后的回访。")


def _page(request: Request, session: Session, me: Person, *, status: int = 200, **values: Any) -> Response:
    shown = {
        "problem": "",
        "is_draft": False,
        "names": {code: profiles.shipped(code)["name"] for code in profiles.SHIPPED},
        "explained": rule.current(session),
        "editions": editions.of_kind(session, rule.KIND),
        **values,
    }
    return render.page(request, "admin/surveys.html", status=status, me=me, **shown)
