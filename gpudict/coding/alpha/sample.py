"""Some rows, by which an alpha is found for all of them: the same ones each time."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from gpudict.arrays import check
from gpudict.arrays.chunks import chunked, is_chunked
from gpudict.arrays.door import Array, array_namespace, asarray_like, index_like, is_numpy, take
from gpudict.arrays.plain import values
from gpudict.arrays.sources.stream import as_stream, is_source
from gpudict.coding.alpha.target import aim_of
from gpudict.coding.alpha.warm import Warm
from gpudict.coding.asked import Asked

ROWS = 4096  # at most, or fewer of very many atoms
NUMBERS = 2**24  # of codes, if they were dense
CHUNKS = 8  # that rows are drawn from


def alpha_for(
    target_nonzeros: Any,
    explained_variance: Any,
    alpha: Any,
    X: Any,
    V: Array,
    asked: Asked,
    entry_weight: Any = None,
) -> Any:
    """Return alpha, or that which leads to a target, found on some rows of X, if one came.

    Raises
    ------
    TypeError, ValueError
        Both came, the target is none, or no alpha leads there.
    """
    if target_nonzeros is explained_variance is None:
        return alpha
    others = {"alpha": alpha, "n_nonzero_coefs": asked.n_nonzero_coefs}
    others |= {"target_error": asked.target_error or None, "penalty": asked.penalty}
    values(V, "V")
    weighted = entry_weight is not None or asked.missing is not None
    aim = aim_of(target_nonzeros, explained_variance, V.shape, weighted=weighted, **others)
    rows, V = some_rows_and_atoms(X, V)
    options = (asked.positive, asked.solver, asked.tol, asked.max_iter, asked.n_jobs)
    assert aim is not None
    found = aim.found(Warm(rows, V, None, *options))
    if aim.missed(found):
        raise ValueError(
            f"{aim.name}={aim.goal:g} is out of reach: with alpha={found.alpha:.3g} these "
            f"{V.shape[0]} atoms reach {aim.reached(found.told):.4g}. Pass a smaller target, or "
            "more atoms."
        )
    return found.alpha


def some_rows_and_atoms(X: Any, V: Array) -> tuple[Array, Array]:
    """Return some rows of an array, a stream or of chunks, and atoms where they are, checked."""
    values(V, "V")
    rows = some_rows(X, most_rows(V.shape[0]))
    V = asarray_like(V, rows) if is_numpy(V) and not is_numpy(rows) else V
    return check.samples_and_atoms(rows, V, wide=True)


def most_rows(k: int) -> int:
    """Return how many rows stand for all, coded over k atoms."""
    return max(256, min(ROWS, NUMBERS // k))


def some_rows(X: Any, most: int) -> Array:
    """Return so many rows of an array, a stream or of chunks, or all of them."""
    rng = np.random.default_rng(0)
    if is_chunked(X):
        chunks = chunked(X)
        full = [i for i, n in enumerate(chunks.sizes) if n]
        count = min(len(full), CHUNKS)
        some = [full[i] for i in np.linspace(0, len(full) - 1, count).round().astype(int)]
        found: Some = chunks.total(_of_chunk, math.ceil(most / count), some=sorted(set(some)))
        parts = [found.parts[i] for i in sorted(found.parts)]
        return array_namespace(parts[0]).concat(parts)
    if is_source(X):
        stream = as_stream(X)
        if stream.shape is None:
            raise TypeError(
                "A stream of an iterable came, of which some rows can't be read before all are, "
                "and alphas are tried on some. Pass one of what is sliced, or of files; or alpha."
            )
        return stream.some(most, rng)[1]
    X = check.samples(X, wide=True)
    return X if X.shape[0] <= most else _drawn(X, most, rng)


class Some(NamedTuple):
    """Rows of chunks, by the numbers of these."""

    parts: dict[int, Array]

    def merge(self, *others: Some) -> Some:
        """Return the rows of all."""
        return Some({i: rows for one in (self, *others) for i, rows in one.parts.items()})


def _of_chunk(rows: Array, number: int, _: Any, most: int) -> Some:
    """Return some rows of a chunk."""
    X = check.samples(rows, f"chunk {number} of X", wide=True)
    return Some({number: _drawn(X, min(most, X.shape[0]), np.random.default_rng([0, number]))})


def _drawn(X: Array, most: int, rng: Any) -> Array:
    return take(X, index_like(np.sort(rng.choice(X.shape[0], most, replace=False)), X))
