"""What a unit's system does with a case: sign, speak with the citizen, answer, ask to return, send down and up."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import Response
from sqlalchemy.orm import Session

from hotline import ports
from hotline.api.v1.calling import Calling, Key, do
from hotline.api.v1.refusals import described
from hotline.api.v1.shapes import CaseLine, Contacted, ReturnAsked, SentDown, SentUp, Sign
from hotline.errors import Invalid
from hotline.services import answers, dispatching, filing
from hotline.services.actors import Actor
from hotline.services.files import files
from hotline.services.files.files import CheckedFile
from hotline.services.plain_text import clean
from hotline.services.units import levels
from models import Assignment, ClosureKind

router = APIRouter(prefix="/api/v1")

REFUSALS = described(404, 409, 422)
Closure = Literal["solved", "explained", "partly", "promised"]


@router.post("/cases/{case_id}/sign", response_model=CaseLine, responses=REFUSALS, summary="Sign for a case")
def sign(request: Request, caller: Calling, key: Key, case_id: UUID, body: Sign) -> Response:
    """The unit has it from now on; the clock of the answer has been running since the dispatch."""

    def act(session: Session, row: Assignment, by: Actor, act_key: str) -> None:
        dispatching.sign(session, row, by=by, key=act_key, seen=body.seen)

    return do(request, caller, key, case_id, body.model_dump(), act)


@router.post(
    "/cases/{case_id}/contacted",
    response_model=CaseLine,
    responses=REFUSALS,
    summary="The unit has spoken with the citizen",
)
def contacted(request: Request, caller: Calling, key: Key, case_id: UUID, body: Contacted) -> Response:
    """The first time counts; what comes later is a remark."""

    def act(session: Session, row: Assignment, by: Actor, act_key: str) -> None:
        answers.note_contacted(session, row, text=body.text, by=by, key=act_key)

    return do(request, caller, key, case_id, body.model_dump(), act)


def _checked(uploads: Annotated[list[UploadFile], File(alias="files")] = []) -> Sequence[CheckedFile]:  # noqa: B006 -- FastAPI copies it
    """Before the transaction, for it takes its time."""
    chosen = [each for each in uploads if each.filename]
    if len(chosen) > files.MOST_FILES:
        raise Invalid("Please add at most five files; there are {count}.", field="files", count=len(chosen))
    return [files.check(ports.File(clean(each.filename or "")[:120], each.file.read())) for each in chosen]


@router.post(
    "/cases/{case_id}/answer",
    response_model=CaseLine,
    responses={**REFUSALS, **described(413)},
    summary="Answer a case",
)
def answer(
    request: Request,
    caller: Calling,
    key: Key,
    case_id: UUID,
    checked: Annotated[Sequence[CheckedFile], Depends(_checked)],
    public_text: Annotated[str, Form(max_length=20_000, description="Goes to the citizen as it stands; at most 5,000 signs.")],
    closure: Annotated[Closure, Form(description="How the matter ended.")],
    internal_note: Annotated[str, Form(max_length=5000, description="Stays inside.")] = "",
    seen: Annotated[int | None, Form(description="The version that the caller has.")] = None,
) -> Response:
    """As a form, with up to five files (JPEG, PNG, WebP or PDF by their content, 10 MB each) in the field `files`."""
    asked = {
        "public_text": public_text,
        "closure": closure,
        "internal_note": internal_note,
        "seen": seen,
        "files": [(file.name, sha256(file.content).hexdigest()) for file in checked],
    }

    def act(session: Session, row: Assignment, by: Actor, act_key: str) -> None:
        answers.submit_answer(
            session,
            row,
            public_text=clean(public_text),
            internal_note=clean(internal_note),
            closure=ClosureKind(closure),
            files=checked,
            by=by,
            key=act_key,
            seen=seen,
        )

    return do(request, caller, key, case_id, asked, act)


@router.post(
    "/cases/{case_id}/ask-return",
    response_model=CaseLine,
    responses=REFUSALS,
    summary="Ask to give a case back",
)
def ask_return(request: Request, caller: Calling, key: Key, case_id: UUID, body: ReturnAsked) -> Response:
    """The centre decides; until then the clocks run on. The decision is told as `case.decided`."""

    def act(session: Session, row: Assignment, by: Actor, act_key: str) -> None:
        proposed = filing.units_of(session, [body.proposed_unit])[0] if body.proposed_unit else None
        dispatching.ask_return(
            session, row, reason_code=body.reason, basis=body.basis, proposed_unit=proposed, by=by, key=act_key
        )

    return do(request, caller, key, case_id, body.model_dump(), act)


@router.post(
    "/cases/{case_id}/send-down",
    response_model=CaseLine,
    responses=REFUSALS,
    summary="Let a unit one level down do the work",
)
def send_down(request: Request, caller: Calling, key: Key, case_id: UUID, body: SentDown) -> Response:
    """The part of the unit below is a line of its own in the list; this one answers for it."""

    def act(session: Session, row: Assignment, by: Actor, act_key: str) -> None:
        below = filing.units_of(session, [body.unit])[0]
        levels.send_down(session, row, below, note=body.note, by=by, key=act_key, seen=body.seen)

    return do(request, caller, key, case_id, body.model_dump(), act)


@router.post(
    "/cases/{case_id}/send-up",
    response_model=CaseLine,
    responses=REFUSALS,
    summary="Give it back to the unit above",
)
def send_up(request: Request, caller: Calling, key: Key, case_id: UUID, body: SentUp) -> Response:
    """What the unit below cannot do, the one above goes on with."""

    def act(session: Session, row: Assignment, by: Actor, act_key: str) -> None:
        levels.send_up(session, row, reason=body.reason, by=by, key=act_key, seen=body.seen)

    return do(request, caller, key, case_id, body.model_dump(), act)
