"""What a saved model needs to score a text: its recipe, the weights of its columns, one product."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy import sparse

from classifier.grams import Numbers

Bounds = tuple[int, ...]  # where each kind of columns ends
Choice = tuple[float, float]  # the cost of an error, and the part of the squared hinge


@dataclass(frozen=True)
class Recipe:
    """How a model is built; kept in it. The two that ship are in `RECIPES`."""

    name: str
    longest_run: int = 4
    opening: int = 0  # so many characters of a text that is at least twice as long are columns of their own as well
    fewest: int = 2
    most_columns: int = 600_000
    most_weights: int = 24_000_000
    doubt: float = 2.0
    sharpness: float = 0.5
    ridge: float = 4.0
    costs: tuple[float, ...] = (0.1, 0.3, 1.0)  # of a text on the wrong side; the folds tell which
    margins: tuple[float, ...] = (0.5, 1.0)  # the part of the squared hinge beside ridge regression; the folds tell which
    balance: float = 0.25
    bayes: float = 0.15  # its part beside the other two
    topic_emphasis: float = 3.0  # how many texts a topic counts for
    folds: int = 5
    keeps_examples: bool = False

    @property
    def choices(self) -> list["Choice"]:
        return list(product(self.costs, self.margins))

    def columns(self, labels: int) -> int:
        return min(self.most_columns, self.most_weights // max(labels, 1))


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("table", opening=25),
        Recipe(
            "city",
            fewest=1,
            most_weights=8_000_000,
            ridge=3.0,
            costs=(0.3,),
            margins=(0.5,),
            bayes=0.0,
            topic_emphasis=1.0,
            folds=3,
            keeps_examples=True,
        ),
    )
}


def weighted(rows: sparse.csr_matrix, scale: Numbers, bounds: Bounds) -> sparse.csr_matrix:
    """The rows with each column at its weight; what lies between two bounds is one kind, and brought to length one."""
    data = rows.data * scale[rows.indices]
    owners = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    blocks = owners * len(bounds) + np.searchsorted(bounds, rows.indices, side="right")
    lengths = np.sqrt(np.bincount(blocks, weights=data * data, minlength=len(bounds) * rows.shape[0]))
    data = data / np.maximum(lengths, 1e-9)[blocks]
    return sparse.csr_matrix((data.astype(np.float32), rows.indices, rows.indptr), shape=rows.shape)


@dataclass(frozen=True)
class Fit:
    scale: Numbers
    weights: Numbers
    bias: Numbers

    def rounded(self) -> "Fit":
        """As it will be saved, so that a model answers the same before and after."""
        return Fit(self.scale, self.weights.astype(np.float16).astype(np.float32), self.bias)

    def scores(self, rows: sparse.csr_matrix, bounds: Bounds) -> Numbers:
        return np.asarray(weighted(rows, self.scale, bounds) @ self.weights + self.bias)
