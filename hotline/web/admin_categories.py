"""The administrators' pages of the categories: the tree, a form for each change, what it would change, former editions."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from hotline.errors import HotlineError, NotFound
from hotline.services.access import Me as Person
from hotline.services.reference import categories, forms
from hotline.services.reference.forms import Act, CategoryForm
from hotline.services.reference.tree import Entry
from hotline.web import render
from hotline.web.deps import Db, Look, Me
from hotline.web.letters import in_chinese
from hotline.web.reference_look import Frame
from models import Urgency

# Part of the administration, which lets administrators only come in.
router = APIRouter(prefix="/reference/categories")
HOME = "/admin/reference/categories"
TAKEN_UP = "新立案的按新版，已立案的不变；建议一分钟内跟上，不用重新训练。"


def lately(proposal: categories.Proposal) -> list[str]:
    return [f"近 {categories.LATELY.days} 天按它立案的有 {proposal.cases} 件，仍照立案时的版本办。"] if proposal.cases else []


FRAME = Frame(HOME, "category-confirm", TAKEN_UP, warnings=lately)


class Confirmed(CategoryForm):
    seen: UUID


class Return(BaseModel):
    seen: UUID
    reason: Annotated[str, Field(max_length=250)] = ""


@router.get("")
def listed(request: Request, look: Look, me: Me, open: str = "") -> Response:
    values: dict[str, Any] = {"view": categories.shown(look), "editions": categories.editions(look), "open": open}
    return render.page(request, "admin/categories.html", me=me, **values)


@router.get("/new")
def new(request: Request, look: Look, me: Me, parent: str = "") -> Response:
    return _page(request, look, me, CategoryForm(act=Act.ADD, parent=parent[:16]))


@router.get("/editions/{edition_id}")
def edition(request: Request, look: Look, me: Me, edition_id: UUID) -> Response:
    """What would change if it were put in force."""
    found = next((each for each in categories.editions(look) if each.id == edition_id), None)
    if found is None:
        raise NotFound()
    values: dict[str, Any] = {
        "edition": found,
        "differences": categories.compare(look, edition_id),
        "seen": categories.shown(look).edition.id,
    }
    return render.page(request, "admin/category_edition.html", me=me, **values)


@router.post("/editions/{edition_id}")
def return_to(request: Request, me: Me, db: Db, edition_id: UUID, form: Annotated[Return, Form()]) -> Response:
    categories.return_to(db, edition_id, seen=form.seen, reason=form.reason, by=me)
    return render.redirect(request, HOME, notice=f"这一版分类已启用：{TAKEN_UP}")


@router.get("/{code}")
def show(request: Request, look: Look, me: Me, code: str) -> Response:
    return _page(request, look, me, CategoryForm(act=Act.CHANGE, code=code[:16]))


@router.post("/look")
def propose(request: Request, me: Me, look: Look, form: Annotated[CategoryForm, Form()]) -> Response:

    def refused(refusal: HotlineError) -> Response:
        return _page(request, look, me, form, refusal)

    back = f"{HOME}/{form.code}" if form.code else HOME
    return FRAME.shown(request, me, form, lambda: categories.propose(look, form), refused, back=back)


@router.post("")
def change(request: Request, me: Me, db: Db, form: Annotated[Confirmed, Form()]) -> Response:
    categories.change(db, form, seen=form.seen, by=me)
    return render.redirect(request, HOME, notice=f"分类已改：{TAKEN_UP}")


def _page(request: Request, session: Session, me: Person, form: CategoryForm, refusal: HotlineError | None = None) -> Response:
    view = categories.shown(session)
    if (form.act != Act.ADD and form.code not in view.tree) or (form.parent and form.parent not in view.tree):
        raise NotFound()
    entry = view.tree.get(form.code)
    values: dict[str, Any] = {
        "view": view,
        "entry": entry,
        "parent": view.tree.get(entry.parent if entry else form.parent),
        "form": form if entry is None or (refusal and form.act == Act.CHANGE) else _form_of(entry),
        "typed": form,
        "problem_at": refusal.field if refusal else "",
        "problem": in_chinese(refusal) if refusal else "",
        "territorials": tuple(forms.Territorial),
        "urgencies": tuple(Urgency),
        "hints": tuple(forms.Hint),
        "needs": tuple(forms.Needed),
    }
    return render.page(request, "admin/category.html", status=refusal.status if refusal else 200, me=me, **values)


def _form_of(entry: Entry) -> CategoryForm:
    said = {
        "act": Act.CHANGE,
        "code": entry.code,
        "name": entry.name,
        "keywords": "、".join(entry.keywords),
        "lead": entry.duty.lead,
        "assists": entry.duty.assists,
        "territorial": entry.duty.territorial,
        "urgency": entry.urgency,
        "hint": entry.hint,
        "required": entry.required,
    }
    return CategoryForm.model_validate(said)
