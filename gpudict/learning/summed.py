"""Moments of rows wherever these are read from: an array, a stream, chunks."""

from __future__ import annotations

from functools import reduce
from typing import Any

from gpudict.arrays.batches import memory_error_saying
from gpudict.arrays.door import Array
from gpudict.arrays.home import home
from gpudict.learning import chunk_jobs
from gpudict.learning.far import Far
from gpudict.learning.moments import Moments
from gpudict.learning.source import Source

NUMBERS = 2**20  # of a batch of rows


def moments_of(X: Any, sample_weight: Any = None) -> tuple[Moments, Array]:
    """Return the moments of all rows, of which a batch is held at a time, and the first rows.

    Batches are so large that merging costs little beside them. Rows in chunks stay where they are.
    """
    shape = getattr(X, "shape", None)
    size = 1 if shape is None else max(1, NUMBERS // shape[1], shape[1] // 4)
    source = Source.of(X, size, sample_weight)
    first = source.first
    d = first.X.shape[1]

    def needs() -> str:
        return (
            f"the sums over rows are {d} × {d} numbers, {8 * d * d:,} bytes, and some are made at "
            "a time. Pass fewer features, or smaller batches, or free memory."
        )

    with memory_error_saying(needs, first.X, tried=""), home(first.X):
        if isinstance(first, Far):
            sums = first.chunks.total(chunk_jobs.moments, beside=first.weights, some=first.some)
            return sums.beside(first.X), first.X
        batches = (rows for _, rows in source.batches(1, None) if not isinstance(rows, Far))
        return reduce(Moments.merge, map(Moments.of, batches)), first.X
