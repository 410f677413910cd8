"""How a named place stands to the matter: its place, the caller's home, only a landmark beside it, or not meant at all."""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum

from classifier.mentions import Mention

_REACH = 12
# Between the parts of one address nothing stands but these: 河西街道的阳光花园, 翠湖苑(翠湖社区).
_WITHIN_ADDRESS = re.compile(r"的?[ ()]?")
_DENIED = re.compile(r"(?<!是)(?<!要)(?:不是(?:在|说|指)?|并非|不在|没在)$")
_DENIED_AFTER = re.compile(r"(?:那[边里]|这[边里])?(?:除外|不算|没事|并?不是(?:这里|那里|我[说讲指]的))")
_TAKEN_BACK = re.compile(r"不对[,。!.、…]|[说写讲记弄搞报填打]错|口误|更正")
_LIKE = re.compile(r"(?:像|学学|比起|不如|参照)$")
_SELF = r"(?:我|俺|咱|本人|侬|阿拉)(?:们)?"
_KIN = r"(?:家|妈|爸|爸妈|父母|爷爷|奶奶|老婆|老公|老家|人|老人)?"
_LIVES = re.compile(
    rf"(?:{_SELF}{_KIN}(?:现在|目前|一直)?(?:就?是|家?住在?|家在)|{_SELF}家(?:就)?在"
    rf"|(?:^|[,。.!?;:、])(?:现|暂|家|居|我叫.{{1,4}}[,，])?住在?|家(?:住在?|就?在|是)|户口在|老家在?|住的(?:小区|地方|村子?)(?:就?是|叫|在)"
    r"|(?:住址|住处|居住地|户籍地?|(?:家庭|联系)地址)(?:是|为|在|[:,])?)$"
)
_IS_FROM = re.compile(rf"{_SELF}(?:就?是)$")
_FROM_THERE = re.compile(r"(?:大?院|小区|[这那][边里])?(?:的?(?:居民|业主|村民|住户|租户|人[,。])|的(?:$|[,。.!?;]))")
_COMES_BEFORE = re.compile(rf"{_SELF}从$")
_COMES = re.compile(r"(?:过来|赶|搬|坐|乘|打车|骑|开车|走)")
_WORKS_BEFORE = re.compile(rf"{_SELF}在$")
_WORKS = re.compile(r"(?:那边|这边)?(?:上班|工作|打工|租房|读书|上学)")
_BESIDE_BEFORE = re.compile(r"(?:(?:对面|旁边?|隔壁|附近|后面|斜对面)就?(?:是|有)|靠近|紧?挨着|临近|毗邻|距?离)$")
_BESIDE = re.compile(r"(?:斜?对面|旁边?|附近|隔壁|后面|前面|边上)的?(?:那个|那家)?$")
_CONTRAST = re.compile(r"但|不过|可是|然而|却|虽")


class Standing(StrEnum):
    MATTER = "matter"
    HOME = "home"
    BESIDE = "beside"
    DENIED = "denied"


def standings(text: str, mentions: Sequence[Mention], own: Sequence[str] = ()) -> list[tuple[Mention, Standing]]:
    """Each mention with its standing; if none is of the matter, the next best is. `own` are the names of the city itself."""
    addresses = list(_addresses(text, mentions))
    found = [_standing(text, addresses, index, own) for index in range(len(addresses))]
    if found and Standing.MATTER not in found:
        best = next(one for one in Standing if one in found)
        found = [Standing.MATTER if one == best else one for one in found]
    return [(mention, standing) for address, standing in zip(addresses, found, strict=True) for mention in address]


def may_narrow(text: str) -> bool:
    """我住河西，阳光花园停水 says which one, 我住河西，但是阳光花园停水 does not."""
    return not _CONTRAST.search(text)


def _addresses(text: str, mentions: Sequence[Mention]) -> Iterator[list[Mention]]:
    address: list[Mention] = []
    for mention in mentions:
        if address and not _WITHIN_ADDRESS.fullmatch(text, address[-1].end, mention.start):
            yield address
            address = []
        address.append(mention)
    if address:
        yield address


def _standing(text: str, addresses: Sequence[list[Mention]], index: int, own: Sequence[str]) -> Standing:
    start, end = addresses[index][0].start, addresses[index][-1].end
    floor = addresses[index - 1][-1].end if index else 0
    before = _without(own, text[max(floor, start - _REACH) : start])
    is_last = index + 1 == len(addresses)
    between = "" if is_last else text[end : addresses[index + 1][0].start]
    is_denied = _DENIED.search(before) or _DENIED_AFTER.match(text, end)
    if is_denied or _TAKEN_BACK.search(between) or _LIKE.search(before):
        return Standing.DENIED
    if _is_home(before, text[end : end + _REACH]):
        return Standing.HOME
    if _BESIDE_BEFORE.search(before) or _BESIDE.fullmatch(between):
        return Standing.BESIDE
    return Standing.MATTER


def _without(own: Sequence[str], before: str) -> str:
    for _ in own:
        before = next((before.removesuffix(name) for name in own if before.endswith(name)), before)
    return before


def _is_home(before: str, after: str) -> bool:
    if _IS_FROM.search(before):
        return bool(_FROM_THERE.match(after))
    if _COMES_BEFORE.search(before):
        return bool(_COMES.match(after))
    if _WORKS_BEFORE.search(before):
        return bool(_WORKS.match(after))
    return bool(_LIVES.search(before))
