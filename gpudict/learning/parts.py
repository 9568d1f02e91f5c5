"""Rows as a learner has them: of an array, here, or in chunks that are elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from gpudict.arrays import check
from gpudict.arrays.chunks import chunked, is_chunked
from gpudict.arrays.chunks.contract import Chunks
from gpudict.arrays.chunks.on_stream import streamed
from gpudict.arrays.door import Array
from gpudict.arrays.per_entry import observed, refuse
from gpudict.arrays.sources.stream import Stream, as_stream, is_source
from gpudict.learning.blocks import Blocks, Made, Told
from gpudict.learning.far import Far
from gpudict.learning.samples import Samples
from gpudict.learning.updates import Recipe
from gpudict.objective.quadratic import Quadratic


class Parts(Protocol):
    """All rows, in parts of which each is coded where it is; what there is of each is in a list."""

    def taken(self, codes: Any, /) -> Sequence[Any]:
        """Return what to start from, of codes (n, k) where X is, or of None."""
        ...

    def everywhere(self, V: Array, /) -> Sequence[Array]:
        """Return the atoms as each part has them."""
        ...

    def coded(
        self, V: Sequence[Array], before: Sequence[Any], /, *, each: bool = False
    ) -> tuple[Sequence[Made], Quadratic]:
        """Return the codes of all parts, and the sums over all rows, or of `each` atom apart."""
        ...

    def told(self, V: Sequence[Array], made: Any, /) -> Sequence[Told]:
        """Return what each part says of its codes, where X is."""
        ...

    def nonzeros(self, made: Any, /) -> Sequence[Array]:
        """Return the sum of the non-zeros of each part by the weights, 0-d, where X is."""
        ...

    def without(self, made: Any, dead: np.ndarray, /) -> Sequence[Any]:
        """Return what to start from with zeros for the atoms that are dead, (k,) bool."""
        ...

    def scale(self, made: Any, /) -> Any:
        """Return a typical ‖x‖² of the rows, 0-d."""
        ...

    def revived(self, V: Array, dead: np.ndarray, rng: Any, /, *, positive: bool) -> Array:
        """Return V with the dead atoms drawn anew from the rows."""
        ...


def rows_of(
    X: Any,
    sample_weight: Any = None,
    entry_weight: Any = None,
    missing: str | None = None,
    *,
    whole: bool = True,
) -> Samples | Far:
    """Return rows in chunks or of a stream, or those of an array, with their weights."""
    if not (is_chunked(X) or isinstance(X, Stream)):
        return samples_of(X, sample_weight, entry_weight, missing, whole=whole)
    refuse(entry_weight, missing)
    return Far.of(chunks_of(X), sample_weight)


def samples_of(
    X: Any,
    sample_weight: Any = None,
    entry_weight: Any = None,
    missing: str | None = None,
    *,
    whole: bool = True,
) -> Samples:
    """Return rows of an array with their weights, all rows that there are or a batch of them.

    The array is checked, but if entries have weights.
    """
    X, entries = observed(X, entry_weight, missing)
    samples = Samples.of(X if entries is None else check.samples(X), sample_weight)
    return samples if entries is None else samples.seen(entries, whole=whole)


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
