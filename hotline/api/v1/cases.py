"""The cases of the system's unit: a page of them, one of them, its files, and the number of who asked."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from hotline import db
from hotline.api.v1.calling import JSON, Calling, shown
from hotline.api.v1.refusals import described
from hotline.api.v1.shapes import AnswerLine, CasePage, CaseWhole, FileLine, Number, NumberAsked, Own, Requester, RequestLine
from hotline.errors import Invalid
from hotline.services import access, reading_cases
from hotline.services.files import files
from hotline.services.looking import looking
from hotline.services.reading_cases import Panel
from hotline.services.systems import reading
from models import Answer, AssignmentStatus, Attachment, Scope, Unit
from models import Request as Asked
from models.privacy import mask_number

router = APIRouter(prefix="/api/v1")

MOST = 200


@router.get("/me", response_model=Own, responses=described(), summary="Whose key this is")
def own(request: Request, caller: Calling) -> Response:
    with db.reading() as session:
        unit = session.get_one(Unit, caller.me.unit_id).code
    return shown(request, Own(name=caller.me.name, unit=unit, scopes=sorted(caller.scopes)))


@router.get(
    "/cases",
    response_model=CasePage,
    responses=described(422),
    summary="The unit's cases, by the time of their latest change",
)
def page(
    caller: Calling,
    cursor: Annotated[
        str, Query(max_length=300, description="`next` of the page before; then `changed_since` says nothing.")
    ] = "",
    changed_since: Annotated[datetime | None, Query(description="With its zone.", examples=["2026-11-21T00:00:00Z"])] = None,
    status: Annotated[list[AssignmentStatus], Query(description="None: all, also what has left the unit's hands.")] = [],  # noqa: B006 -- FastAPI copies it
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
) -> CasePage:
    """Nothing is left out, however much changes meanwhile; a case may come twice, and `version` and `changed_at` tell them
    apart. Holds nothing of a person: fetch the case itself for that."""
    if changed_since is not None and changed_since.tzinfo is None:
        raise Invalid("A time comes with its zone.", field="changed_since")
    with db.reading() as session:
        found = reading.cases(
            session,
            caller.me,
            cursor=reading.cursor_of(cursor) if cursor else None,
            changed_since=changed_since,
            statuses=status,
            limit=limit,
        )
    return CasePage.model_validate({"items": found.lines, "next": found.next, "more": found.more}, from_attributes=True)


@router.get(
    "/cases/{case_id}",
    response_model=CaseWhole,
    responses={304: {"description": "If-None-Match names what the caller has."}, **described(404, 422)},
    summary="One case",
)
def one(request: Request, caller: Calling, case_id: UUID) -> Response:
    """As the unit's people see it. Each reading is noted under the system's name. `ETag` and `If-None-Match` spare the rest."""
    with looking() as session:
        view, held = access.see_assignment(session, caller.me, case_id)
        panel, line = reading_cases.panel(session, view), reading.line(session, held.assignment)
        body = _whole(panel, held, line)
    return shown(request, body)


def _whole(panel: Panel, held: access.Held, line: reading.Line) -> CaseWhole:
    case, view, row = panel.case, panel.view, held.assignment
    who = Requester(name=view.requester_name, number=mask_number(view.number), wants_callback=case.wants_callback)
    return CaseWhole(
        **vars(line),
        title=view.title,
        content=view.content,
        category_name=panel.category,
        place=view.place_text,
        area=panel.place,
        township_code=case.township_code,
        community_code=case.community_code,
        grid_code=case.grid_code,
        occurred="" if view.shielded else case.occurred,
        shielded=view.shielded,
        requester=None if view.shielded else who,
        dispatch_note=row.note,
        sign_due_at=row.sign_due_at,
        contact_due_at=row.contact_due_at,
        answer_due_at=row.answer_due_at,
        signed_at=row.signed_at,
        contacted_at=row.contacted_at,
        paused_until=row.paused_until,
        files=[_file(file) for file in (*panel.files, *(file for each in panel.answers for file in each.files))],
        answers=[_answer(each.unit, each.answer) for each in panel.answers],
        requests=[_request(each.request) for each in panel.requests],
        marks=list(panel.mark_kinds),
    )


def _answer(unit: str, answer: Answer) -> AnswerLine:
    return AnswerLine(
        unit=unit,
        closure=answer.closure,
        public_text=answer.public_text,
        internal_note=answer.internal_note,
        at=answer.created_at,
    )


def _request(asked: Asked) -> RequestLine:
    return RequestLine(
        kind=asked.kind,
        state=asked.state,
        reason=asked.reason_code,
        basis=asked.basis,
        decision_note=asked.decision_note,
        at=asked.created_at,
    )


def _file(file: Attachment) -> FileLine:
    of = "citizen" if file.message_id else "answer"
    return FileLine(id=file.id, name=file.name, media_type=file.media_type, size=file.size, of=of)


@router.get(
    "/cases/{case_id}/files/{file_id}",
    response_class=Response,
    responses={200: {"description": "The file itself.", "content": {"application/octet-stream": {}}}, **described(404, 422)},
    summary="A file of a case",
)
def file(caller: Calling, case_id: UUID, file_id: UUID) -> Response:
    with looking() as session:
        view, _ = access.see_assignment(session, caller.me, case_id)
        found = reading_cases.attachment(session, view, file_id)
        access.note_look(session, caller.me, "case", view.case.id, "attachment")
    return Response(files.open(found), media_type=found.media_type, headers=files.DOWNLOAD_HEADERS)


@router.post(
    "/cases/{case_id}/number",
    response_model=Number,
    responses=described(404, 422),
    summary="The whole number of who asked",
)
def number(caller: Calling, case_id: UUID, body: NumberAsked) -> Response:
    """For keys with the scope `numbers`; the reason is kept. Never of a confidential case or a report: 403."""
    caller.require(Scope.NUMBERS)
    with looking() as session:
        view, _ = access.see_assignment(session, caller.me, case_id)
        found = Number(number=access.reveal_number(session, caller.me, view.case, reason=body.reason))
    return Response(found.model_dump_json(), media_type=JSON, headers={"Cache-Control": "private, no-store"})
