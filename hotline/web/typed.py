"""What was typed into a form that was refused just now, for the page that shows it again."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request
from jinja2 import pass_context
from jinja2.runtime import Context
from starlette.datastructures import FormData, UploadFile

from hotline.words import word

IN_SCOPE = "hotline.refused"
# What people write in their own words; choices, keys and secrets are not shown.
WRITTEN = (
    *("answer", "basis", "canned_text", "content", "dispatch_note", "duties", "evidence", "internal_note", "note", "object_name"),
    *("occurred", "place_text", "plan", "present", "public_text", "question", "reason", "record", "remark", "result", "text"),
    *("title", "unit_summary", "what", "who"),
)


@dataclass(frozen=True)
class Sent:
    sentence: str
    status: int
    act: str  # the last part of the form's address
    form: FormData

    @property
    def written(self) -> Sequence[tuple[str, str]]:
        """Names of fields in words, and what was typed there."""
        given = ((name, self.form.get(name)) for name in WRITTEN)
        return [(word("field", name), text) for name, text in given if isinstance(text, str) and text.strip()]

    @property
    def lost_files(self) -> int:
        """A browser does not choose files by itself again."""
        return sum(isinstance(part, UploadFile) and bool(part.filename) for _, part in self.form.multi_items())


class Typed:
    """The fields of one form as they were sent; empty for a form that was not refused just now."""

    def __init__(self, form: FormData | None = None) -> None:
        self._form = form

    def __bool__(self) -> bool:
        return self._form is not None

    def __getitem__(self, name: str) -> str:
        value = self._form.get(name) if self._form else None
        return value if isinstance(value, str) else ""

    def chosen(self, name: str) -> list[str]:
        return [str(each) for each in self._form.getlist(name)] if self._form else []


@pass_context
def typed(context: Context, act: str) -> Typed:
    """For templates: of the form whose address ends so."""
    request: Request = context["request"]
    sent: Sent | None = request.scope.get(IN_SCOPE)
    return Typed(sent.form) if sent and sent.act == act else Typed()
