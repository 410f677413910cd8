"""What a bench says: one figure beside its limit and its bar."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Figure:
    """A measured value, the limit measured in the same run where there is one, and whether it keeps the bar.

    The bar speaks of the ratio to the limit, or of the figure itself where there is none. Without a bar it is for information.
    """

    bench: str
    shape: str
    figure: float
    unit: str
    limit: float | None = None
    bar: float | None = None
    better: Literal["more", "less"] = "less"
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        return self.figure / self.limit if self.limit else None

    @property
    def holds(self) -> bool | None:
        if self.bar is None:
            return None
        value = self.figure if self.ratio is None else self.ratio
        return value >= self.bar if self.better == "more" else value <= self.bar

    def as_json(self) -> str:
        body = {
            "bench": self.bench,
            "shape": self.shape,
            "figure": self.figure,
            "unit": self.unit,
            "limit": self.limit,
            "ratio": self.ratio,
            "bar": self.bar,
            "better": self.better,
            "holds": self.holds,
            **self.details,
        }
        return json.dumps({name: _rounded(value) for name, value in body.items()}, ensure_ascii=False)

    def as_words(self) -> str:
        said = f"{self.bench:<16} {self.shape:<11} {self.figure:>9.2f} {self.unit:<18}"
        if self.limit is not None:
            said += f" limit {self.limit:>9.2f}  ratio {self.ratio:.2f}"
        if self.bar is not None:
            sign = "≥" if self.better == "more" else "≤"
            said += f"  bar {sign} {self.bar:g}  {'holds' if self.holds else 'MISSED'}"
        return said


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: a value that was really measured."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _rounded(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value
