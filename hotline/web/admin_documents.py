"""The administrators' pages of rules that are written as text: checked and compared first, then put in force as an edition."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from hotline.errors import Invalid
from hotline.services.access import Me as Person
from hotline.services.rule_documents import editing, kinds
from hotline.services.rule_documents.kinds import Kind
from hotline.web import render
from hotline.web.deps import Db, Look, Me
from hotline.web.letters import in_chinese
from hotline.words import word

# Part of the administration, which lets administrators only come in.
router = APIRouter(prefix="/rules/documents")


@router.get("/{name}")
def document(request: Request, look: Look, me: Me, name: str) -> Response:
    return page(request, look, me, kinds.find(name))


@router.get("/{name}/{number}")
def edition(request: Request, look: Look, me: Me, name: str, number: int) -> Response:
    kind = kinds.find(name)
    rule, differences = editing.edition(look, kind, number)
    text = editing.written(kind, rule.body)
    return render.page(request, "admin/edition.html", me=me, kind=kind, rule=rule, differences=differences, text=text)


@router.post("/{name}")
def change(
    request: Request,
    me: Me,
    db: Db,
    name: str,
    text: Annotated[str, Form(max_length=65536)],
    seen: Annotated[int, Form()],
    keep: Annotated[bool, Form()],
) -> Response:
    """`keep` puts it in force; otherwise it is only checked, and what would change is shown."""
    kind = kinds.find(name)
    try:
        if not keep:
            return page(request, db, me, kind, text=text, differences=editing.check(db, kind, text), is_draft=True)
        kept = editing.change(db, kind, text, seen=seen, by=me)
    except Invalid as refusal:
        return page(request, db, me, kind, text=text, problem=in_chinese(refusal), status=refusal.status)
    notice = f"{word('rule', kind.name)}第 {kept.edition} 版已保存。"
    return render.redirect(request, f"/admin/rules/documents/{name}", notice=notice)


def page(
    request: Request,
    session: Session,
    me: Person,
    kind: Kind,
    *,
    template: str = "admin/document.html",
    status: int = 200,
    **values: Any,
) -> Response:
    newest = editing.newest(session, kind)
    shown = {
        "kind": kind,
        "text": editing.draft(kind, newest.body),
        "problem": "",
        "is_draft": False,
        "differences": (),
        "newest": newest.edition,
        "editions": editing.listed(session, kind),
        **values,
    }
    return render.page(request, template, status=status, me=me, **shown)
