"""Places of other cities: provinces and cities by name, and any 某某市某某区 that is not ours."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from importlib.resources import files

from classifier.mentions import Mention
from classifier.spellings import plain

# Words that end like a city or a county and name none.
_NO_CITY = re.compile(r"(?:我|本|全|城|超|夜|菜|门|上|股|早|集|都|闹|各|省|地级|县级|楼|街|书|花|鱼|贸|农|外|别的|其他|哪个)市$")
_CITY = re.compile(r"(?P<city>[一-龥]{2,4}?市)(?P<district>[一-龥]{1,4}?(?:新区|[区县市旗]))?")
_COUNTY = re.compile(r"(?P<county>[一-龥]{2}县)(?![城衙剧里志道级乡医委政])")
_COMMON_IN_COUNTY = frozenset("我你他她它们全本外邻各个老在是到去回隔壁的了该这那哪某咱和跟与往从来周边")
_NEIGHBOUR = re.compile(r"(?:隔壁|邻|外|别的|其他)[县市省](?:城)?")
# What may follow a known name: 长沙市岳麓区, 北京朝阳区, 四川成都.
_SUBDIVIDED = re.compile(
    r"(?:省|市(?![场民面价])|自治区|特别行政区)(?:[一-龥]{1,7}?[市区县旗州])*|[一-龥]{2,3}?(?:新区|[区县])(?!委)"
)
# A bare name of a city also stands in goods and dishes (北京烤鸭): it counts only where a place would stand.
_PLACED_BEFORE = re.compile(r"(?:^|[,。.!?;:、(]|在|投诉|反映|举报|请问|位于)$")
_PLACED_AFTER = re.compile(
    r"市?(?:的|那边|这边|那里|这里|有人|有个|停[水电气暖]|火车站|高铁站|机场|人民医院|[买看被出遇租住打工上读]|$|[,。.!?;:、)])"
)
_PASSED_BEFORE = re.compile(
    r"(?:来自|老家(?:是|在)?|户口(?:是|在)|籍贯是?|寄[到往去]|发[到往去]|[开运送飞回去到]|[儿女]\S{0,2}在)$"
)
_LEADS = re.compile(r"(?:市区?|城里|省)?(?:的|那边的?|这边的?|[,:(])?")


class OutsideNames:
    def __init__(self, own: list[str]) -> None:
        lines = files("classifier").joinpath("lexicon/outside.txt").read_text(encoding="utf-8").split()
        self.own = tuple(sorted((plain(name) for name in own if name), key=len, reverse=True))
        self._county = plain(own[-1]) if own and own[-1] else ""
        self._by_head: defaultdict[str, list[str]] = defaultdict(list)
        for name in sorted(set(lines) - set(self.own), key=len, reverse=True):
            self._by_head[name[:2]].append(name)

    def find(self, text: str, local: Sequence[Mention]) -> str:
        """The outside name that a text gives as its place; '' if it names ours, or only mentions the other in passing."""
        starts = {one.start for one in local}
        named = [one for one in self._named(text, local) if not self._is_own(one[1])]
        for start, name in named:
            if self._leads(text, start, start + len(name), starts):
                return name
        placed = [name for start, name in named if not _PASSED_BEFORE.search(text[max(0, start - 6) : start])]
        is_ours = bool(local) or (bool(self._county) and self._county in text)
        return "" if is_ours or not placed else placed[0]

    @staticmethod
    def _leads(text: str, start: int, end: int, starts: set[int]) -> bool:
        gap = _LEADS.match(text, end)
        return any(start < one <= end for one in starts) or (gap is not None and gap.end() in starts)

    def _named(self, text: str, local: Sequence[Mention]) -> list[tuple[int, str]]:
        starts = {one.start for one in local}
        inside = {at for one in local for at in range(one.start, one.end)}
        named = {*self._known(text, starts), *_other_cities(text), *_other_counties(text), *self._neighbours(text, starts)}
        return sorted(one for one in named if one[0] not in inside)

    def _known(self, text: str, starts: set[int]) -> Iterator[tuple[int, str]]:
        at = 0
        while at < len(text) - 1:
            name = next((one for one in self._by_head.get(text[at : at + 2], ()) if text.startswith(one, at)), None)
            found = self._in_full(text, at, name, starts) if name else ""
            if found:
                yield at, found
            at += len(found) or 1

    def _in_full(self, text: str, at: int, name: str, starts: set[int]) -> str:
        """四川成都市锦江区 is one name; a bare name counts only where the sentence has a place."""
        end = at + len(name)
        second = next((one for one in self._by_head.get(text[end : end + 2], ()) if text.startswith(one, end)), "")
        end += len(second)
        rest = _SUBDIVIDED.match(text, end)
        if rest:
            return text[at : rest.end()]
        is_placed = bool(_PLACED_BEFORE.search(text[max(0, at - 2) : at])) and (
            end in starts or bool(_PLACED_AFTER.match(text, end))
        )
        return text[at:end] if second or is_placed else ""

    def _neighbours(self, text: str, starts: set[int]) -> list[tuple[int, str]]:
        """隔壁县的朝阳路: only a place that follows makes it more than a word."""
        return [(one.start(), one[0]) for one in _NEIGHBOUR.finditer(text) if self._leads(text, one.start(), one.end(), starts)]

    def _is_own(self, name: str) -> bool:
        """明川市青渡市 and 青渡市 are ours; 明川市江北区 begins with our prefecture and is not."""
        rest = name
        for own in self.own:
            rest = rest.replace(own, "")
        return not rest or (rest != name and not re.search(r"[区县市旗]$", rest))


def _other_cities(text: str) -> list[tuple[int, str]]:
    """A city that no list holds counts only with its district: 明川市江北区."""
    return [
        (found.start(), found[0])
        for found in _CITY.finditer(text)
        if found["district"] and not _NO_CITY.search(found["city"]) and not found["district"].endswith(("小区", "社区", "片区"))
    ]


def _other_counties(text: str) -> list[tuple[int, str]]:
    return [(one.start(), one[0]) for one in _COUNTY.finditer(text) if not _COMMON_IN_COUNTY & set(one["county"])]
