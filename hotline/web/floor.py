"""The shift leader's floor: seats and calls live, help, breaks, notices, what callers are told; and what agents ask of it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from hotline.services import access, reading_floor
from hotline.services.access import CENTRE
from hotline.services.telephone import floor, switching
from hotline.services.telephone.switching import SpyMode
from hotline.web import render
from hotline.web.deps import Db, Label, Look, Me, Words, staff_of

router = APIRouter(prefix="/floor", include_in_schema=False)


@router.get("")
def page(request: Request, look: Look, me: Me) -> Response:
    access.require(me, *floor.LEADERS)
    return render.page(request, "floor/page.html", me=me, board=reading_floor.board(look))


@router.get("/board")
def board(request: Request, look: Look, me: Me) -> Response:
    access.require(me, *floor.LEADERS)
    return render.fragment(request, "floor/_board.html", me=me, board=reading_floor.board(look))


@router.get("/posted")
def posted(request: Request, look: Look, me: Me) -> Response:
    """The notices with their receipts, as those who write them see them."""
    access.require(me, *floor.LEADERS)
    return render.fragment(request, "floor/_posted.html", notices=floor.posted(look))


@router.get("/notices")
def notices(request: Request, look: Look, me: Me) -> Response:
    """What every desk shows on top until it is confirmed."""
    access.require(me, *CENTRE)
    return render.fragment(request, "floor/_notices.html", me=me, notices=floor.unread(look, me))


@router.post("/help")
def help_me(request: Request, me: Me, db: Db) -> Response:
    access.require(me, *CENTRE)
    floor.call_for_help(db, staff_of(db, me))
    return render.told(request, "已悄悄通知值班长，来电人听不到。", at="/desk")


@router.post("/help/{help_id}")
def answer_help(request: Request, me: Me, db: Db, help_id: UUID) -> Response:
    asked = floor.answer_help(db, me, help_id)
    return render.redirect(request, f"/desk?c={asked.contact_id}" if asked.contact_id else "/floor", notice="由您响应求助。")


@router.post("/notice")
def post_notice(request: Request, me: Me, db: Db, text: Words = "", hand_over: Annotated[bool, Form()] = False) -> Response:
    floor.post_notice(db, me, text, hand_over=hand_over)
    return render.redirect(request, "/floor", notice="交接已写入。" if hand_over else "通知已发到每个工作台。")


@router.post("/notice/{notice_id}/read")
def read_notice(request: Request, me: Me, db: Db, notice_id: UUID) -> Response:
    access.require(me, *CENTRE)
    floor.read_notice(db, me, notice_id)
    if not render.is_htmx(request):
        return render.told(request, "已确认。", at="/desk")
    return render.fragment(request, "floor/_notices.html", me=me, notices=floor.unread(db, me))


@router.post("/break")
def ask_break(request: Request, me: Me, db: Db, reason: Label = "", minutes: Annotated[int, Form()] = 10) -> Response:
    access.require(me, *CENTRE)
    floor.ask_break(db, staff_of(db, me), reason=reason, minutes=minutes)
    return render.redirect(request, "/desk", notice="已向值班长申请，批准后不再来电。")


@router.post("/break/take-back")
def take_break_back(request: Request, me: Me, db: Db) -> Response:
    access.require(me, *CENTRE)
    floor.take_break_back(db, staff_of(db, me))
    return render.redirect(request, "/desk", notice="申请已收回。")


@router.post("/break/{request_id}")
def decide_break(request: Request, me: Me, db: Db, request_id: UUID, grant: Annotated[str, Form(max_length=8)] = "") -> Response:
    floor.decide_break(db, me, request_id, granted=bool(grant))
    return render.redirect(request, "/floor", notice="已批准。" if grant else "已回绝。")


@router.post("/announcement")
def announce(request: Request, me: Me, db: Db, text: Words = "") -> Response:
    """Words switch it on, none switch it off."""
    if text:
        floor.announce(db, me, text)
    else:
        floor.end_announcement(db, me)
    return render.redirect(request, "/floor", notice="来电人排队前会听到这段话。" if text else "提示已停播。")


@router.post("/spy/{staff_id}")
def spy(request: Request, me: Me, db: Db, staff_id: UUID) -> Response:
    """The leader's own telephone rings; nobody in the call hears it."""
    switching.spy(db, staff_of(db, me), staff_id)
    return render.told(request, "软电话会自动接起，接通后即开始旁听。", at="/floor")


@router.post("/spy-mode")
def spy_mode(request: Request, me: Me, db: Db, mode: Annotated[SpyMode, Form()]) -> Response:
    switching.spy_mode(db, staff_of(db, me), mode)
    words = {SpyMode.LISTEN: "现在只听。", SpyMode.WHISPER: "只有坐席能听到您。", SpyMode.BARGE: "双方都能听到您。"}
    return render.told(request, words[mode], at="/floor")


@router.post("/train")
def train(request: Request, me: Me, db: Db) -> Response:
    """A simulated caller at one's own telephone, for practice."""
    switching.train(db, staff_of(db, me), prompt="hotline/training")
    return render.told(request, "模拟来电马上打来，不计入任何统计。", at="/desk")
