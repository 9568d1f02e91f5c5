"""Samples with their weights, and where mini-batches of them come from.

A weight counts how often a sample is there: a weight of 2 is the sample twice, and 0 is its
absence. Batches are cut from an array, or yielded by an iterable.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from gpudict.arrays import check, per_row
from gpudict.arrays.door import (
    Array,
    array_namespace,
    divisor,
    float64_of,
    index_like,
    is_array,
    take,
    to_host,
)
from gpudict.arrays.home import at_home


class Samples(NamedTuple):
    """Rows of data X (n, d), the weight of each (n,) or None where all are 1, and their sum."""

    X: Array
    weight: Array | None
    total: float

    @classmethod
    def of(cls, X: Array, sample_weight: Any = None) -> Samples:
        """Check the weights, and bring them to the rows, whose place they follow."""
        return cls._of(X, per_row.weights(sample_weight, X))

    @classmethod
    def _of(cls, X: Array, weight: Array | None) -> Samples:
        if weight is None:
            return cls(X, None, float(X.shape[0]))
        return cls(X, weight, float(to_host(weight).sum(dtype=np.float64)))

    def rows(self, some: Any) -> Samples:
        """Return some of the samples, by a slice or by their numbers, (m,)."""
        X, weight, _ = self
        if isinstance(some, slice):
            return self._of(X[some, :], None if weight is None else weight[some])
        return self._of(take(X, some), None if weight is None else take(weight, some))

    def summed(self, values: Array, dtype: Any) -> Array:
        """Return the weighted sum of a number of each sample (n,), 0-d, in the dtype if any."""
        xp = array_namespace(values)
        values = values if dtype is None else xp.astype(values, dtype, copy=False)
        if self.weight is None:
            return xp.sum(values)
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
        """Return ‖x‖² of each sample, (n,)."""
        return array_namespace(self.X).sum(self.X * self.X, axis=1)

    def typical(self, square: Array) -> Array:
        """Return the geometric mean of ‖x‖² over samples that are not zero, 0-d; 0 if all are.

        Unlike the mean, it is hardly moved by outliers.
        """
        xp, dtype = array_namespace(square), square.dtype
        some = square > 0
        logs = xp.where(some, xp.log(divisor(square)), square)
        count = self.summed(xp.astype(some, dtype), dtype)
        mean = self.summed(logs, dtype) / divisor(count)
        return xp.where(count > 0, xp.exp(mean), xp.zeros_like(mean))


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
    def of_array(cls, X: Array, size: int, sample_weight: Any = None) -> Source:
        """Cut batches from an array, which is checked."""
        size = min(size, X.shape[0])
        return cls(X, Samples.of(X, sample_weight), math.ceil(X.shape[0] / size), size)

    @classmethod
    def of(cls, X: Any, size: int, sample_weight: Any = None) -> Source:
        """Check an array, or the first batch of an iterable."""
        if is_array(X):
            return cls.of_array(check.samples(X), size, sample_weight)
        try:
            walk = iter(X)
        except TypeError:
            return cls.of(check.samples(X), size)  # which says what X must be
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
        first = Samples.of(at_home(check.samples)(head, "the first batch of X"))
        data = itertools.chain([head], walk) if walk is X else X
        return cls(data, first, 0, first.X.shape[0])

    def batches(
        self, passes: int, rng: Any, past: tuple[int, int] = (1, 0)
    ) -> Iterator[tuple[int, Samples]]:
        """Yield the number of the pass, from 1, and the batch, for all batches of all passes.

        The rows of an array are shuffled once if rng is given: their numbers are, and the rows are
        gathered batch by batch. A batch in which no sample has a weight is left out. What is
        `past`, a pass that is begun and so many batches of it, is passed over; an iterable is
        walked all the same, as it may yield others each time.
        """
        order = self._order(rng) if self.steps and rng is not None else None
        begun, over = past
        for number in range(1, passes + 1):
            if number < begun:
                deque(() if self.steps else self.data, maxlen=0)
                continue
            skipped = over if number == begun else 0
            for rows in self._cut(order, skipped) if self.steps else self._checked(skipped):
                yield number, rows

    def _checked(self, skipped: int) -> Iterator[Samples]:
        first = self.first.X
        for rows in itertools.islice(self.data, skipped, None):
            batch = check.samples(rows, "a batch of X", like=first)
            shape = (None, first.shape[1])
            yield Samples.of(check.shaped(batch, "a batch of X", shape, "all have one width"))

    def _order(self, rng: Any) -> Array:
        order = np.arange(self.first.X.shape[0])
        rng.shuffle(order)
        return index_like(order, self.first.X)

    def _cut(self, order: Array | None, skipped: int) -> Iterator[Samples]:
        n = self.first.X.shape[0]
        for low in range(0, n, self.size):
            cut = slice(low, min(low + self.size, n))
            batch = self.first.rows(cut if order is None else order[cut])
            if batch.total > 0 and (skipped := skipped - 1) < 0:
                yield batch
