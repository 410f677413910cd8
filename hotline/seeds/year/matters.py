"""What the citizens of the simulated year write: the demo's letters at other places of the city, as the season brings them."""

import random
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.seeds import files
from hotline.seeds.letters import Letter, all_letters
from hotline.services.queue_rule import VOICE
from models import PlaceName
from models.area import PlaceKind
from models.base import CITY_TIME

# In these months only, or hardly otherwise.
SEASONS: Mapping[str, frozenset[int]] = {
    "0404": frozenset({11, 12, 1, 2, 3}),  # heating
    "0204": frozenset({5, 6, 7, 8, 9}),  # water in the streets
    "2002": frozenset({6, 7, 8}),  # flood
    "0601": frozenset({3, 4, 5, 6, 9, 10}),  # building sites at night
    "0602": frozenset({5, 6, 7, 8, 9}),  # music outside
    "1101": frozenset({5, 6, 7, 8}),  # admission to school
    "0801": frozenset({11, 12, 1}),  # wages at the end of the year
}
ASKS_BY_PHONE = 15.0
IN_SEASON, OUT_OF_SEASON = 3.0, 0.1
# More of what a city hears most.
OFTEN: Mapping[str, float] = {
    "0101": 25,
    "0102": 25,
    "0106": 8,
    "0203": 5,
    "0301": 5,
    "0303": 12,
    "0304": 6,
    "0501": 3,
    "0602": 2,
    "0604": 3,
}
NUMBERED = re.compile(r"^(?P<road>\D+)\d+号$")


class Matters:
    """Letters drawn by season; each keeps the kind of its place: a road a road, a compound a compound."""

    def __init__(self, session: Session, chance: random.Random) -> None:
        self._chance = chance
        places = session.scalars(select(PlaceName).order_by(PlaceName.name, PlaceName.area_code)).all()
        kinds = {place.name: place.kind for place in places}
        self._letters = [(letter, _kind_of(letter, kinds)) for letter in all_letters() if not letter.category.startswith("2007")]
        self._by_kind: dict[PlaceKind, list[PlaceName]] = {}
        for place in places:
            self._by_kind.setdefault(place.kind, []).append(place)

    def letter(self, at: datetime, channel: str) -> Letter:
        """Who rings mostly wants to know something."""
        month = at.astimezone(CITY_TIME).month
        asks = ASKS_BY_PHONE if channel == VOICE else 1.0
        weights = [_weight(letter.category, month) * (asks if letter.kind == "inquiry" else 1.0) for letter, _ in self._letters]
        letter, kind = self._chance.choices(self._letters, weights)[0]
        if kind is None:
            return letter
        return _moved(letter, self._written(self._chance.choice(self._by_kind[kind])))

    def at_township(self, letter: Letter, township: str) -> Letter:
        """Somewhere in it."""
        inside = [place for place in self._by_kind[PlaceKind.COMPOUND] if place.area_code.startswith(township)]
        place = self._chance.choice(inside).name
        return letter.model_copy(update={"place": place, "text": letter.text.format(place=place)})

    def _written(self, place: PlaceName) -> str:
        if place.kind != PlaceKind.ROAD or place.from_no is None or place.to_no is None:
            return place.name
        number = self._chance.randint(place.from_no, place.to_no)
        if place.parity in ("odd", "even") and number % 2 != (place.parity == "odd"):
            number += 1 if number < place.to_no else -1
        return f"{place.name}{number}号"


def storm_letters() -> list[Letter]:
    text = (files.FOLDER / "demo_storm.yaml").read_bytes()
    return [Letter.model_validate(body) for body in yaml.load(text, Loader=yaml.CSafeLoader)]


def _kind_of(letter: Letter, kinds: Mapping[str, PlaceKind]) -> PlaceKind | None:
    """None where the place is the matter's own: a hospital, a school, or none at all."""
    numbered = NUMBERED.match(letter.place)
    if numbered is not None and kinds.get(numbered["road"]) == PlaceKind.ROAD:
        return PlaceKind.ROAD
    kind = kinds.get(letter.place)
    return kind if kind == PlaceKind.COMPOUND else None


def _weight(category: str, month: int) -> float:
    season = SEASONS.get(category)
    seasonal = 1.0 if season is None else IN_SEASON if month in season else OUT_OF_SEASON
    return OFTEN.get(category, 1.0) * seasonal


def _moved(letter: Letter, place: str) -> Letter:
    fields: Sequence[str] = ("title", "text", "answer")
    moved = {name: getattr(letter, name).replace(letter.place, place) for name in fields}
    return letter.model_copy(update={**moved, "place": place})
