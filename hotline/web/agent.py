"""The agents' desk: queue, presence, one contact with what is known around it, and the filing form."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.orm import Session, lazyload

from hotline.errors import Invalid, NotFound
from hotline.services import (
    access,
    drafts,
    matters,
    presence,
    queueing,
    reading,
    reading_filing,
    reading_floor,
    same_matter,
    triage,
)
from hotline.services.cases import How
from hotline.services.city import gazetteer
from hotline.services.conversations import threads
from hotline.services.files import files
from hotline.services.holding import hold_contact
from hotline.services.profiles import profiles
from hotline.services.sideways import refusals
from hotline.services.sideways.refusals import VOID_CODES
from hotline.web import desk_form, render
from hotline.web.aside import pushed_in_words
from hotline.web.deps import Db, Key, Label, Look, Me, Words
from hotline.web.desk_form import Posted, text_of
from models import Conclusion, Contact, PresenceState, Staff

router = APIRouter(prefix="/desk", include_in_schema=False)

PAUSES = ("用餐", "休息", "培训", "会议", "设备故障")
SKILLS = ("general",)
Matter = Annotated[int, Form(ge=1, le=matters.MOST)]


@router.get("")
def desk(request: Request, look: Look, me: Me, c: UUID | None = None, m: int = 1, channel: str = "", page: int = 1) -> Response:
    """Everything at once. Without a contact in the address, the one that was taken last."""
    access.require(me, *access.SERVING)
    view = reading.queue(look, me, channel, page)
    open_id = c or next((contact.id for contact in view.mine), None)
    contact = access.see_contact(look, me, open_id) if open_id else None
    values = _contact_values(look, me, contact, m) if contact else {"contact": None}
    wish = reading_floor.wish_of(look, me.staff_id)
    values |= {
        "pauses": PAUSES,
        "wish": wish.open,
        "refused": wish.refused,
        "skills": SKILLS,
    }
    return render.page(request, "desk/page.html", me=me, queue=view, open_id=open_id, **values)


@router.get("/queue")
def queue(request: Request, look: Look, me: Me, c: UUID | None = None, channel: str = "", page: int = 1) -> Response:
    access.require(me, *access.SERVING)
    return render.fragment(request, "desk/_queue.html", me=me, queue=reading.queue(look, me, channel, page), open_id=c)


@router.post("/presence")
def change_presence(request: Request, me: Me, db: Db, state: Annotated[PresenceState, Form()], reason: Label = "") -> Response:
    access.require(me, *access.SERVING)
    presence.set_presence(db, _staff(db, me), state, reason)
    return render.redirect(request, "/desk")


@router.post("/beat")
def beat(me: Me, db: Db) -> Response:
    """A sign of life; the answer says where the seat stands, so that a desk given up for gone learns it."""
    return JSONResponse({"state": presence.beat(db, me.staff_id)})


@router.post("/next")
def take_next(request: Request, me: Me, db: Db) -> Response:
    access.require(me, *access.SERVING)
    contact = queueing.take_next(db, _staff(db, me, alive=True))
    if contact is None:
        return render.redirect(request, "/desk", notice="现在没有适合您的诉求。", kind="warn")
    return render.redirect(request, f"/desk?c={contact.id}")


@router.post("/contact/{contact_id}/take")
def take(request: Request, me: Me, db: Db, contact_id: UUID) -> Response:
    access.require(me, *access.SERVING)
    contact = queueing.take(db, _staff(db, me, alive=True), contact_id)
    return render.redirect(request, f"/desk?c={contact.id}")


@router.post("/contact/{contact_id}/put-back")
def put_back(request: Request, me: Me, db: Db, contact_id: UUID, reason: Words = "") -> Response:
    staff = _staff(db, me, alive=True)
    queueing.put_back(db, _open_contact(db, me, contact_id), by=staff, reason=reason)
    return render.redirect(request, "/desk", notice="已放回队列，等候时间照算。")


@router.post("/contact/{contact_id}/hand-over")
def hand_over(
    request: Request, me: Me, db: Db, contact_id: UUID, to: Annotated[str, Form(max_length=64)] = "", skill: Words = ""
) -> Response:
    """`to` is a colleague's id; without one the contact goes to a skill group."""
    staff, contact = _staff(db, me, alive=True), _open_contact(db, me, contact_id)
    colleague = db.get(Staff, _uuid(to)) if to else None
    queueing.hand_over(db, contact, by=staff, to=colleague, skill=(skill or None) if colleague is None else None)
    return render.redirect(request, "/desk", notice=f"已移交给{colleague.name}。" if colleague else "已移交技能组。")


@router.get("/contact/{contact_id}/talk")
def talk(request: Request, look: Look, me: Me, contact_id: UUID) -> Response:
    """What was said, again after a push: only for whoever has the contact open, whose opening is noted already."""
    contact = _open_contact(look, me, contact_id)
    if contact.taken_by_id != me.staff_id:
        gone = "这件诉求已转给同事，登记内容也转过去了。" if contact.taken_by_id else "这件诉求已回到队列，登记内容还在。"
        return render.redirect(request, "/desk", notice=gone, kind="warn")
    view = reading.contact_view(look, contact, suggestion=triage.suggested_of(look, contact))
    told = drafts.told(look, contact) if threads.is_talked(contact) else {}
    return render.fragment(request, "desk/_talk.html", me=me, contact=contact, view=view, told=told)


