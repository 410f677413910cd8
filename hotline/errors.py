"""What can go wrong in the words of the work.

HotlineError
├── NotFound            404
├── SignInNeeded        401
├── NotAllowed          403   ├── NotGenuine (a callback that is not the provider's)
├── Refused             409   ├── WrongState ├── Outdated ├── AlreadyTaken ├── RuleBroken
├── Invalid             422   ├── NoteRequired ├── FileRefused
├── OnlyForms           405   (an address that takes what a form sends, opened as a page)
├── TooLarge            413
├── TooMany             429
└── Unavailable         503   (disk full, database read-only or busy: nothing was stored)

`sentence` is English with {fields}; `hotline/locale` holds the Chinese that people read (docs/glossary.md pairs the words).
"""

from typing import ClassVar


class HotlineError(Exception):
    status: ClassVar[int] = 500
    code: ClassVar[str] = "error"
    sentence: ClassVar[str] = "Something went wrong. Nothing was lost; please try again."

    def __init__(self, sentence: str = "", *, field: str = "", **values: object) -> None:
        """`sentence` replaces the class's own; `field` is the form field it concerns; `values` fill its {fields}."""
        self.text = sentence or self.sentence
        self.field = field
        self.values = values
        super().__init__(self.text.format(**values) if values else self.text)


class NotFound(HotlineError):
    status, code, sentence = 404, "not_found", "This does not exist, or you may not see it."


class SignInNeeded(HotlineError):
    status, code, sentence = 401, "sign_in_needed", "Please sign in."


class NotAllowed(HotlineError):
    status, code, sentence = 403, "not_allowed", "Your role may not do this."


class NotGenuine(NotAllowed):
    code, sentence = "not_genuine", "The signature is wrong."


class Refused(HotlineError):
    status, code, sentence = 409, "refused", "This is not possible now."


class WrongState(Refused):
    code, sentence = "wrong_state", "This is not possible in the state it is in now."


class Outdated(Refused):
    code, sentence = "outdated", "Somebody was faster: what you see has changed since. Please look again."


class AlreadyTaken(Refused):
    code, sentence = "already_taken", "A colleague has taken this contact."


class RuleBroken(Refused):
    code = "rule_broken"


class Invalid(HotlineError):
    status, code, sentence = 422, "invalid", "Please check what you entered."


class NoteRequired(Invalid):
    code, sentence = "note_required", "Please give a reason."


class FileRefused(Invalid):
    code, sentence = "file_refused", "This file cannot be accepted."


class OnlyForms(HotlineError):
    status, code, sentence = 405, "only_forms", "This address only takes what a form sends. Please open the page anew."


class TooLarge(HotlineError):
    status, code, sentence = 413, "too_large", "This is too large."


class TooMany(HotlineError):
    status, code, sentence = 429, "too_many", "Too many tries. Please wait a moment."


class Unavailable(HotlineError):
    status, code, sentence = (
        503,
        "unavailable",
        "The service cannot store anything at the moment. Nothing was saved; please try again.",
    )
