"""The notes of a history in words for people: what the service writes begins with a code."""

from hotline.services.profiles.profiles import Indicator
from hotline.words import word
from models import Action, MarkKind, Measure, RequestKind, RequestState

# From which list of words a note has its code.
CODED = {Action.PUSH: "push", Action.DISMISS: "void_code"}
# From which list of words a request has its reason, where it is not that of a return.
REASONS = {RequestKind.SECOND_LOOK: "door", RequestKind.APPEAL: "indicator"}


def in_words(action: Action, note: str) -> str:
    """Notes that the service writes begin with a code; the rest of such a line is for people."""
    if action in (Action.SURVEY, Action.IMPORT):
        return "\n".join(map(_of_old_system, note.split("\n"))) if action == Action.IMPORT else ""
    code, colon, text = note.partition(": ")
    if action in CODED:
        return "：".join(filter(None, (word(CODED[action], code), text)))
    if action in (Action.REQUEST, Action.REFUSE):
        return _asked_in_words(action, note)
    if action == Action.RESUME and note == "limit":
        return word("resumed", note)
    if colon and action in (Action.MARK, Action.REMARK) and (named := _named(action, code)):
        return f"{named}：{text}"
    if colon and (code in set(Measure) or (action == Action.CLEAR and code == MarkKind.LEDGER)):
        return f"{word('measure', code)}：{word('measure', text)}"
    if action == Action.MARK and colon:
        return f"{word('mark', code)}：{word('case_status', text)}"
    return note


def _named(action: Action, code: str) -> str:
    """What a mark or remark is about, in words; empty where that is not one of these codes."""
    if action == Action.REMARK and code == RequestKind.APPEAL:
        return f"{word('request_kind', code)}（{word('request_state', RequestState.GRANTED)}）"
    if action == Action.REMARK and code == Indicator.FIT:
        return word("indicator", code)
    linked = word("link", code)
    return linked if linked != code else ""


def _of_old_system(line: str) -> str:
    code, colon, text = line.partition(": ")
    known = word("imported", code)
    return f"{known}：{text}" if colon and known != code else line


def _asked_in_words(action: Action, note: str) -> str:
    """`extension/weather: …` of a request, `extension: …` of its refusal; reopenings and older returns have the reason alone."""
    code, colon, text = note.partition(": ")
    kind, slash, reason = code.partition("/")
    if slash:
        return f"{word('request_kind', kind)}（{word(REASONS.get(RequestKind(kind), 'return_reason'), reason)}）：{text}"
    if action == Action.REFUSE:
        return f"{word('request_kind', code)}：{text}" if colon and code in set(RequestKind) else note
    return f"{word('return_reason', code)}：{text}" if colon else word("request_kind", note)
