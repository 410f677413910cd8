"""A clock that can be set back, so that demo cases are filed, answered and overdue as if days had passed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo
from typing import Self

from models import base


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """Within the block `models.base.now()` says `moment`. For a process of its own: other threads would see it too."""

    class Then(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(moment.timestamp(), tz)

    real = vars(base)["datetime"]
    vars(base)["datetime"] = Then
    try:
        yield
    finally:
        vars(base)["datetime"] = real
