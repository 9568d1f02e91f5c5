"""Samples with their weights, and where mini-batches of them come from.

A weight counts how often a sample is there: a weight of 2 is the sample twice, and 0 is its
absence. Batches are cut from an array, or yielded by an iterable.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from gpudict import _check
from gpudict._array import Array, array_namespace, index_like, is_array, take, to_host


class Samples(NamedTuple):
    """Rows of data X (n, d), the weight of each (n,) or None where all are 1, and their sum."""

    X: Array
    weight: Array | None
    total: float

    @classmethod
    def of(cls, X: Array, sample_weight: Any = None) -> Samples:
        """Check the weights, and bring them to the rows, whose place they follow."""
        weight = _check.weights(sample_weight, X)
        if weight is None:
            return cls(X, None, float(X.shape[0]))
        return cls(X, weight, float(to_host(weight).sum(dtype=np.float64)))

    def summed(self, values: Array, dtype: Any) -> Array:
        """Return the weighted sum of a number of each sample (n,), 0-d, in the dtype."""
        xp = array_namespace(values)
        values = xp.astype(values, dtype, copy=False)
        return xp.sum(values if self.weight is None else values * xp.astype(self.weight, dtype))

    def mean(self) -> Array:
        """Return the weighted mean of the rows, (d,)."""
        xp = array_namespace(self.X)
        rows = self.X if self.weight is None else self.X * self.weight[:, None]
        return xp.sum(rows, axis=0) / self.total

    def rooted(self) -> Array:
        """Return the rows √w x: their Gram is the weighted one, (n, d)."""
        xp = array_namespace(self.X)
        return self.X if self.weight is None else self.X * xp.sqrt(self.weight)[:, None]

    def mean_square(self) -> Array:
        """Return the weighted mean of ‖x‖², 0-d."""
        xp = array_namespace(self.X)
        return self.summed(xp.sum(self.X * self.X, axis=1), self.X.dtype) / self.total


class Source(NamedTuple):
    """Where batches come from: an array that is cut, or an iterable that yields them.

    `first` is the whole array or the first batch; `steps` a pass, 0 if unknown; `size` the rows of
    a batch.
    """

    data: Any
    first: Samples
    steps: int
    size: int

    @classmethod
    def of(cls, X: Any, size: int, sample_weight: Any = None) -> Source:
        if is_array(X):
            X = _check.matrix(X, "X")
            size = min(size, X.shape[0])
            return cls(X, Samples.of(X, sample_weight), math.ceil(X.shape[0] / size), size)
        try:
            walk = iter(X)
        except TypeError:
            return cls.of(_check.matrix(X, "X"), size)  # which says what X must be
        if sample_weight is not None:
            raise ValueError(
                "sample_weight came with an iterable of batches, and it can only be cut along with "
                "an array. Pass X as one array, or leave the weights out."
            )
        head = next(walk, None)
        if head is None:
            raise ValueError(
                "X is an iterable that yielded no batch, and at least one is needed. An iterator "
                "can be walked once only: pass a new one, or a list."
            )
        first = Samples.of(_check.matrix(head, "the first batch of X"))
        data = itertools.chain([head], walk) if walk is X else X
        return cls(data, first, 0, first.X.shape[0])

    def batches(self, passes: int, rng: Any) -> Iterator[Samples]:
        """Yield the batches of all passes, the rows of an array shuffled once if rng is given.

        A batch in which no sample has a weight is left out.
        """
        if not self.steps:
            for _ in range(passes):
                for rows in self.data:
                    yield Samples.of(_check.matrix(rows, "a batch of X", like=self.first.X))
            return
        parts = self._cut(rng)
        for _ in range(passes):
            yield from parts

    def _cut(self, rng: Any) -> list[Samples]:
        X, weight, _ = self.first
        if rng is not None:
            order = np.arange(X.shape[0])
            rng.shuffle(order)
            index = index_like(order, X)
            X, weight = take(X, index), None if weight is None else take(weight, index)
        n, size = X.shape[0], self.size
        cuts = [slice(low, min(low + size, n)) for low in range(0, n, size)]
        if weight is None:
            return [Samples(X[cut, :], None, float(cut.stop - cut.start)) for cut in cuts]
        totals = [float(to_host(weight)[cut].sum(dtype=np.float64)) for cut in cuts]
        rows = zip(cuts, totals, strict=True)
        return [Samples(X[cut, :], weight[cut], total) for cut, total in rows if total > 0]
