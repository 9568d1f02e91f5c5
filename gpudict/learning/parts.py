"""Rows as a learner has them: of an array, here, or in chunks that are elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gpudict.arrays.chunks import chunked, is_chunked
from gpudict.learning.blocks import Blocks, Parts
from gpudict.learning.far import Far
from gpudict.learning.samples import Samples
from gpudict.learning.updates import Recipe


def rows_of(X: Any, sample_weight: Any = None) -> Samples | Far:
    """Return rows in chunks, or of an array that is checked, with their weights."""
    if is_chunked(X):
        return Far.of(chunked(X), sample_weight)
    return Samples.of(X, sample_weight)


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
