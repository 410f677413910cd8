"""One form for texts and names of places, and the other ways in which citizens write a listed name."""

import re
from collections.abc import Collection, Iterator, Sequence

from classifier.numbers import closed_up
from classifier.text import normalise, shorten
from classifier.types import EntryKind, PlaceEntry

_LINE_END = re.compile(r"\s*[\r\n]+\s*")
# A space between two numbers parts them (No.114 3楼), any other is a slip of the finger.
_SPACE = re.compile(r"(?<![0-9]) | (?![0-9])")
_AREA_ENDING = re.compile(r"(?:街道|社区|镇|乡|村)$")
_NUMERALS = "一二三四五六七八九"
_NUMBERED = re.compile(r"^(.{2,}?)(第?)([一二三四五六七八九])(期|网格|村|区)$")
_MARKETS = ("农贸市场", "菜市场", "菜场")
_ZONES = ("经济开发区", "经济技术开发区")
_SHORTEST = 3


def plain(text: str) -> str:
    """Simplified, half-width, small, a line's end as the end of a sentence, without needless spaces."""
    ends_marked = _LINE_END.sub("。", shorten(text)[0].strip())
    return _SPACE.sub("", closed_up(normalise(ends_marked)))


def base_of(name: str) -> str:
    return _AREA_ENDING.sub("", name)


def other_names(entry: PlaceEntry, own: Sequence[str], areas: Collection[str]) -> Iterator[str]:
    """Ways to write the name that no list needs to give; shorter ones than three signs would be found everywhere."""
    for name in dict.fromkeys(_variants(entry, own, areas)):
        if len(name) >= _SHORTEST and name != entry.name:
            yield name


def _variants(entry: PlaceEntry, own: Sequence[str], areas: Collection[str]) -> Iterator[str]:
    name = plain(entry.name)
    if entry.kind == EntryKind.TOWNSHIP and name.endswith("街道"):
        yield from (base_of(name) + ending for ending in ("办事处", "街办"))
    elif entry.kind == EntryKind.COMMUNITY:
        yield from _committees(name)
    elif entry.kind in (EntryKind.LANDMARK, EntryKind.COMPOUND):
        yield from _numbered(name)
        yield from _shortened(name, own, areas)


def _committees(name: str) -> Iterator[str]:
    base = base_of(name)
    if name.endswith("社区"):
        yield base + "居委会"
    elif name.endswith("村"):
        yield from (base + ending for ending in ("村委会", "村村委会", "村委"))


def _numbered(name: str) -> Iterator[str]:
    """滨江社区第六网格 is also written 滨江社区6网格, 翠湖苑一期 also 翠湖苑1期."""
    found = _NUMBERED.match(name)
    if found:
        base, _, numeral, ending = found.groups()
        for number in (numeral, str(_NUMERALS.index(numeral) + 1)):
            yield from (base + number + ending, f"{base}第{number}{ending}")


def _shortened(name: str, own: Sequence[str], areas: Collection[str]) -> Iterator[str]:
    """Without what every local leaves out: 青渡市第一中学 is 市第一中学, 青石镇卫生院 is 青石卫生院."""
    for city in own:
        if name.startswith(city):
            rest = name.removeprefix(city)
            yield from (rest, "市" + rest, city.removesuffix("市") + rest)
    for area in areas:
        if name.startswith(area) and name != area:
            yield base_of(area) + name.removeprefix(area)
    yield from _everyday(name)


def _everyday(name: str) -> Iterator[str]:
    if name.startswith(_ZONES):
        yield "开发区" + name.split("开发区", 1)[1]
    if name.endswith("村委会"):
        yield name.removesuffix("委会") + "村委会"
    market = next((ending for ending in _MARKETS if name.endswith(ending)), None)
    if market:
        yield from (name.removesuffix(market) + other for other in _MARKETS)
