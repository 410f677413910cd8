"""The citizen's form: what was typed, what is wrong with it, and the letter that it becomes. Knows nothing of the database."""

import secrets
from dataclasses import dataclass, field, replace
from typing import Self
from uuid import uuid4

from starlette.datastructures import FormData, UploadFile

from hotline.errors import FileRefused, HotlineError
from hotline.ports import File, Inbound
from hotline.services import phones
from hotline.services.files import files
from hotline.services.plain_text import clean as clean
from hotline.words import say
from models import CitizenKind, RequestType, now
from models.privacy import lookup_hash

KINDS = tuple(kind for kind in RequestType if kind is not RequestType.OTHER)
LONGEST_TEXT = 2000
UNSURE = "unsure"


def new_form_key(edition: int) -> str:
    """A letter's identity from before it is written: posted twice, it is one letter. Holds the edition of the consent shown."""
    identity = uuid4().hex
    return f"{identity}.{edition}.{_seal(identity, edition)}"


def opened_form_key(key: str) -> tuple[str, int] | None:
    """Identity and edition, if this key is one of ours."""
    identity, _, rest = key.partition(".")
    edition, _, seal = rest.partition(".")
    if not edition.isdigit() or len(edition) > 6:
        return None
    return (identity, int(edition)) if secrets.compare_digest(seal.encode(), _seal(identity, int(edition)).encode()) else None


def _seal(identity: str, edition: int) -> str:
    return lookup_hash("letter", f"{identity}.{edition}").hex()[:24]


@dataclass(frozen=True)
class Letter:
    key: str
    kind: str = ""
    text: str = ""
    place: str = ""
    choice: str = ""
    township: str = ""
    community: str = ""
    sender_kind: str = CitizenKind.PERSON
    name: str = ""
    number: str = ""
    confidential: bool = False
    consent: bool = False
    step: str = ""
    files: tuple[File, ...] = field(default=(), repr=False)

    @classmethod
    def read(cls, form: FormData) -> Self:
        typed = {key: clean(value) for key, value in form.multi_items() if isinstance(value, str)}
        return cls(
            key=typed.get("key", ""),
            kind=typed.get("kind", ""),
            text=typed.get("text", ""),
            place=typed.get("place", ""),
            choice=typed.get("choice", ""),
            township=typed.get("township", ""),
            community=typed.get("community", ""),
            sender_kind=typed.get("sender_kind", CitizenKind.PERSON),
            name=typed.get("name", ""),
            number=typed.get("number", ""),
            confidential=typed.get("confidential") == "yes",
            consent=typed.get("consent") == "yes",
            step=typed.get("step", ""),
            files=uploads(form, "files"),
        )

    @property
    def area_code(self) -> str:
        picked = "" if self.choice == UNSURE else self.choice
        return picked or self.community or self.township

    def checked(self) -> tuple[Self, dict[str, str]]:
        """With its files as they may be kept, and what is wrong: field to sentence, in the order of the page."""
        kept, refused = _checked_files(self.files)
        found = {
            "kind": "" if self.kind in KINDS else say("Please choose what this is about."),
            "text": _problem_of_text(self.text),
            "place": say("Please shorten the place to 200 characters.") if len(self.place) > 200 else "",
            "files": refused,
            "name": say("Please shorten the name to 64 characters.") if len(self.name) > 64 else "",
            "number": self._problem_of_number(),
            "consent": "" if self.consent else say("Please read and accept how your data is used."),
        }
        return replace(self, files=kept), {name: sentence for name, sentence in found.items() if sentence}

    def _problem_of_number(self) -> str:
        if not self.number:
            return "" if self.sender_kind == CitizenKind.ANONYMOUS else say("Please leave a number, or choose to stay anonymous.")
        return "" if phones.normalise(self.number) else say("This number does not look right. Landlines need their area code.")

    def as_inbound(self, identity: str, edition: int) -> Inbound:
        number = phones.normalise(self.number) or ""
        kind = CitizenKind(self.sender_kind) if self.sender_kind in set(CitizenKind) else CitizenKind.PERSON
        return Inbound(
            channel="mailbox",
            external_id=identity,
            sender=number or identity,
            text=self.text,
            received_at=now(),
            sender_kind=kind,
            name=self.name,
            number=number,
            place=self.place,
            area_code=self.area_code,
            wished_kind=self.kind,
            confidential=self.confidential,
            consent=f"consent/{edition}",
            files=self.files,
        )


def in_chinese(error: HotlineError) -> str:
    return say(error.text, **error.values)


def _problem_of_text(text: str) -> str:
    if len(text) > LONGEST_TEXT:
        return say("Please shorten the text to 2,000 characters; it has {count}.", count=f"{len(text):,}")
    if not text:
        return say("Please write what happened.")
    if sum(map(str.isalnum, text)) < 2:
        return say("We cannot read this. Please write in words what happened.")
    return ""


def _checked_files(uploads: tuple[File, ...]) -> tuple[tuple[File, ...], str]:
    if len(uploads) > files.MOST_FILES:
        return uploads, say("Please add at most five files; there are {count}.", count=len(uploads))
    kept = list[File]()
    for upload in uploads:
        try:
            kept.append(files.check(upload))
        except FileRefused as error:
            return uploads, f"{upload.name}：{in_chinese(error)}"
    return tuple(kept), ""


def uploads(form: FormData, field: str, *, prefix: str = "") -> tuple[File, ...]:
    """What was chosen; a file field left empty comes as a nameless file of no bytes."""
    chosen = [part for part in form.getlist(field) if isinstance(part, UploadFile) and part.filename]
    return tuple(File(name=prefix + clean(part.filename or "")[:120], content=part.file.read()) for part in chosen)
