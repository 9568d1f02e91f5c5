"""Where mini-batches come from: an array that is cut, or an iterable that yields them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from gpudict import _check
from gpudict._array import Array, index_like, is_array, take


class Source(NamedTuple):
    """Where batches come from: an array that is cut, or an iterable that yields them.

    `first` is the whole array or the first batch; `steps` a pass, 0 if unknown; `size` of a batch.
    """

    data: Any
    first: Array
    steps: int
    size: int

    @classmethod
    def of(cls, X: Any, size: int) -> Source:
        if is_array(X):
            X = _check.matrix(X, "X")
            size = min(size, X.shape[0])
            return cls(X, X, math.ceil(X.shape[0] / size), size)
        try:
            walk = iter(X)
        except TypeError:
            return cls.of(_check.matrix(X, "X"), size)  # which says what X must be
        head = next(walk, None)
        if head is None:
            raise ValueError(
                "X is an iterable that yielded no batch, and at least one is needed. An iterator "
                "can be walked once only: pass a new one, or a list."
            )
        first = _check.matrix(head, "the first batch of X")
        data = itertools.chain([head], walk) if walk is X else X
        return cls(data, first, 0, first.shape[0])

    def batches(self, passes: int, rng: Any) -> Iterator[Array]:
        """Yield the batches of all passes, the rows of an array shuffled once if rng is given."""
        if not self.steps:
            for _ in range(passes):
                for rows in self.data:
                    yield _check.matrix(rows, "a batch of X", like=self.first)
            return
        X, n = self.first, self.first.shape[0]
        if rng is not None:
            order = np.arange(n)
            rng.shuffle(order)
            X = take(X, index_like(order, X))
        for _ in range(passes):
            for low in range(0, n, self.size):
                yield X[low : low + self.size, :]
