"""Samples with their weights.

A weight counts how often a sample is there: a weight of 2 is the sample twice, and 0 is its
absence.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from gpudict.arrays import per_row
from gpudict.arrays.door import (
    Array,
    array_namespace,
    divisor,
    float64_of,
    read,
    take,
    to_host,
)
from gpudict.arrays.saying import say


class Samples(NamedTuple):
    """Rows of data X (n, d), the weight of each (n,) or None where all are 1, and their sum.

    And of their entries the weights (n, d), and the largest one of all data, or None where all are
    1. Where one is 0, X is the mean of its feature: there starts and revived atoms see something.
    """

    X: Array
    weight: Array | None
    total: float
    entries: Array | None = None
    top: float = 1.0

    @classmethod
    def of(cls, X: Array, sample_weight: Any = None) -> Samples:
        """Check the weights, and bring them to the rows, whose place they follow."""
        return cls.weighed(X, per_row.weights(sample_weight, X))

    def seen(self, entries: Array, *, whole: bool = False) -> Samples:
        """Return the samples, which are 0 where a weight is, with checked weights of the entries.

        Of the `whole` data it is said how many features were never observed.
        """
        X, weight, total = self[:3]
        xp = array_namespace(X)
        mass = entries if weight is None else entries * weight[:, None]
        each = xp.sum(mass, axis=0)
        unseen, top = read(xp.sum(xp.astype(each == 0, X.dtype)), xp.max(entries))
        if unseen and whole:
            say(
                f"{unseen:.0f} of {X.shape[1]} features of X are never observed, and nothing says "
                "what atoms have there. Leave those features out."
            )
        mean = xp.sum(mass * X, axis=0) / divisor(each)
        return Samples(xp.where(entries > 0, X, mean), weight, total, entries, top or 1.0)

    @classmethod
    def weighed(cls, X: Array, weight: Array | None) -> Samples:
        """Return the rows with weights that are checked and brought to them."""
        if weight is None:
            return cls(X, None, float(X.shape[0]))
        return cls(X, weight, float(to_host(weight).sum(dtype=np.float64)))

    def rows(self, some: Any) -> Samples:
        """Return some of the samples, by a slice or by their numbers, (m,)."""
        X, weight, _, entries, top = self
        cut: Any = (lambda a: a[some, ...]) if isinstance(some, slice) else lambda a: take(a, some)
        part = self.weighed(cut(X), None if weight is None else cut(weight))
        return part if entries is None else part._replace(entries=cut(entries), top=top)

    def summed(self, values: Array, dtype: Any) -> Array:
        """Return the weighted sum of a number of each sample (n,), 0-d, in the dtype if any."""
        xp = array_namespace(values)
        if self.weight is None:
            return xp.sum(values, dtype=dtype)
        values = values if dtype is None else xp.astype(values, dtype, copy=False)
        return xp.sum(values * xp.astype(self.weight, values.dtype))

    def mean(self) -> Array:
        """Return the weighted mean of the rows, (d,): in float64 where there is, else corrected."""
        xp, wide = array_namespace(self.X), float64_of(self.X)
        mean = self._mean(self.X, wide)
        if wide is None:
            mean = mean + self._mean(self.X - mean, wide)
        return xp.astype(mean, self.X.dtype, copy=False)

    def _mean(self, rows: Array, dtype: Any) -> Array:
        rows = rows if self.weight is None else rows * self.weight[:, None]
        return array_namespace(rows).sum(rows, axis=0, dtype=dtype) / self.total

    def rooted(self) -> Array:
        """Return the rows √w x: their Gram is the weighted one, (n, d)."""
        xp = array_namespace(self.X)
        return self.X if self.weight is None else self.X * xp.sqrt(self.weight)[:, None]

    def squares(self) -> Array:
        """Return ‖x‖² of each sample, (n,), or ‖√w∘x‖² where its entries have weights."""
        square = self.X * self.X
        square = square if self.entries is None else square * self.entries
        return array_namespace(self.X).sum(square, axis=1)

    def longest(self) -> float:
        """Return the largest ‖x‖ of a sample, or above it what X·V can be with weights."""
        (square,) = read(array_namespace(self.X).max(self.squares()))
        return math.sqrt(square * self.top)

    def typical(self, square: Array) -> Array:
        """Return the geometric mean of ‖x‖² over samples that are not zero, 0-d; 0 if all are.

        Unlike the mean, it is hardly moved by outliers.
        """
        xp, dtype = array_namespace(square), square.dtype
        some = square > 0
        logs = xp.where(some, xp.log(divisor(square)), square)
        count = self.summed(xp.astype(some, dtype), dtype)
        mean = self.summed(logs, dtype) / divisor(count)
        found = xp.where(count > 0, xp.exp(mean), xp.zeros_like(mean))
        return found if self.entries is None else found / self.top
