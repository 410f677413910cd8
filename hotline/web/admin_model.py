"""The administrators' pages of the model: which one suggests, which one listens, how the two compare; what returns taught."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from hotline.services.learning import comparing, drifting, duties, model_versions, promoting, unseen_words
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
    listening, current = (next((each for each in saved if each.name == name), None) for name in (in_use.shadow, in_use.current))
    values: dict[str, Any] = {
        "saved": saved,
        "in_use": in_use,
        "listening": listening,
        "compared": comparing.compare(look, listening.version, current.version) if listening and current else [],
        "history": model_versions.history(look),
        "rule": promoting,
    }
    return render.page(request, "admin/model.html", me=me, **values)


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


@router.post("/rule")
def let_rule_promote(request: Request, me: Me, db: Db, wanted: Annotated[str, Form(max_length=8)] = "") -> Response:
    model_versions.let_rule_promote(db, bool(wanted), by=me)
    return render.redirect(request, "/admin/model", notice="试跑的模型更准时会自动启用。" if wanted else "模型只由人启用。")


@router.get("/drift")
def show_drift(request: Request, look: Look, me: Me) -> Response:
    found = drifting.drift(look)
    values: dict[str, Any] = {"drift": found, "plots": drifting.as_plots(found), "unseen": unseen_words.unseen(look)}
    return render.page(request, "admin/drift.html", me=me, **values)


@router.get("/duties")
def show_duties(request: Request, look: Look, me: Me) -> Response:
    return render.page(request, "admin/duties.html", me=me, lines=duties.table(look), window=duties.WINDOW, fewest=duties.FEWEST)


@router.post("/duties/{duty_id}")
def switch_duty(request: Request, me: Me, db: Db, duty_id: UUID, off: Annotated[str, Form(max_length=8)] = "") -> Response:
    duties.switch(db, duty_id, off=bool(off), by=me)
    return render.redirect(request, "/admin/model/duties", notice=f"{'已停用' if off else '已启用'}，一分钟内生效。")
