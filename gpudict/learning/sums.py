"""Sums over rows and their codes: what they are of a batch, and of two."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple, Self

import numpy as np

from gpudict.arrays.door import read, to_host
from gpudict.learning.blocks import Block, Coded
from gpudict.objective.quadratic import Quadratic


class Sums(NamedTuple):
    """What `Statistics` has: each field is a sum over rows, or may be added like one."""

    gram: np.ndarray
    cov: np.ndarray
    squares: np.ndarray
    uses: np.ndarray
    rows: int
    total: float
    cost: float
    gap: float
    missed: int

    def merge(self, *others: Self) -> Self:
        """Return the statistics of all rows, in whichever order: the same up to rounding.

        Parameters
        ----------
        *others : Statistics
            Of other rows, coded over as many atoms.

        Returns
        -------
        Statistics
            The sums. Codes of one sum should be for the same atoms, or for nearly the same.
        """
        for other in others:
            if not isinstance(other, Sums):
                raise TypeError(
                    f"a {type(other).__name__} came in the place of statistics, which are merged "
                    "one by one. Of a list of some, call first.merge(*others)."
                )
            if other.cov.shape != self.cov.shape:
                raise ValueError(
                    f"statistics of (d, k) = {other.cov.shape} came beside some of "
                    f"{self.cov.shape}, and they can't be added. Merge those of one problem."
                )
        return type(self)(*(sum(field[1:], field[0]) for field in zip(self, *others, strict=True)))

    def __add__(self, other: Any) -> Self:
        """Return what `merge` does: a tuple of the fields of both is of no use."""
        return self.merge(other)


def of_codes(blocks: Sequence[Block], made: Sequence[Coded], q: Quadratic, cost: float) -> Sums:
    """Return those of blocks of rows, whose codes have these statistics and this cost."""
    each = [to_host(one.codes.uses()).astype(np.int64) for one in made]
    uses: np.ndarray = reduce(np.add, each)
    gaps = zip(blocks, made, strict=True)
    gap = sum(read(block.samples.summed(one.gap, None))[0] for block, one in gaps)
    missed = sum(int(np.count_nonzero(~to_host(one.converged))) for one in made)
    cov, squares, gram = (to_host(a).astype(np.float64) for a in (q.cov, q.sq, q.gram))
    samples = [block.samples for block in blocks]
    n, total = sum(int(one.X.shape[0]) for one in samples), samples[0].total
    return Sums(gram, cov, squares, uses, n, total, cost, gap, missed)
