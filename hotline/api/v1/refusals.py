"""Refusals as they are described: RFC 9457, with a stable code and a sentence that people may be shown."""

from typing import Any

from pydantic import BaseModel

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str


TITLES = {
    401: ("sign_in_needed", "没有密钥，密钥不对，或者已经失效。"),
    403: ("not_allowed", "您的岗位没有这项权限。"),
    404: ("not_found", "没有找到，或者您无权查看。"),
    409: ("outdated", "有同事先一步处理了，页面内容已变化，请重新查看。"),
    413: ("too_large", "内容太大，没有保存。请少写一些，或少传几个附件后再提交。"),
    422: ("invalid", "请检查填写的内容。"),
    429: ("too_many", "操作太频繁，请稍候再试。"),
}
WHEN = {
    401: "No key, a wrong one, or one that has ended.",
    403: "The key lacks the scope, comes from another address, or the unit may not do this.",
    404: "There is no such thing, or it is not, or no longer, with the unit.",
    409: "Not possible in its present state, or by the city's rules; `outdated`: somebody was faster.",
    413: "The body is larger than is taken.",
    422: "Something is missing or malformed; `key_reused`: the Idempotency-Key came with another request before.",
    429: "Faster than the key may call; Retry-After says how many seconds to wait.",
}


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For the `responses` of an operation; 401, 403 and 429 may meet every call."""
    return {status: _described(status) for status in sorted({401, 403, 429, *statuses})}


def _described(status: int) -> dict[str, Any]:
    code, sentence = TITLES[status]
    example = {"type": "about:blank", "title": code, "status": status, "detail": sentence, "code": code, "field": ""}
    return {"description": WHEN[status], "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema(), "example": example}}}
