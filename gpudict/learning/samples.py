"""Samples with their weights, and where mini-batches of them come from.

A weight counts how often a sample is there: a weight of 2 is the sample twice, and 0 is its
absence. Batches are cut from an array, read from a stream, or yielded by an iterable.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from gpudict.arrays import check, per_row
from gpudict.arrays.door import (
    Array,
    array_namespace,
    asarray_like,
    divisor,
    float64_of,
    index_like,
    is_array,
    take,
    to_host,
)
from gpudict.arrays.home import at_home
from gpudict.arrays.sources.stream import Stream, as_stream, is_source


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
    """Where batches come from: an array that is cut, a stream, or an iterable that yields them.

    Attributes
    ----------
    first : samples of the kind of all others: the whole array, or the first rows
    size : rows of a batch
    rows, total : of a pass, samples and the sum of their weights; 0 where they are unknown
    start : (m, rng) -> samples to start from, m random ones where there are many
    walk : rng or None -> what walks a pass, and so another one: () -> batches
    """

    first: Samples
    size: int
    rows: int
    total: float
    start: Callable[[int, Any], Samples]
    walk: Callable[[Any], Callable[[], Iterator[Samples]]]

    @property
    def steps(self) -> int:
        """Batches of a pass; 0 if unknown."""
        return math.ceil(self.rows / self.size)

    @classmethod
    def of(cls, X: Any, size: int, sample_weight: Any = None, *, checked: bool = False) -> Source:
        """Check an array, unless it is, or the first rows of what is read as it is needed."""
        if is_source(X):
            stream = as_stream(X)
            return (cls.of_batches if stream.shape is None else cls.of_stream)(
                stream, size, sample_weight
            )
        if is_array(X) or not isinstance(X, Iterable):
            return cls.of_array(X if checked else check.samples(X), size, sample_weight)
        return cls.of_batches(X, size, sample_weight)

    @classmethod
    def of_array(cls, X: Array, size: int, sample_weight: Any = None) -> Source:
        """Cut batches from an array, which is checked, shuffled once if it shall be."""
        samples, n = Samples.of(X, sample_weight), X.shape[0]
        size = min(size, n)

        def walk(rng: Any) -> Callable[[], Iterator[Samples]]:
            order = None if rng is None else _shuffled(X, rng)
            return lambda: _weighty(
                samples.rows(cut if order is None else order[cut])
                for cut in (slice(low, min(low + size, n)) for low in range(0, n, size))
            )

        return cls(samples, size, n, samples.total, lambda m, rng: samples, walk)

    @classmethod
    def of_stream(cls, X: Stream, size: int, sample_weight: Any = None) -> Source:
        """Read batches of a table, each pass of which is shuffled in another way."""
        n = X.table.shape[0]
        size = min(X.batch_size or size, n)
        like = at_home(check.samples)(X.move(X.table.rows(0, size)), "the first rows of X")
        weight = per_row.host_weights(sample_weight, n)

        def samples(numbers: Any, rows: Array) -> Samples:
            rows = check.samples(rows, "a batch of X", like=like)
            w = None if weight is None else weight[numbers]
            return Samples._of(rows, None if w is None else asarray_like(w, rows))

        def walk(rng: Any) -> Callable[[], Iterator[Samples]]:
            return lambda: _weighty(samples(*part) for part in X.batches(size, rng))

        total = float(n) if weight is None else float(weight.sum())
        return cls(Samples.of(like), size, n, total, lambda m, rng: samples(*X.some(m, rng)), walk)

    @classmethod
    def of_batches(cls, X: Iterable[Array], size: int, sample_weight: Any = None) -> Source:
        """Check the first batch of an iterable; an iterator can be walked once."""
        if sample_weight is not None:
            raise ValueError(
                "sample_weight came with an iterable of batches, and it can only be cut along with "
                "an array. Pass X as one array, or leave the weights out."
            )
        walk = iter(X)
        head = next(walk, None)
        if head is None:
            raise ValueError(
                "X is an iterable that yielded no batch, and at least one is needed. An iterator "
                "can be walked once only: pass a new one, or a list."
            )
        first = Samples.of(at_home(check.samples)(head, "the first batch of X"))
        data = itertools.chain([head], walk) if walk is X else X

        def checked() -> Iterator[Samples]:
            shape = (None, first.X.shape[1])
            for rows in data:
                batch = check.samples(rows, "a batch of X", like=first.X)
                yield Samples.of(check.shaped(batch, "a batch of X", shape, "all have one width"))

        return cls(first, first.X.shape[0], 0, 0.0, lambda m, rng: first, lambda rng: checked)

    def batches(self, passes: int, rng: Any) -> Iterator[tuple[int, Samples]]:
        """Yield the number of the pass, from 1, and the batch, for all batches of all passes.

        Shuffled if rng is given, where it is known how many rows there are.
        """
        walk = self.walk(rng)
        for number in range(1, passes + 1):
            for rows in walk():
                yield number, rows


def _shuffled(X: Array, rng: Any) -> Array:
    """Return the numbers of all rows in a random order: batch by batch their rows are gathered."""
    order = np.arange(X.shape[0])
    rng.shuffle(order)
    return index_like(order, X)


def _weighty(batches: Iterable[Samples]) -> Iterator[Samples]:
    """Yield the batches in which some sample has a weight."""
    return (batch for batch in batches if batch.total > 0)
