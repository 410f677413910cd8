"""The fields of the filing form, one matter (一事一单) each."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from models import CitizenKind, RequestType, Urgency


def _none_if_blank(value: object) -> object:
    return None if value == "" else value


Blankable = BeforeValidator(_none_if_blank)
Code = Annotated[str, Field(max_length=32)]


class DraftForm(BaseModel):
    """One matter as the agent fills it in. Incomplete is allowed; what a case needs is checked when it is filed."""

    model_config = ConfigDict(str_strip_whitespace=True)

    request_type: Annotated[RequestType | None, Blankable] = None
    category: Code = ""
    unit: Code = ""
    assist_units: list[Code] = Field(default=[], max_length=10)
    urgency: Urgency = Urgency.NORMAL
    title: str = Field(default="", max_length=200)
    content: str = Field(default="", max_length=20_000)
    place_text: str = Field(default="", max_length=200)
    township_code: Annotated[Code | None, Blankable] = None
    community_code: Annotated[Code | None, Blankable] = None
    grid_code: Annotated[Code | None, Blankable] = None
    object_name: str = Field(default="", max_length=128)
    occurred: str = Field(default="", max_length=128)
    requester_kind: CitizenKind = CitizenKind.PERSON
    name: str = Field(default="", max_length=64)
    number: str = Field(default="", max_length=32)
    acting_for: str = Field(default="", max_length=64)
    confidential: bool = False
    unit_summary: str = Field(default="", max_length=4000)
    wants_callback: bool = True
    dispatch_note: str = Field(default="", max_length=2000)
    same_as: Code = ""  # the number of an earlier case about the same matter, as the agent found

    @property
    def area_code(self) -> str | None:
        """The smallest area that is known."""
        return self.grid_code or self.community_code or self.township_code

    @property
    def shielded(self) -> bool:
        """Units and other desks see nothing of it but what is written for them."""
        return self.confidential or self.request_type == RequestType.REPORT
