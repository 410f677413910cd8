"""What made-up citizens write, and how it is filed and answered."""

from functools import lru_cache

import yaml
from pydantic import BaseModel, ConfigDict

from hotline.seeds import files


class Letter(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    category: str
    place: str
    title: str
    text: str
    answer: str
    confidential: bool = False


@lru_cache(maxsize=1)
def all_letters() -> tuple[Letter, ...]:
    text = (files.FOLDER / "demo_letters.yaml").read_bytes()
    return tuple(Letter.model_validate(body) for body in yaml.load(text, Loader=yaml.CSafeLoader))
