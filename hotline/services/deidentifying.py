"""Texts without persons: what is learned from citizens' words, or listed of them, names nobody, no number and no door."""

import re
from collections.abc import Iterable

from classifier.text import normalise

SOMEBODY, SOMEWHERE = "某人", "某址"
_SURNAMES = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏窦章苏潘葛范彭鲁韦马苗方俞任袁柳鲍史唐费薛雷贺倪汤滕罗"
    "毕郝邬安常乐于傅皮卞齐康伍余顾孟黄穆萧尹姚邵汪毛臧计戴宋庞熊纪舒屈项祝董梁杜阮蓝闵席季贾路娄江童颜郭梅盛林钟徐邱骆高夏蔡田樊胡凌霍"
    "万柯卢莫房解应宗丁宣邓洪包石崔龚程邢裴陆荣翁甄曲封芮储靳段焦巴牧侯班仇甘厉戎祖武符刘景詹束龙叶司黎薄印白蒲从索赖卓蔺屠池乔阴"
    "苍闻党翟谭贡姬申冉桂牛边尚温庄晏柴瞿阎充慕连习艾容向古易廖耿满匡寇广阙欧聂晁辛简饶曾沙鞠关蒯查荆游竺权盖益桓岳帅涂缑亢况肖闫覃佘"
)
_NAME = rf"(?:欧阳|上官|司马|诸葛|夏侯|皇甫|尉迟|公孙|慕容|司徒|令狐|[{_SURNAMES}])[\u4e00-\u9fff]"
_ADDRESS = re.compile(r"https?://\S+|[\w.+-]+@[\w-]+\.[\w.-]+")
_ACCOUNT = re.compile(r"((?:微信|vx|wx|qq|账号|帐号)[号是为:：\s]*)[a-z0-9_-]{4,}")
_PLATE = re.compile(r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][a-z][·\s]?[a-z0-9]{5,6}")
_WITH_DIGIT = re.compile(r"[a-z_*-]*[0-9][a-z0-9_*-]*(?:\.[0-9]+)?")
_SPELT = re.compile(r"[〇零幺一二两三四五六七八九]{5,}")
_DOOR = re.compile(r"第?[〇零一二两三四五六七八九十百]+(?=号|栋|幢|座|单元|室|楼|层|弄|户|门)")
_INTRODUCED = re.compile(
    rf"(我叫|我是|名叫|叫做|本人|姓名(?:是|为)?[:：]?\s*|联系人(?:是|为)?[:：]?\s*|当事人|业主|房东|老板|司机|邻居){_NAME}[\u4e00-\u9fff]?(?=[，,。；;、\s（(:：]|$)"
)
_ADDRESSED = re.compile(
    rf"[{_SURNAMES}][\u4e00-\u9fff]{{0,2}}(?=先生|女士|小姐|师傅|老师|同志|大爷|大妈|阿姨|叔叔|医生|大夫|警官|经理|主任|书记|局长|科长|队长|校长|老板|总)"
)
_FOREIGN = re.compile(r"[\u4e00-\u9fff]{2,}[·•][\u4e00-\u9fff]{2,}")


def masked(text: str, names: Iterable[str | None] = ()) -> str:
    """In one form of writing; `names` are those that the service knows to stand behind the text."""
    text = normalise(text)
    for name in sorted({normalise(name) for name in names if name and len(name) > 1}, key=len, reverse=True):
        text = text.replace(name, SOMEBODY)
    text = _ADDRESS.sub(SOMEWHERE, text)
    text = _PLATE.sub("0", _ACCOUNT.sub(r"\g<1>0", text))
    text = _DOOR.sub("0", _SPELT.sub("0", _WITH_DIGIT.sub("0", text)))
    text = _FOREIGN.sub(SOMEBODY, _INTRODUCED.sub(rf"\g<1>{SOMEBODY}", text))
    return _ADDRESSED.sub(SOMEBODY, text)
