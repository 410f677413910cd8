"""A small model of three matters, trained in a moment: enough to see what becomes of its labels when the city changes."""

import shutil
import tempfile
from functools import cache
from pathlib import Path

from classifier import Routing, storage
from classifier.linear import RECIPES
from classifier.training import Lessons, train
from classifier.types import Example

LAMP, WATER, NOISE = "0203", "0401", "0601"
STORIES = {
    LAMP: ["路灯不亮", "路灯坏了", "灯杆歪了", "晚上没有路灯", "整条街的路灯都坏了"],
    WATER: ["停水了", "水管漏水", "没有自来水", "水压太低", "自来水坏了"],
    NOISE: ["半夜放音响太吵", "噪声扰民", "隔壁吵得睡不着", "夜里噪声大", "音响坏了也吵"],
}
THEN = Routing(
    lead_units={LAMP: "ZJJ", WATER: "GSG", NOISE: "GAJ"},
    urgencies={WATER: "urgent"},
    names={LAMP: "路灯", WATER: "供水", NOISE: "噪声"},
    words={LAMP: ["路灯"], WATER: ["供水", "停水"], NOISE: ["噪声"]},
    duties={"ZJJ": ["住建局", "路灯"], "GSG": ["供水公司", "停水"], "GAJ": ["公安局", "噪声"]},
)


def small_model(folder: Path) -> Path:
    """Saved as a service loads it; a copy of one that is trained once a test process."""
    shutil.copytree(_trained().name, folder, dirs_exist_ok=True)
    return folder


@cache
def _trained() -> tempfile.TemporaryDirectory[str]:
    examples = [
        Example(f"{text}{ending}", {"category": code, "request_type": "help" if ending else "complaint"}, group=f"{code}{at}")
        for code, texts in STORIES.items()
        for at, text in enumerate(texts)
        for ending in ("", "，请尽快来人")
    ]
    lessons = Lessons(examples, routing=THEN, recipe=RECIPES["city"])
    model, measures = train(lessons)
    folder = tempfile.TemporaryDirectory()
    storage.save(model, Path(folder.name), about={**lessons.about(), "measures": measures})
    return folder
