"""The softphone's own small page, never navigated: a call lives and dies with it. The desk speaks with it in the browser."""

from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import JSONResponse, Response

from hotline.errors import NotFound
from hotline.services import access, drafts, reading_floor, reading_phone
from hotline.services.access import CENTRE
from hotline.services.telephone import lines, recordings, routing, switching, telephone_rule
from hotline.settings import Settings, get_settings
from hotline.web import agent, render
from hotline.web.deps import Db, Look, Me, glance, staff_of
from hotline.web.middleware import CONTENT_POLICY

router = APIRouter(prefix="/phone", include_in_schema=False)

Flag = Annotated[str, Form(max_length=8)]


@router.get("")
def phone(request: Request, look: Look, me: Me) -> Response:
    access.require(me, *CENTRE)
    settings = get_settings()
    if settings.telephony == "off":
        return render.page(request, "phone/off.html", me=me)
    # The page may open the exchange's socket besides what any page may.
    socket = urlsplit(socket_url(settings, request))
    policy = CONTENT_POLICY.replace("connect-src 'self'", f"connect-src 'self' {socket.scheme}://{socket.netloc}")
    return render.page(
        request,
        "phone/page.html",
        headers={"Content-Security-Policy": policy},
        me=me,
        view=reading_phone.phone_now(look, me),
        **_parties(look),
        own=settings.asterisk.numbers[0],
    )


@router.get("/now")
def now(request: Request) -> Response:
    with glance(request) as (look, me):
        access.require(me, *CENTRE)
        return render.fragment(request, "phone/_now.html", me=me, view=reading_phone.phone_now(look, me))


@router.get("/ring")
def ring(request: Request) -> Response:
    """What the desk shows over whatever is open while the telephone rings, or a text is held out."""
    with glance(request) as (look, me):
        access.require(me, *CENTRE)
        return render.fragment(request, "phone/_ring.html", me=me, view=reading_phone.ring_now(look, me))


@router.get("/seat")
def seat(request: Request) -> Response:
    """Where the person stands, for the top of the desk: the exchange moves it as well."""
    with glance(request) as (look, me):
        access.require(me, *access.SERVING)
        view, wish = reading_phone.phone_now(look, me), reading_floor.wish_of(look, me.staff_id)
        return render.fragment(
            request,
            "desk/_presence.html",
            me=me,
            queue=view,
            wish=wish.open,
            refused=wish.refused,
            pauses=agent.PAUSES,
            until=view.wrap_up_until,
            talks=view.call is not None and view.call.is_answered,
        )


@router.get("/bar")
def bar(request: Request, look: Look, me: Me, c: UUID) -> Response:
    """The telephone's part of an open contact: the call in hand with its keys, or what its calls were."""
    try:
        contact = access.see_contact(look, me, c)
    except NotFound:
        if not reading_phone.has_spoken(look, me, c):
            raise
        return render.fragment(request, "phone/_handed_on.html")
    call = reading_phone.call_now(look, me)
    live = call if call is not None and call.contact_id == contact.id and call.is_answered else None
    may_listen = live is None and me.has(*switching.LISTENERS)
    return render.fragment(
        request,
        "phone/_bar.html",
        me=me,
        call=live,
        speaker=reading_phone.speaker(look, contact) if may_listen else None,
        calls=reading_phone.calls_of(look, contact),
        recordings=recordings.of_contact(look, me, contact),
        erased_at=recordings.last_erased(look, contact),
        **_parties(look),
    )


@router.get("/targets")
def targets(request: Request, look: Look, me: Me, q: Annotated[str, Query(max_length=20)] = "") -> Response:
    access.require(me, *CENTRE)
    return render.fragment(request, "phone/_targets.html", targets=reading_phone.targets(look, me, q.strip()))


@router.get("/order")
def order(request: Request, look: Look, me: Me) -> Response:
    """What is written down of the call at hand, to be told to whoever is joined."""
    access.require(me, *CENTRE)
    call, line = reading_phone.call_now(look, me), lines.line_of(look, me.staff_id)
    form = drafts.open_draft(look, access.see_contact(look, me, call.contact_id), 1) if call else None
    return render.fragment(request, "phone/_order.html", form=form, extension=line.extension if line else "")


@router.post("/call")
def place_call(
    request: Request,
    me: Me,
    db: Db,
    contact_id: Annotated[UUID | None, Form()] = None,
    case: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """The requester of a contact or a case; the screen need not know the number."""
    contact = access.see_contact(db, me, contact_id) if contact_id else None
    view = access.see_case(db, me, case) if case else None
    switching.place_call(db, staff_of(db, me), contact=contact, case=view.case if view else None)
    return render.told(request, "正在拨打，软电话会自动接起。", at="/desk")


@router.post("/sign-in")
def sign_in(request: Request, me: Me, db: Db) -> Response:
    """A secret for this page, told once. The exchange learns it a moment later."""
    credentials = lines.sign_in(db, me)
    socket = socket_url(get_settings(), request)
    return JSONResponse(
        {
            "extension": credentials.extension,
            "secret": credentials.secret,
            "realm": credentials.realm,
            "domain": urlsplit(socket).hostname,
            "socket": socket,
        },
        headers={"Cache-Control": "no-store"},
    )


@router.post("/started")
def started(me: Me, db: Db) -> Response:
    """The page has just begun and has no call: one that was at it is the person's again, if its caller still waits."""
    access.require(me, *CENTRE)
    had_a_call = switching.talk_of(db, me.staff_id) is not None
    if had_a_call:
        switching.reclaim(db, staff_of(db, me))
    return JSONResponse({"reclaimed": had_a_call})


@router.post("/offer")
def decide_offer(request: Request, me: Me, db: Db, accept: Flag = "") -> Response:
    access.require(me, *CENTRE)
    if not accept:
        routing.decline_offer(db, staff_of(db, me))
        return render.told(request, "已退回队列。", at="/desk")
    contact = routing.accept_offer(db, staff_of(db, me))
    if not render.is_htmx(request):
        return render.redirect(request, f"/desk?c={contact.id}")
    return JSONResponse({}, headers={"HX-Trigger": f'{{"opendesk": "{contact.id}"}}'})


@router.post("/recording")
def recording(request: Request, me: Me, db: Db, pause: Flag = "") -> Response:
    access.require(me, *CENTRE)
    switching.mute_recording(db, staff_of(db, me), muted=bool(pause))
    return render.told(request, "录音已暂停。" if pause else "录音已恢复。", at="/desk")


@router.post("/party")
def party(request: Request, me: Me, db: Db, party: Annotated[str, Form(max_length=20)] = "") -> Response:
    access.require(me, *CENTRE)
    switching.add_party(db, staff_of(db, me), party)
    return render.told(request, f"正在呼叫 {party}，接通后即三方通话。", at="/desk")


def _parties(look: Look) -> dict[str, Any]:
    """Who may join a call: units, experts, sub-centres; emergency numbers stand apart, where nobody hits them by mistake."""
    listed = telephone_rule.current(look).parties
    emergency = {number: name for number, name in listed.items() if number in switching.EMERGENCY}
    return {"emergency": emergency, "parties": {number: name for number, name in listed.items() if number not in emergency}}


def socket_url(settings: Settings, request: Request) -> str:
    """Where the exchange's WebSocket is for this browser: as the settings say, else beside this page's own host."""
    asterisk = settings.asterisk
    if asterisk.ws_url:
        return asterisk.ws_url
    host = request.url.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{'wss' if request.url.scheme == 'https' else 'ws'}://{host}:{asterisk.ws_port}/ws"
