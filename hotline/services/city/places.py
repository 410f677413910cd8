"""The city as people name it: the areas to pick from, what a typed place says, and the places of one name that must be asked."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from classifier import PlaceCandidate
from hotline.services.city import gazetteer
from models import Area, AreaKind, today

T = TypeVar("T")


def hotline_name(session: Session) -> str:
    """青渡市政务服务便民热线."""
    return f"{_city.known(session)}政务服务便民热线"


def townships(session: Session) -> Sequence[Area]:
    return _of_today(session, Area.kind == AreaKind.TOWNSHIP)


def communities(session: Session, township_code: str) -> Sequence[Area]:
    if not township_code:
        return []
    return _of_today(session, Area.parent_code == township_code)


def _of_today(session: Session, *which: ColumnElement[bool]) -> Sequence[Area]:
    day = today()
    valid = (Area.valid_from <= day, Area.valid_to.is_(None) | (Area.valid_to > day))
    return session.scalars(select(Area).where(*which, *valid).order_by(Area.code)).all()


@dataclass(frozen=True)
class Question:
    """A name that stands for several places, and these; nothing to choose from if it is clear or unknown."""

    name: str = ""
    choices: Sequence[PlaceCandidate] = ()


NOTHING_TO_ASK = Question()
READ_AGAIN_AFTER = 600.0  # seconds


def of_one_name(session: Session, text: str, *, within: str = "") -> Question:
    """What to ask about a typed place; the township picked beside it may already decide."""
    if not text.strip():
        return NOTHING_TO_ASK
    place = _names.known(session).match(text, within=within or None)
    return Question(place.text, place.candidates) if place.kind == "ask" else NOTHING_TO_ASK


def area_of(session: Session, text: str) -> str:
    """The code of the smallest area that the words name without doubt, or nothing."""
    place = _names.known(session).match(text) if text.strip() else None
    return (place.grid or place.community or place.township or "") if place else ""


class _Kept(Generic[T]):
    """Read now and then: a letter must not wait for a thousand rows."""

    def __init__(self, read: Callable[[Session], T]) -> None:
        self._read = read
        self._kept: tuple[float, T] | None = None

    def known(self, session: Session) -> T:
        if self._kept is None or time.monotonic() - self._kept[0] > READ_AGAIN_AFTER:
            self._kept = time.monotonic(), self._read(session)
        return self._kept[1]


def _city_name(session: Session) -> str:
    return session.scalar(select(Area.name).where(Area.parent_code.is_(None), Area.kind == AreaKind.COUNTY).limit(1)) or ""


_names = _Kept(gazetteer.load)
_city = _Kept(_city_name)
