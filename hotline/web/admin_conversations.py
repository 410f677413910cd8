"""The administrators' page of conversations: hours, what is asked by itself, limits, and the agents' sentences at hand."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from hotline.services import editions
from hotline.services.access import Me as Person
from hotline.services.conversations import canned, conversation_editions, conversation_rule, exchanges
from hotline.services.conversations.conversation_editions import ConversationForm
from hotline.services.editions import FormRefused
from hotline.web import render
from hotline.web.deps import Db, Look, Me
from hotline.web.letters import in_chinese

# Part of the administration, which lets administrators only come in.
router = APIRouter(prefix="/conversations")


@router.get("")
def conversations(request: Request, look: Look, me: Me) -> Response:
    form = conversation_editions.form_of(editions.current(look, conversation_rule.KIND).body)
    return _page(request, look, me, form=form)


@router.post("")
def change_conversations(request: Request, me: Me, db: Db, form: Annotated[ConversationForm, Form()]) -> Response:
    try:
        rule = conversation_editions.change(db, form, by=me)
    except FormRefused as refusal:
        problems = {name: in_chinese(problem) for name, problem in refusal.problems.items()}
        return _page(request, db, me, form=form, problems=problems, status=refusal.status)
    return render.redirect(request, "/admin/conversations", notice=f"对话规则第 {rule.edition} 版已生效。")


def _page(request: Request, session: Session, me: Person, *, status: int = 200, **values: Any) -> Response:
    shown = {
        "problems": {},
        "editions": editions.of_kind(session, conversation_rule.KIND),
        "questions": exchanges.QUESTIONS,
        "variables": sorted(canned.VARIABLES.may),
        **values,
    }
    return render.page(request, "admin/conversations.html", status=status, me=me, **shown)
