"""The administrators' page of who leads in single areas: the rules there are, one more or one less, old and new first."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from hotline.errors import HotlineError
from hotline.services.reference import areas, categories
from hotline.services.reference.forms import Act, CategoryForm
from hotline.web import render
from hotline.web.admin_categories import TAKEN_UP, Confirmed, lately
from hotline.web.deps import Db, Look, Me
from hotline.web.letters import in_chinese
from hotline.web.reference_look import Frame

# Part of the administration, which lets administrators only come in.
router = APIRouter(prefix="/reference/areas")
HOME = "/admin/reference/areas"
FRAME = Frame(HOME, "area-confirm", TAKEN_UP, warnings=lately)


@router.get("")
def listed(request: Request, look: Look, me: Me) -> Response:
    return _page(request, look, me, CategoryForm(act=Act.AREA))


@router.post("/look")
def propose(request: Request, me: Me, look: Look, form: Annotated[CategoryForm, Form()]) -> Response:
    def refused(refusal: HotlineError) -> Response:
        return _page(request, look, me, form, refusal)

    return FRAME.shown(request, me, form, lambda: categories.propose(look, form), refused, back=HOME)


@router.post("")
def change(request: Request, me: Me, db: Db, form: Annotated[Confirmed, Form()]) -> Response:
    categories.change(db, form, seen=form.seen, by=me)
    return render.redirect(request, HOME, notice=f"属地规则已改：{TAKEN_UP}")


def _page(request: Request, look: Look, me: Me, form: CategoryForm, refusal: HotlineError | None = None) -> Response:
    values: dict[str, Any] = {
        "shown": areas.shown(look),
        "form": form,
        "problem": in_chinese(refusal) if refusal else "",
    }
    return render.page(request, "admin/areas.html", status=refusal.status if refusal else 200, me=me, **values)
