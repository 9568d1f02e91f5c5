"""The problems, one module each, found by file name.

A problem is data, a dictionary and a weight: `load(n=None)` returns a `Problem`, its first n rows
if n is given. Everything is float64 NumPy and the same on every call; whoever wants another dtype
or library converts it, outside the clock.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import NamedTuple

import numpy as np


class Problem(NamedTuple):
    """A coding problem: min over u of ½‖x − u V‖² + alpha‖u‖₁ for each row x of X.

    Attributes
    ----------
    name : the module's
    X : (n, d), the data
    V : (k, d), atoms of norm 1
    alpha : weight of ‖u‖₁
    n_nonzero_coefs : non-zeros a row for the pursuits
    note : a sentence on where it comes from
    steps : iterations or batches, where a dictionary is learned
    batch_size : samples of a batch
    unseen : (m, d), data by which a dictionary is judged that was learned from X, or None
    positive : whether codes are to be non-negative
    """

    name: str
    X: np.ndarray
    V: np.ndarray
    alpha: float
    n_nonzero_coefs: int
    note: str
    steps: int = 0
    batch_size: int = 0
    unseen: np.ndarray | None = None
    positive: bool = False

    def cast(self, dtype: str) -> tuple[np.ndarray, np.ndarray]:
        """Return data and atoms in a dtype."""
        return self.X.astype(dtype), self.V.astype(dtype)

    def from_samples(self) -> Problem:
        """Return the problem with as many random samples in place of its atoms."""
        rng = np.random.default_rng(0)
        return self._replace(V=unit(self.X[rng.choice(len(self.X), len(self.V), replace=False)]))


def unit(V: np.ndarray) -> np.ndarray:
    """Return the rows of V with norm 1."""
    return V / np.linalg.norm(V, axis=1, keepdims=True)


def names() -> tuple[str, ...]:
    """Return the names of the problems."""
    return tuple(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def load(name: str, n: int | None = None) -> Problem:
    """Load a problem by its name, its first n rows if n is given."""
    if name not in names():
        raise ValueError(f"Unknown problem {name!r}: pass one of {', '.join(names())}.")
    return importlib.import_module(f"benchmarks.race.problems.{name}").load(n)
