"""Finds names of persons that stand bare in a sentence: a surname, what may follow it, and what stands around."""

import re
from collections.abc import Iterator
from functools import lru_cache

# Read as a surname wherever the sentence allows it; with more around it; only where a name is announced or a title follows.
_CERTAIN = (
    "王李刘赵吴徐孙朱郭罗郑宋唐邓冯韩曹彭蔡潘董袁蒋魏薛阎杜戴汪姜范姚谭廖邹熊郝崔邱秦侯邵孟贺龚庞樊殷沈陶"
    "洪翟倪俞鲁葛韦毕聂焦邢岳祁耿肖詹靳裴鲍霍翁柯阮闫覃佘"
)
_LIKELY = "张黄周杨林马陈何程丁叶余胡钟卢傅苏吕夏康段雷尹黎乔赖梁谢许顾莫庄祝左涂舒牟卜"
_POSSIBLE = (
    "钱田石白江金史武万易常文齐梅管谷褚卫尤施张孔严华戚喻柏窦章云方任柳费汤滕安于皮卞伍元穆萧毛臧计成茅纪屈项季路娄童颜盛林骆高虞支昝"
    "凌房解应宗宣贲包诸荣荀羊惠甄曲封芮储井巫巴牧隗山全班仰秋仲伊宫宁仇栾甘厉戎符景束龙幸司黎薄印宿怀蒲从索籍卓屠池阴胥能苍"
    "双闻莘党贡劳逄姬申扶堵冉宰郦雍璩桑桂濮牛寿通边扈燕冀郏浦尚农温别晏柴充慕连习艾鱼容向古慎戈庾终暨居衡步都满弘匡国寇广禄阙东欧沃利蔚越隆师巩"
    "厍晁勾敖融冷訾辛阚那简饶空曾毋沙乜养鞠须丰巢关蒯相查荆红游竺权盖益桓公况缑亢帅"
)
_SURNAME = re.compile(rf"欧阳|上官|司马|诸葛|夏侯|皇甫|尉迟|公孙|慕容|司徒|令狐|[{_CERTAIN}{_LIKELY}{_POSSIBLE}]")
_SPOKEN = re.compile(r"(?:叫|姓名|名字|(?:联系|当事|负责|投诉|举报|申请|求助|来电)人)(?:是|为)?[:\s]*$")
_ANNOUNCED = re.compile(
    r"(?:我叫|我是|名叫|叫做|本人|姓名|名字|联系人|当事人|负责人|经办人|法人代表|法定代表人|投诉人|举报人|申请人|求助人|来电人|包工头|业主|户主|住户|店主|丈母娘|我妈|我爸|护士|房东|老板|司机"
    r"|[员师]|教练|班主任|医生|销售|客服|店长|经理|邻居|村民|居民|患者|学生|同学|同事|丈夫|妻子|老公|老婆|父亲|母亲|爸爸|妈妈|儿子|女儿|孩子)(?:叫|是|为|名叫)?[:\s]*$"
)
_TITLE = re.compile(
    r"先生|女士|小姐|师傅|老师|同志|大爷|大妈|大哥|大姐|阿姨|叔叔|医生|大夫|护士|警官|法官|律师|经理|主任|书记|局长|科长|处长|队长|校长|院长|所长|站长|村长|组长|会计|老板|总(?![是共体部算之的要会有])"
)
# What comes before a name and what after it; never part of a given name.
_BEFORE = "找叫给跟和与向由是被问让对替帮把因将为到请人主民友长见了的上下司员练生家姨娘亲馆任师手理事,"
_AFTER = (
    "签养涨绕违她他一电手号跑摔走占反失放躲好每天嫌逃辱威偷拿倒堆推撞殴泼抢诈克扣赖私擅乱砸不声多的在说是把被要不欠从于和与跟住等今因没有让叫给向对将到去来也又就都已拒答打骂也还却先后两"
    "三家为名曾经常总收骗借租雇开办承负拖"
)
_NEVER_GIVEN = set(
    "的了在是不和与某总姐哥叔姨嫂爷奶氏记队家庄村镇乡路街巷桥湾坡沟店院厂区苑站局所岭坪塘洼寨营屯堡铺集井楼组社府馆校站台口城荫卡外灯室锁里上下个们这那哪请什么怎为被把给要没说叫让到都也"
)
_NEVER_ALONE = set("傅钱于从向应常都解连计单盖时成荣全安能相须通公空双那居充别和方满路红国东")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_LONGEST_WORD = 4
_COMMON, _KNOWN = 200, 4


