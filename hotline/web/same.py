"""Earlier cases about the same matter: beside the filing form to link and to urge, on a case's page to part again."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from hotline.errors import NotFound
from hotline.services import access, drafts, matters, queueing, reading_phone, same_matter
from hotline.services.incidents import likely, telling
from hotline.web import render
from hotline.web.agent import Matter
from hotline.web.conversation import held
from hotline.web.deps import Db, Key, Line, Look, Me, staff_of
from models import Conclusion, Contact, LinkKind

router = APIRouter(include_in_schema=False)

Number = Annotated[str, Form(max_length=32)]


@router.get("/desk/contact/{contact_id}/same")
def same(request: Request, look: Look, me: Me, contact_id: UUID, m: int = 1) -> Response:
    """Loaded after the page, and again when place or words have changed; the call may have been handed on meanwhile."""
    try:
        contact = held(look, me, contact_id)
    except NotFound:
        if not reading_phone.has_spoken(look, me, contact_id):
            raise
        return Response()
    return _list(request, look, me, contact, min(max(m, 1), matters.MOST))


@router.post("/desk/contact/{contact_id}/same")
def pick(request: Request, me: Me, db: Db, contact_id: UUID, m: Matter, number: Number = "") -> Response:
    contact = held(db, me, contact_id)
    same_matter.pick(db, contact, m, number, by=staff_of(db, me))
    if not render.is_htmx(request):
        notice = f"立案时与 {number} 关联。" if number else "已取消关联。"
        return render.redirect(request, f"/desk?c={contact_id}&m={m}", notice=notice)
    return _list(request, db, me, contact, m)


@router.post("/desk/contact/{contact_id}/urge")
def urge(
    request: Request, me: Me, db: Db, contact_id: UUID, m: Matter, key: Key, number: Number, end: str = Form("")
) -> Response:
    """The citizen asks after a case: its unit is reminded. `end` says that this was all."""
    contact = held(db, me, contact_id)
    same_matter.urge(db, contact, m, number, by=me.actor, key=key)
    if end and contact.concluded_at is None:
        queueing.conclude(db, contact, Conclusion.ANSWERED, by=staff_of(db, me), note=f"催办 {number}")
    if end:
        return render.redirect(request, "/desk", notice=f"已催办 {number}，这件诉求已结束。")
    return render.redirect(request, f"/desk?c={contact_id}&m={m}", notice=f"已催办：{number}")


@router.post("/case/{number}/unlink")
def unlink(
    request: Request,
    me: Me,
    db: Db,
    number: str,
    other: Number,
    kind: Annotated[LinkKind, Form()],
    key: Key,
    reason: Line = "",
) -> Response:
    case = access.see_case(db, me, number).case
    same_matter.untie(db, me, case, other, kind, reason=reason, key=key)
    return render.redirect(request, f"/case/{number}", notice=f"已解除与 {other} 的关联。")


@router.post("/phone/urge")
def urge_from_call(request: Request, me: Me, db: Db, contact: Annotated[UUID, Form()], number: Number, key: Key) -> Response:
    """While it rings, or is spoken, before anything is written: of whoever calls now, and by whom it is called."""
    call = reading_phone.call_now(db, me)
    if call is None or call.contact_id != contact:
        raise NotFound()
    same_matter.urge(db, db.get_one(Contact, contact), 1, number, by=me.actor, key=key)
    return render.told(request, f"已催单：{number}，承办单位看得到。", at="/phone")


@router.post("/desk/contact/{contact_id}/known")
def tell_known(request: Request, me: Me, db: Db, contact_id: UUID, incident: Annotated[UUID, Form()], key: Key) -> Response:
    """What is known of an incident was answer enough: no case is made of it."""
    telling.tell_known(db, held(db, me, contact_id), incident, by=staff_of(db, me), key=key)
    return render.redirect(request, "/desk", notice="已按口径答复，这件诉求已结束。")


def _list(request: Request, session: Look, me: access.Me, contact: Contact, matter: int) -> Response:
    form = drafts.open_draft(session, contact, matter)
    found = same_matter.find(session, contact, form)
    known = () if form.shielded else likely.known(session, form)
    return render.fragment(request, "desk/_same.html", me=me, contact=contact, matter=matter, form=form, found=found, known=known)
