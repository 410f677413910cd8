"""Reads the reference files, and says which edition each one is."""

import hashlib
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(str(files("hotline"))) / "reference"


@lru_cache
def read(name: str) -> dict[str, Any]:
    body: dict[str, Any] = yaml.load((FOLDER / name).read_bytes(), Loader=yaml.CSafeLoader)
    return body


def digest(name: str) -> str:
    return hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()
