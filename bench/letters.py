"""Citizens' letters for the mailbox: each written on a form of its own, as a browser without script would send it."""

import random

from bench.form import read_form
from bench.load import closed_loop, request
from bench.service import Service

SEED = 12345
SENTENCES = (
    "小区门口的路灯坏了三天，晚上走路很不安全，希望尽快派人来修。",
    "楼下的烧烤店每天晚上油烟很大，直接排到居民窗户里，请有关部门管一管。",
    "家里从昨天下午开始停水，物业说是外面的管子坏了，到底什么时候能修好？",
    "想问一下孩子今年上小学，户口迁过来不满一年，需要准备哪些材料？",
    "工地半夜还在打桩，已经连续一个星期，家里老人根本睡不着觉。",
    "公司拖欠我们三个月工资，找了几次都说没有钱，请帮忙协调解决。",
    "公交站台的座椅断了一根，上面有钉子露出来，容易扎到人。",
    "建议在学校门口加一条斑马线，早上送孩子的车太多，过马路很危险。",
)


def prepare(service: Service, count: int) -> list[bytes]:
    """The requests that send `count` letters; each form is fetched first, for its key comes from the service."""
    chance = random.Random(SEED)
    pages = closed_loop(service.port, [request("GET", "/")] * count, connections=4)
    if pages.statuses() != {200}:
        raise RuntimeError(f"the mailbox answered {pages.statuses()}: {service.process.tail()}")
    return [_send(answer.body.decode(), chance, serial) for serial, answer in enumerate(pages.answers)]


def prepare_bare(count: int) -> list[bytes]:
    """The same letters for the bare endpoint, which gives out no forms."""
    chance = random.Random(SEED)
    form = read_form('<form data-form="letter" enctype="multipart/form-data">', "letter", at="/")
    form.fields = {"key": "0" * 59, "township": "", "name": ""}
    form.files = ["files"]
    return [request("POST", "/", content=form.body(_filled(chance, serial))) for serial in range(count)]


def _send(page: str, chance: random.Random, serial: int) -> bytes:
    form = read_form(page, "letter", at="/")
    return request("POST", form.action, content=form.body(_filled(chance, serial)))


def _filled(chance: random.Random, serial: int) -> dict[str, str]:
    return {
        "kind": chance.choice(("complaint", "inquiry", "suggestion")),
        "text": "".join(chance.sample(SENTENCES, 2)),
        "place": f"人民路 {serial % 200 + 1} 号",
        "sender_kind": "person",
        # A number of one's own, or the limit for one number would be measured.
        "number": f"139{chance.randrange(10**8):08d}",
        "consent": "yes",
    }
