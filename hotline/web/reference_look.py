"""Old and new of what an administrator is about to change in the reference data: shown first, confirmed with a reason."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel

from hotline.errors import HotlineError
from hotline.services.access import Me
from hotline.services.reference.differences import Difference
from hotline.web import render


class Proposed(Protocol):
    """What would be, and what was looked at to say so."""

    @property
    def seen(self) -> UUID | str: ...
    @property
    def differences(self) -> Sequence[Difference]: ...


Proposal = TypeVar("Proposal", bound=Proposed)


@dataclass(frozen=True)
class Frame(Generic[Proposal]):
    """Of one kind of reference data: where its pages are, and what is said of a change of it."""

    home: str
    confirm: str  # the form's name
    taken_up: str  # from when on it holds
    warnings: Callable[[Proposal], Sequence[str]]

    def shown(
        self,
        request: Request,
        me: Me,
        form: BaseModel,
        propose: Callable[[], Proposal],
        refused: Callable[[HotlineError], Response],
        *,
        back: str,
    ) -> Response:
        try:
            proposal = propose()
        except HotlineError as refusal:
            return refused(refusal)
        sent = render.as_fields(form)
        values: dict[str, Any] = {
            "differences": proposal.differences,
            "warnings": self.warnings(proposal),
            "fields": [*sent, ("seen", str(proposal.seen))],
            "action": self.home,
            "form_name": self.confirm,
            "back": back,
            "reason": dict(sent)["reason"],
            "note": self.taken_up,
        }
        return render.page(request, "admin/reference_look.html", me=me, **values)
