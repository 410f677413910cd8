"""What an examination finds: how it stands with one thing, and what to do about it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from hotline.settings import Settings

Look = Callable[[Settings], Iterator["Finding"]]


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    verdict: Verdict
    what: str
    detail: str
    # What to do about it.
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.verdict:4}  {self.what:12} {self.detail}" + (f" -> {self.remedy}" if self.remedy else "")


def ok(what: str, detail: str) -> Finding:
    return Finding(Verdict.OK, what, detail)


def warn(what: str, detail: str, remedy: str) -> Finding:
    return Finding(Verdict.WARN, what, detail, remedy)


def fail(what: str, detail: str, remedy: str) -> Finding:
    return Finding(Verdict.FAIL, what, detail, remedy)
