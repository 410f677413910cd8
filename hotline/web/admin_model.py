"""The administrators' page of the model: which one suggests, which one listens, how the two compare, one step back."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from hotline.services import comparing, model_versions
from hotline.settings import get_settings
from hotline.web import render
from hotline.web.deps import Db, Look, Me

# Part of the administration, which lets administrators only come in.
router = APIRouter(prefix="/model")

Name = Annotated[str, Form(max_length=100)]
TAKEN_UP = "各进程会在一分钟内换上。"


@router.get("")
def show(request: Request, look: Look, me: Me) -> Response:
    saved = model_versions.saved(get_settings())
    in_use = model_versions.in_use(look)
    listening = next((each for each in saved if each.name == in_use.shadow), None)
    compared = comparing.compare(look, listening.version) if listening else []
    return render.page(request, "admin/model.html", me=me, saved=saved, in_use=in_use, listening=listening, compared=compared)


@router.post("/shadow")
def listen(request: Request, me: Me, db: Db, model: Name = "", off: str = Form("")) -> Response:
    model_versions.shadow(db, None if off else model, by=me)
    return render.redirect(request, "/admin/model", notice="不再试跑。" if off else f"开始试跑，{TAKEN_UP}")


@router.post("/promote")
def promote(request: Request, me: Me, db: Db, model: Name = "") -> Response:
    model_versions.promote(db, model, by=me)
    return render.redirect(request, "/admin/model", notice=f"已启用，{TAKEN_UP}")


@router.post("/back")
def step_back(request: Request, me: Me, db: Db) -> Response:
    model_versions.step_back(db, by=me)
    return render.redirect(request, "/admin/model", notice=f"已退回上一个模型，{TAKEN_UP}")