def names_in(text: str) -> Iterator[tuple[int, int]]:
    """Where each begins and ends, in order, none inside another. The text is in its one form of writing."""
    end = 0
    for found in _SURNAME.finditer(text):
        if found.start() >= end and (last := _end(text, found.start(), found.end())):
            end = last
            yield found.start(), end


def _end(text: str, start: int, given: int) -> int:
    """Nought if it is no name. What stands before a title may be a surname alone."""
    announced = _is_announced(text, start)
    if _in_a_word(text, start, given, announced=announced):
        return 0
    if text[start - 1 : start] == "姓" and text[start - 2 : start] != "百姓":
        return given
    ends = [end for end in range(given, given + 3) if _may_be_given(text[given:end], end - given)]
    titled = next((end for end in ends if _TITLE.match(text, end)), None)
    if titled is not None:
        return titled if titled > given or text[start] not in _NEVER_ALONE else 0
    opened = announced or _opens(text, start)
    closed = [end for end in ends if end > given and _closes(text, end, given)]
    return next((end for end in closed if announced or _is_name(text[start], given - start, end - given, opened=opened)), 0)


def _is_name(surname: str, characters: int, given: int, *, opened: bool) -> bool:
    if characters == 2:
        return True
    if surname in _CERTAIN:
        return opened or given == 2
    return opened and surname in _LIKELY and given == 2


def _opens(text: str, start: int) -> bool:
    return start == 0 or not _HAN.match(text, start - 1) or text[start - 1] in _BEFORE


def _closes(text: str, end: int, given: int) -> bool:
    """After two characters of a given name it is enough that a word of its own begins and none goes on."""
    if end == len(text) or not _HAN.match(text, end) or text[end] in _AFTER:
        return True
    return end - given == 2 and text[end : end + 2] in _words() and text[end - 1 : end + 1] not in _words()


def _may_be_given(given: str, length: int) -> bool:
    return len(given) == length and all(_HAN.match(each) and each not in _NEVER_GIVEN for each in given)


def _is_announced(text: str, start: int) -> bool:
    """A surname that is an everyday word as well has to be spoken of as a name."""
    announced = _SPOKEN if text[start] in _NEVER_ALONE else _ANNOUNCED
    return announced.search(text, max(0, start - 8), start) is not None


def _in_a_word(text: str, start: int, end: int, *, announced: bool) -> bool:
    """洪水 begins with a surname and 对方 ends with one; neither is a person."""
    words = _words()
    return any(
        (first, first + length) != (start, end) and text[first : first + length] in words
        for length in range(2, _LONGEST_WORD + 1)
        for first in range(start if announced else max(0, start - length + 1), start + (not announced or length > 2))
    )


@lru_cache(maxsize=1)
def _words() -> frozenset[str]:
    """The dictionary's words but names of persons: those of two characters, and longer ones with a surname in them."""
    import jieba  # its word list only

    with jieba.dt.get_dict_file() as file:
        entries = [line.decode("utf-8").split() for line in file]
    return frozenset(word for word, count, kind in entries if _is_word(word, int(count), kind))


def _is_word(word: str, count: int, kind: str) -> bool:
    """What the dictionary takes for a person is one, unless it is common: 师傅, 岳母."""
    is_name = count < _COMMON if kind.startswith("nr") else count < _KNOWN
    return not is_name and (len(word) == 2 or (2 < len(word) <= _LONGEST_WORD and _SURNAME.search(word) is not None))
