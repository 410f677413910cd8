"""The administrators' page of what citizens are told by itself: texts by occasion and channel, and the limits on them."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotFound
from hotline.services import reading_outgoing
from hotline.services.access import Me as Person
from hotline.services.messages import text_editions, texting_rule, texts
from hotline.services.messages.text_editions import TextingForm
from hotline.web import render
from hotline.web.deps import Db, Look, Me
from hotline.web.letters import clean, in_chinese
from hotline.words import word

# Part of the administration, which lets administrators only come in.
router = APIRouter(prefix="/texts")

Typed = Annotated[str, Field(max_length=2000)]


class TextsForm(BaseModel):
    sms: Typed = ""
    wechat: Typed = ""
    email: Typed = ""
    mailbox: Typed = ""

    def cleaned(self) -> dict[str, str]:
        return {channel: clean(text) for channel, text in self.model_dump().items()}


@router.get("")
def show(request: Request, look: Look, me: Me) -> Response:
    return _page(request, look, me)


@router.post("/limits")
def change_limits(request: Request, me: Me, db: Db, form: Annotated[TextingForm, Form()]) -> Response:
    try:
        rule = text_editions.change_texting(db, form, by=me)
    except Invalid as refusal:
        return _page(request, db, me, refusal, limits=form.model_dump())
    return render.redirect(request, "/admin/texts", notice=f"发送限制第 {rule.edition} 版已生效。")


@router.post("/{purpose}")
def change_texts(request: Request, me: Me, db: Db, purpose: str, form: Annotated[TextsForm, Form()]) -> Response:
    try:
        rule = text_editions.change_texts(db, purpose, form.cleaned(), by=me)
    except Invalid as refusal:
        return _page(request, db, me, refusal, typed={purpose: form.cleaned()})
    return render.redirect(request, "/admin/texts", notice=f"{word('purpose', purpose)}：用语第 {rule.edition} 版已生效。")


@router.post("/{purpose}/preview/{channel}")
def preview(request: Request, me: Me, look: Look, purpose: str, channel: str, form: Annotated[TextsForm, Form()]) -> Response:
    """As it would arrive, while it is being written."""
    if purpose not in texts.OCCASIONS or channel not in texts.OCCASIONS[purpose].channels:
        raise NotFound()
    text, problem = form.cleaned()[channel], ""
    try:
        if text:
            texts.check(purpose, channel, text, texting_rule.current(look))
    except Invalid as refusal:
        problem = in_chinese(refusal)
    shown = reading_outgoing.preview(text)
    return render.fragment(request, "admin/_preview.html", shown=shown, channel=channel, problem=problem)


def _page(request: Request, session: Session, me: Person, refusal: Invalid | None = None, **values: Any) -> Response:
    view = reading_outgoing.texts_view(session)
    typed: Mapping[str, Mapping[str, str]] = values.pop("typed", {})
    shown = {
        "view": view,
        "texts": {**view.wording, **typed},
        "limits": _limits_of(view.texting),
        "problem_at": refusal.field if refusal else "",
        "problem": in_chinese(refusal) if refusal else "",
        **values,
    }
    return render.page(request, "admin/texts.html", status=refusal.status if refusal else 200, me=me, **shown)


def _limits_of(rule: texting_rule.TextingRule) -> dict[str, str]:
    numbers = {name: str(value) for name, value in rule.model_dump(exclude={"quiet"}).items()}
    return {"quiet_from": f"{rule.quiet.from_:%H:%M}", "quiet_to": f"{rule.quiet.to:%H:%M}", **numbers}
