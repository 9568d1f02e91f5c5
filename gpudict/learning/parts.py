"""Rows as a learner has them: of an array, here, or in chunks that are elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from gpudict.arrays.chunks import chunked, is_chunked
from gpudict.arrays.chunks.contract import Chunks
from gpudict.arrays.chunks.on_stream import streamed
from gpudict.arrays.sources.stream import Stream, as_stream, is_source
from gpudict.learning.blocks import Blocks, Parts
from gpudict.learning.far import Far
from gpudict.learning.samples import Samples
from gpudict.learning.updates import Recipe


def rows_of(X: Any, sample_weight: Any = None) -> Samples | Far:
    """Return rows in chunks or of a stream, or of an array that is checked, with their weights."""
    if is_chunked(X) or isinstance(X, Stream):
        return Far.of(chunks_of(X), sample_weight)
    return Samples.of(X, sample_weight)


def chunks_of(X: Any) -> Chunks:
    """Return rows that are `elsewhere` as chunks."""
    return streamed(X) if isinstance(X, Stream) else chunked(X)


def elsewhere(X: Any) -> Any:
    """Return rows in chunks, or the stream of what is read as it is needed; None of an array.

    A memory map is the array that it is: its rows are walked many times.
    """
    if is_chunked(X) or isinstance(X, Stream):
        return X
    return as_stream(X) if is_source(X) and not isinstance(X, np.memmap) else None


def stands_for(X: Any, there: Any) -> Any:
    """Return a row of zeros for rows that are `elsewhere`, or the array itself."""
    return X if there is None else rows_of(there).X[:1, :]


@contextmanager
def working(rows: Samples | Far) -> Iterator[None]:
    """Return the context in which rows are learned from: no code stays elsewhere after it."""
    try:
        yield
    finally:
        if isinstance(rows, Far):
            rows.ended()


def parts_of(rows: Samples | Far, recipe: Recipe) -> Parts:
    """Return rows with all that is needed to code them."""
    return Blocks.of(rows, recipe) if isinstance(rows, Samples) else rows.by(recipe)
