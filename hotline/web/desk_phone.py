"""Sitting down at a telephone on a desk, instead of the one in the browser."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from hotline.errors import RuleBroken
from hotline.services import access, reading_desk_phones
from hotline.services.access import CENTRE
from hotline.services.telephone import lines
from hotline.web import render
from hotline.web.deps import Db, Look, Me

router = APIRouter(prefix="/phone/desk", include_in_schema=False)


@router.get("")
def desk_phone(request: Request, look: Look, me: Me) -> Response:
    access.require(me, *CENTRE)
    phones = [phone for phone in reading_desk_phones.desk_phones(look) if phone.has_secret]
    return render.page(
        request,
        "phone_desk/page.html",
        me=me,
        mine=next((phone for phone in phones if phone.staff_id == me.staff_id), None),
        free=[phone for phone in phones if phone.staff_id is None],
    )


@router.post("")
def sit_down(request: Request, me: Me, db: Db, extension: Annotated[str, Form(max_length=8)]) -> Response:
    line = lines.sit_down(db, me, extension)
    return render.redirect(request, "/phone/desk", notice=f"来电在 {line.extension} 号话机上响铃。")


@router.post("/leave")
def leave(request: Request, me: Me, db: Db, extension: Annotated[str, Form(max_length=8)]) -> Response:
    access.require(me, *CENTRE)
    if lines.staff_of(db, extension) != me.staff_id:
        raise RuleBroken("You do not sit at this telephone.")
    lines.sign_out(db, extension=extension)
    return render.redirect(request, "/phone/desk", notice="已离开话机。")
