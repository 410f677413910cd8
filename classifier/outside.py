"""Places of other cities: provinces and cities by name, and any 某某市某某区 that is not ours."""

import re
from importlib.resources import files

# Words that end like a city or a county and name none.
_NO_CITY = re.compile(r"(?:我|本|全|城|超|夜|菜|门|上|股|早|集|都|闹|各|省|地级|县级|楼|街|书|花|鱼|贸|农|外|别的|其他|哪个)市$")
_CITY = re.compile(r"(?P<city>[一-龥]{2,4}?市)(?P<district>[一-龥]{1,4}?(?:新区|[区县市旗]))?")
_COUNTY = re.compile(r"(?P<county>[一-龥]{2}县)(?![城衙剧里志道级乡医委政])")
_COMMON_IN_COUNTY = frozenset("我你他她它们全本外邻各个老在是到去回隔壁的了该这那哪某咱和跟与往从来周边")


class OutsideNames:
    def __init__(self, own: list[str]) -> None:
        lines = files("classifier").joinpath("lexicon/outside.txt").read_text(encoding="utf-8").split()
        self._own = tuple(name for name in own if name)
        names = sorted((name for name in lines if name not in self._own), key=len, reverse=True)
        known = "|".join(map(re.escape, names))
        self._known = re.compile(
            rf"(?:{known})(?:省|市|自治区|特别行政区)(?:[一-龥]{{1,7}}?[市区县旗州])*|(?:{known})[一-龥]{{2,3}}?[区县]"
        )

    def find(self, text: str, local_starts: list[int]) -> str:
        """The outside name that a text gives as its place; '' if it names ours, or only mentions the other in passing."""
        named = next((one for one in self._named(text) if not self._is_own(one[1])), None)
        if named is None:
            return ""
        start, name = named
        leads_to_local = start + len(name) in local_starts
        if (local_starts or self._names_own(text)) and not leads_to_local:
            return ""
        return name

    def _named(self, text: str) -> list[tuple[int, str]]:
        known = [(found.start(), found[0]) for found in self._known.finditer(text)]
        return sorted(known + self._other_cities(text) + _other_counties(text))

    def _other_cities(self, text: str) -> list[tuple[int, str]]:
        """A city that no list holds counts only with its district: 明川市江北区."""
        return [
            (found.start(), found[0])
            for found in _CITY.finditer(text)
            if found["district"]
            and not _NO_CITY.search(found["city"])
            and not found["district"].endswith(("小区", "社区", "片区"))
        ]

    def _is_own(self, name: str) -> bool:
        """明川市青渡市 and 青渡市 are ours; 明川市江北区 begins with our prefecture and is not."""
        rest = name
        for own in sorted(self._own, key=len, reverse=True):
            rest = rest.replace(own, "")
        return not rest or (rest != name and not re.search(r"[区县市旗]$", rest))

    def _names_own(self, text: str) -> bool:
        return bool(self._own) and self._own[-1] in text


def _other_counties(text: str) -> list[tuple[int, str]]:
    return [(one.start(), one[0]) for one in _COUNTY.finditer(text) if not _COMMON_IN_COUNTY & set(one["county"])]
