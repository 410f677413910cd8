"""Writing with a citizen at the agents' desk: answers, sentences at hand, questions the service asks, whose thread it is."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from hotline.errors import Invalid, NotFound
from hotline.services import access
from hotline.services.conversations import canned, exchanges, identities, threads
from hotline.services.files import files
from hotline.services.files.files import CheckedFile
from hotline.services.messages import segments
from hotline.web import render
from hotline.web.deps import Db, Key, Label, Look, Me, staff_of
from hotline.web.letters import clean, uploads
from hotline.web.photographs import SentForm
from models import Contact

router = APIRouter(prefix="/desk/contact/{contact_id}", include_in_schema=False)


def _enclosed(form: SentForm) -> tuple[CheckedFile, ...]:
    """Checked before the transaction is opened: that takes its time."""
    chosen = uploads(form, "files")
    if len(chosen) > files.MOST_FILES:
        raise Invalid("Please add at most five files; there are {count}.", field="files", count=len(chosen))
    return tuple(files.check(file) for file in chosen)


@router.post("/reply")
def reply(
    request: Request,
    me: Me,
    enclosed: Annotated[tuple[CheckedFile, ...], Depends(_enclosed)],
    db: Db,
    contact_id: UUID,
    key: Key,
    text: Annotated[str, Form(max_length=20_000)] = "",
) -> Response:
    contact = held(db, me, contact_id)
    threads.reply(db, contact, text=clean(text), enclosed=enclosed, by=staff_of(db, me), key=key)
    if not render.is_htmx(request):
        return render.redirect(request, f"/desk?c={contact_id}", notice="已发送。")
    return render.fragment(request, "desk/_reply.html", me=me, contact=contact, no_reply="")


@router.post("/segments")
def count_segments(
    request: Request, me: Me, look: Look, contact_id: UUID, text: Annotated[str, Form(max_length=20_000)] = ""
) -> Response:
    """What an answer by text message would be billed as, while it is being written."""
    held(look, me, contact_id)
    text = clean(text)
    return render.fragment(request, "desk/_segments.html", text=text, segments=segments.count(text, in_china=True))


@router.get("/canned")
def sentences(request: Request, look: Look, me: Me, contact_id: UUID, q: str = "") -> Response:
    """Sentences at hand, filled in for this contact."""
    contact = held(look, me, contact_id)
    found = canned.search(look, contact, q[:50], agent=me.name)
    return render.fragment(request, "desk/_canned.html", found=found)


@router.post("/ask")
def ask(
    request: Request, me: Me, db: Db, contact_id: UUID, asked: Annotated[list[str] | None, Form(alias="ask", max_length=3)] = None
) -> Response:
    exchanges.start(db, held(db, me, contact_id), asked or (), by=staff_of(db, me))
    return render.redirect(request, f"/desk?c={contact_id}", notice="已请市民补充，回答会填进登记表。")


@router.post("/confirm")
def confirm(
    request: Request,
    me: Me,
    db: Db,
    contact_id: UUID,
    name: Label = "",
    number: Annotated[str, Form(max_length=32)] = "",
) -> Response:
    identities.confirm(db, held(db, me, contact_id), number=number, name=name, by=me)
    return render.redirect(request, f"/desk?c={contact_id}", notice="身份已确认，以往的诉求列在下面。")


@router.post("/loosen")
def loosen(request: Request, me: Me, db: Db, contact_id: UUID) -> Response:
    identities.loosen(db, held(db, me, contact_id), by=me)
    return render.redirect(request, f"/desk?c={contact_id}", notice="已解除身份绑定。", kind="warn")


def held(session: Db, me: access.Me, contact_id: UUID) -> Contact:
    """Whoever has taken it, and nobody else."""
    access.require(me, *access.SERVING)
    contact = session.get(Contact, contact_id)
    if contact is None or contact.taken_by_id != me.staff_id:
        raise NotFound()
    return contact