@router.get("/contact/{contact_id}/filing")
def filing(request: Request, look: Look, me: Me, contact_id: UUID, m: int = 1) -> Response:
    contact = _open_contact(look, me, contact_id)
    if contact.taken_by_id != me.staff_id:
        return _nothing_new()
    values = _contact_values(look, me, contact, m)
    return render.fragment(request, "desk/_filing.html", me=me, **values)


@router.post("/contact/{contact_id}/draft")
def save_draft(request: Request, me: Me, db: Db, contact_id: UUID, posted: Posted) -> Response:
    """Keeps what is typed, and answers with what it brings: units that follow the category, the area, the limits."""
    contact, matter = _open_contact(db, me, contact_id), _matter(posted)
    area = desk_form.picked_area(posted)
    before = drafts.open_draft(db, contact, matter)
    typed = desk_form.merged(before, posted)
    form = matters.follow(db, before, typed, area=area)
    drafts.save(db, contact, matter, form, by=_staff(db, me, alive=True))
    if matter == 1:
        triage.hear(db, contact, before, form)
    if not render.is_htmx(request):
        return render.redirect(request, f"/desk?c={contact_id}&m={matter}", notice="草稿已保存。")
    said, profile = triage.suggested_of(db, contact), profiles.in_force(db)
    view = reading_filing.filing_view(db, contact, matter, form, suggestion=said, filed=(), profile=profile)
    moved = (form.unit, form.assist_units) != (typed.unit, typed.assist_units)
    again = same_matter.looks_elsewhere(before, form)
    told: dict[str, Any] = {"area_picked": bool(area), "units_moved": moved, "same_again": again, "filing": view}
    return render.fragment(request, "desk/_saved.html", me=me, contact=contact, **told)


@router.get("/contact/{contact_id}/suggested")
def suggested(request: Request, look: Look, me: Me, contact_id: UUID) -> Response:
    """What the classifier makes of the words that were written down during a call."""
    contact = _open_contact(look, me, contact_id)
    if contact.taken_by_id != me.staff_id:
        return _nothing_new()
    suggestion, profile = triage.suggested_of(look, contact), profiles.in_force(look)
    form = drafts.suggested(look, contact, drafts.open_draft(look, contact, 1), suggestion, profile)
    view = reading_filing.filing_view(look, contact, 1, form, suggestion=suggestion, filed=(), profile=profile)
    return render.fragment(request, "desk/_suggested.html", me=me, filing=view)


@router.get("/places")
def find_places(request: Request, look: Look, me: Me, area_query: str = "") -> Response:
    """Areas and named places to pick from, while their name is being typed."""
    access.require(me, *access.SERVING)
    return render.fragment(request, "desk/_places.html", places=gazetteer.search(look, area_query[:50])[:8])


@router.post("/contact/{contact_id}/matter")
def next_matter(request: Request, me: Me, db: Db, contact_id: UUID) -> Response:
    contact = _open_contact(db, me, contact_id)
    serial = matters.open_next(db, contact, by=_staff(db, me, alive=True))
    return render.redirect(request, f"/desk?c={contact_id}&m={serial}")


@router.post("/contact/{contact_id}/matter/drop")
def drop_matter(request: Request, me: Me, db: Db, contact_id: UUID, m: Matter) -> Response:
    contact = _held(db, me, contact_id)
    matters.drop(db, contact, m, by=me.actor)
    return render.redirect(request, f"/desk?c={contact_id}")


@router.post("/contact/{contact_id}/file")
def file(request: Request, me: Me, db: Db, contact_id: UUID, posted: Posted, key: Key) -> Response:
    how = matters.way_of_filing(db, for_review=text_of(posted, "for_review") == "true")
    return _file(request, db, me, contact_id, posted, key, how=how)


@router.post("/contact/{contact_id}/answer")
def answer_directly(request: Request, me: Me, db: Db, contact_id: UUID, posted: Posted, key: Key) -> Response:
    return _file(request, db, me, contact_id, posted, key, how="answer", answer=text_of(posted, "answer"))


@router.post("/contact/{contact_id}/redirect")
def redirect(request: Request, me: Me, db: Db, contact_id: UUID, posted: Posted, key: Key) -> Response:
    door, reason = text_of(posted, "door"), text_of(posted, "reason")
    return _file(request, db, me, contact_id, posted, key, how="redirect", door=door, reason=reason)


DONE: dict[How, str] = {
    "dispatch": "已立案并派单",
    "review": "已立案，送班长审核",
    "answer": "已直接答复",
    "redirect": "已引导告知",
}


