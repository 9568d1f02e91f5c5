"""A limit on the number of atoms of a row: what pursuits solve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gpudict.arrays.door import Array, array_namespace
from gpudict.arrays.rows import Rows
from gpudict.objective.penalties.contract import RowPenalty, indicator


@dataclass(frozen=True)
class Cardinality(RowPenalty):
    """At most `n_nonzero` non-zeros a row, fewer once ‖x − z V‖² ≤ `target`.

    There is no certificate: the problem is NP-hard, and a pursuit is greedy.
    """

    weighable: ClassVar[bool] = True
    n_nonzero: int
    target: float = 0.0
    positive: bool = False
    problem: ClassVar[str] = "pursuits"
    asked_by: ClassVar[str] = "n_nonzero_coefs or target_error"

    @property
    def support(self) -> int | None:
        return None if self.target else self.n_nonzero

    def value(self, Z: Array, /) -> Array:
        """Return 0 for each row that keeps the limit and inf for each that does not, (n,)."""
        xp = array_namespace(Z)
        count = xp.sum(xp.astype(Z != 0, Z.dtype), axis=1)
        kept = count <= self.n_nonzero
        if self.positive:
            kept = kept & xp.all(Z >= 0, axis=1)
        return indicator(kept, Z)

    def prox(self, Z: Array, step: Array | float, /) -> Array:
        """Return Z with all but its largest entries set to zero; of equal ones the first stay."""
        xp = array_namespace(Z)
        size = self.pull(Z)
        order = xp.argsort(size, axis=1, descending=True, stable=True)
        rank = xp.argsort(order, axis=1, stable=True)
        kept = (rank < self.n_nonzero) & (size > 0)
        return xp.where(kept, Z, xp.zeros_like(Z))

    def cost(self, U: Rows, k: int, /) -> np.ndarray:
        """Return 0 for each row, (n,): a limit that is kept costs nothing."""
        return np.zeros(len(U.ends) - 1)
