"""What is asked and answered, field by field, with an example of each; the description of the interface is drawn from here."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from hotline.services.dispatching import ReturnReason
from hotline.services.plain_text import clean
from models import AssignmentStatus, CaseStatus, RequestKind, RequestState, RequestType, Scope, Standing, Urgency

Reason = Annotated[str, Field(max_length=2000), AfterValidator(clean)]
Code = Annotated[str, Field(max_length=32)]
Seen = Annotated[
    int | None,
    Field(description="The version that the caller has. If somebody was faster, nothing is done: 409 `outdated`."),
]

_LINE = {
    "id": "019a9f0e-7c3e-7b52-9a54-0c1d2e3f4a5b",
    "number": "990181-20261121-000123",
    "unit": "CGJ",
    "status": "dispatched",
    "standing": "lead",
    "version": 1,
    "case_status": "dispatched",
    "request_type": "complaint",
    "category": "0102",
    "urgency": "normal",
    "dispatched_at": "2026-11-23T01:58:12Z",
    "due_at": "2026-11-23T03:58:12Z",
    "changed_at": "2026-11-23T01:58:12Z",
}
_CASE: dict[str, Any] = {
    **_LINE,
    "status": "in_progress",
    "version": 2,
    "case_status": "in_progress",
    "due_at": "2026-11-26T01:58:12Z",
    "title": "垃圾没人清",
    "content": "小区门口的垃圾三天没人清运。",
    "category_name": "市容环卫 › 垃圾清运",
    "place": "滨江路12号",
    "area": "城关街道 滨江社区",
    "township_code": "990181001",
    "community_code": "990181001001",
    "grid_code": "990181001001001",
    "occurred": "三天前",
    "shielded": False,
    "requester": {"name": "王某", "number": "138****0172", "wants_callback": True},
    "dispatch_note": "",
    "sign_due_at": "2026-11-23T03:58:12Z",
    "contact_due_at": "2026-11-24T01:58:12Z",
    "answer_due_at": "2026-11-26T01:58:12Z",
    "signed_at": "2026-11-23T02:10:40Z",
    "contacted_at": "2026-11-23T03:02:05Z",
    "files": [
        {
            "id": "019a9f0e-7c3e-7b52-9a54-0c1d2e3f4a5c",
            "name": "现场.jpg",
            "media_type": "image/jpeg",
            "size": 183421,
            "of": "citizen",
        }
    ],
    "answers": [],
    "requests": [],
    "marks": ["urgent"],
}


def _example(value: Any) -> ConfigDict:
    return ConfigDict(from_attributes=True, json_schema_extra={"example": value})


class CaseLine(BaseModel):
    """The unit's part in a case. `id` names it in every call; `version` grows with each change of its state."""

    model_config = _example(_LINE)

    id: UUID
    number: str = Field(description="The case's number, as citizens and people of the centre know it.")
    unit: str = Field(description="The code of the unit that has it: the system's own, or one below it.")
    status: AssignmentStatus
    standing: Standing
    version: int
    case_status: CaseStatus
    request_type: RequestType
    category: str
    urgency: Urgency
    dispatched_at: datetime
    due_at: datetime | None = Field(description="When the clock that runs now ends: of signing, then of the answer.")
    changed_at: datetime


class CasePage(BaseModel):
    model_config = _example({"items": [_LINE], "next": "WyIyMDI2LTExLTIzVDAxOjU4…", "more": False})

    items: list[CaseLine]
    next: str = Field(description="For the next call: the next page, or, once `more` is false, what changes from now on.")
    more: bool


class Requester(BaseModel):
    name: str | None
    number: str = Field(description="Masked. The whole one: POST /api/v1/cases/{case_id}/number.")
    wants_callback: bool


class FileLine(BaseModel):
    id: UUID
    name: str
    media_type: str
    size: int
    of: str = Field(description="citizen or answer")


class AnswerLine(BaseModel):
    unit: str
    closure: str
    public_text: str
    internal_note: str
    at: datetime


class RequestLine(BaseModel):
    kind: RequestKind
    state: RequestState
    reason: str
    basis: str
    decision_note: str
    at: datetime


class CaseWhole(CaseLine):
    """Of a confidential case or a report `shielded` is true: the summary that the centre approved, and no requester."""

    model_config = _example(_CASE)

    title: str
    content: str
    category_name: str
    place: str
    area: str
    township_code: str | None
    community_code: str | None
    grid_code: str | None
    occurred: str
    shielded: bool
    requester: Requester | None
    dispatch_note: str
    sign_due_at: datetime
    contact_due_at: datetime
    answer_due_at: datetime
    signed_at: datetime | None
    contacted_at: datetime | None
    paused_until: datetime | None = None
    files: list[FileLine]
    answers: list[AnswerLine]
    requests: list[RequestLine]
    marks: list[str]


class NumberAsked(BaseModel):
    model_config = _example({"reason": "先行联系"})

    reason: Annotated[Reason, Field(min_length=1, max_length=200)]


class Number(BaseModel):
    model_config = _example({"number": "+8613800000172"})

    number: str


class Sign(BaseModel):
    model_config = _example({"seen": 1})

    seen: Seen = None


class Contacted(BaseModel):
    model_config = _example({"text": "已电话联系市民，约定明天上门。"})

    text: Reason = ""


class ReturnAsked(BaseModel):
    model_config = _example({"reason": "not_my_duty", "basis": "《市容管理条例》第十二条", "proposed_unit": "ZJJ"})

    reason: ReturnReason
    basis: Reason
    proposed_unit: Code = ""


class SentDown(BaseModel):
    model_config = _example({"unit": "990181001001", "note": "请现场处理", "seen": 2})

    unit: Code
    note: Reason = ""
    seen: Seen = None


class SentUp(BaseModel):
    model_config = _example({"reason": "超出社区权限", "seen": 2})

    reason: Reason
    seen: Seen = None


class Own(BaseModel):
    model_config = _example({"name": "城管综合平台", "unit": "CGJ", "scopes": ["read", "act"]})

    name: str
    unit: str
    scopes: list[Scope]


class CategoryLine(BaseModel):
    model_config = _example({"code": "0102", "name": "垃圾清运", "level": 2, "parent": "01"})

    code: str
    name: str
    level: int
    parent: str | None


class Categories(BaseModel):
    items: list[CategoryLine]


class AreaLine(BaseModel):
    model_config = _example({"code": "990181001", "name": "城关街道", "kind": "township", "parent": "990181"})

    code: str
    name: str
    kind: str
    parent: str | None


class AreaPage(BaseModel):
    items: list[AreaLine]
    next: str | None = Field(description="For `after`; null on the last page.")


class UnitLine(BaseModel):
    model_config = _example({"code": "990181001001", "name": "滨江社区", "kind": "community", "parent": "T001"})

    code: str
    name: str
    kind: str
    parent: str | None


class Units(BaseModel):
    items: list[UnitLine]