def _file(
    request: Request,
    db: Session,
    me: access.Me,
    contact_id: UUID,
    posted: Posted,
    key: str,
    *,
    how: How,
    answer: str = "",
    door: str = "",
    reason: str = "",
) -> Response:
    access.require(me, *access.SERVING)
    contact, matter = hold_contact(db, contact_id), _matter(posted)
    known = matters.kept(db, contact)
    form = desk_form.merged(matters.ground(db, contact, matter, known=known, whole="title" in posted), posted)
    if area := desk_form.picked_area(posted):
        form = matters.follow(db, form, form, area=area)
    case, left, pushed = matters.file(
        db,
        contact,
        form,
        matter=matter,
        known=known,
        by=me.actor,
        key=key,
        how=how,
        answer=answer,
        door=door,
        reason=reason,
    )
    url = f"/desk?c={contact_id}&m={left}" if left else "/desk"
    return render.redirect(request, url, notice=f"{DONE[how]}：{case.number}。{pushed_in_words(pushed)}")


@router.post("/contact/{contact_id}/void")
def void(
    request: Request,
    me: Me,
    db: Db,
    contact_id: UUID,
    code: Annotated[str, Form(max_length=16)] = VOID_CODES[0],
    refuse: Annotated[bool, Form()] = False,
    note: Words = "",
) -> Response:
    """Nothing to act on: no case comes of it. Asked twice, it is done once. `refuse` proposes not to serve the number."""
    access.require(me, *access.SERVING)
    contact = access.see_contact(db, me, contact_id)
    if contact.conclusion != Conclusion.VOID:
        if code not in VOID_CODES:
            raise Invalid(field="code")
        queueing.conclude(db, contact, Conclusion.VOID, by=_staff(db, me, alive=True), note=note)
        contact.void_code = code
        db.flush()
    if refuse:
        refusals.propose(db, contact, basis=note, by=me.actor)
    return render.redirect(request, "/desk", notice=f"已按无效诉求结束。{'已提请班长拒接此号码。' if refuse else ''}")


@router.post("/contact/{contact_id}/reveal")
def reveal(request: Request, look: Look, me: Me, contact_id: UUID, reason: Words = "") -> Response:
    """The whole number, once, on the screen of whoever gave a reason."""
    contact = look.get(Contact, contact_id)
    if contact is None:
        raise NotFound()
    number = access.reveal_number(look, me, contact, reason=reason)
    if render.is_htmx(request):
        return render.fragment(request, "desk/_number.html", number=number)
    return render.page(request, "desk/number.html", me=me, number=number, contact=contact)


@router.get("/attachments/{attachment_id}")
def attachment(look: Look, me: Me, attachment_id: UUID) -> Response:
    """A citizen's file, as a download that no browser runs."""
    found = access.see_attachment(look, me, attachment_id)
    return Response(files.open(found), media_type=found.media_type, headers=render.download_headers(found.name))


def _contact_values(session: Session, me: access.Me, contact: Contact, matter: int) -> dict[str, Any]:
    suggestion, known = triage.suggested_of(session, contact), matters.kept(session, contact)
    kept = filing_view = None
    if contact.concluded_at is None:
        profile = profiles.in_force(session)
        kept = drafts.reopened(session, contact, matter, known.get(matter), suggestion, profile)
    community = kept.community_code if kept else None
    view = reading.contact_view(session, contact, suggestion=suggestion, community_code=community)
    if kept:
        filing_view = reading_filing.filing_view(
            session, contact, matter, kept, suggestion=suggestion, filed=view.filed, profile=profile, known=known
        )
    mine = contact.taken_by_id == me.staff_id and contact.concluded_at is None
    told = drafts.told(session, contact, kept) if mine and threads.is_talked(contact) else {}
    return {
        "contact": contact,
        "view": view,
        "filing": filing_view,
        "mine": mine,
        "void_codes": VOID_CODES,
        "refusal": refusals.current(session, contact),
        "told": told,
    }


def _staff(session: Session, me: access.Me, *, alive: bool = False) -> Staff:
    """The person's row; `alive` counts the request as a sign of life, for a desk without script."""
    staff = session.get_one(Staff, me.staff_id, options=[lazyload(Staff.role_rows)])
    if alive:
        presence.beat(session, staff.id)
    return staff


def _open_contact(session: Session, me: access.Me, contact_id: UUID) -> Contact:
    access.require(me, *access.SERVING)
    contact = session.get(Contact, contact_id)
    if contact is None:
        raise NotFound()
    return contact


def _held(session: Session, me: access.Me, contact_id: UUID) -> Contact:
    contact = _open_contact(session, me, contact_id)
    if contact.taken_by_id != me.staff_id:
        raise NotFound()
    return contact


def _nothing_new() -> Response:
    """For what a desk fetches beside `talk`, which says that the contact is somebody else's now."""
    return Response(status_code=204)


def _matter(form: Posted) -> int:
    serial = text_of(form, "m") or "1"
    if not serial.isdigit() or not 1 <= int(serial) <= matters.MOST:
        raise Invalid(field="m")
    return int(serial)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise Invalid(field="to") from error
