"""Sums over rows and their codes, of which measures are made: batch by batch, wherever rows are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gpudict.arrays import check
from gpudict.arrays.chunks import chunked, is_chunked
from gpudict.arrays.chunks.contract import cut
from gpudict.arrays.door import (
    Array,
    array_namespace,
    asarray_like,
    csr,
    float64_of,
    is_array,
    is_numpy,
    precise,
    read,
    to_host,
)
from gpudict.arrays.home import home
from gpudict.arrays.leading import flat
from gpudict.arrays.plain import plain
from gpudict.arrays.sources.stream import as_stream, is_source
from gpudict.arrays.sources.table import EMPTY
from gpudict.arrays.threads import quiet
from gpudict.coding.parts import NUMBERS, batches
from gpudict.objective.reconstruction import Reconstruction

Reader = Callable[[int, int], Array]  # from a row up to another -> these, dense


class Tally(NamedTuple):
    """Sums over rows and their codes, on the host.

    Attributes
    ----------
    fit : of the rows and what their codes stand for
    size : Σ ‖u‖₁
    used : (k,), the rows that use each atom
    """

    fit: Reconstruction
    size: float
    used: np.ndarray

    @classmethod
    def of(cls, X: Array, V: Array, Z: Array) -> Tally:
        """Return the sums over rows (b, d), codes (b, k)."""
        xp = array_namespace(X)
        with home(X), precise(X):
            fit = Reconstruction.of(X, Z @ V)
            (size,) = read(xp.sum(xp.abs(Z), dtype=float64_of(X)))
            used = to_host(xp.sum(xp.astype(Z != 0, xp.int32), axis=0))
        return cls(fit, size, used.astype(np.int64))

    def merge(self, *others: Tally) -> Tally:
        """Return the sums over these rows and others."""
        fit = self.fit.merge(*(other.fit for other in others))
        size = sum((other.size for other in others), self.size)
        return Tally(fit, size, sum((other.used for other in others), self.used))


def tallied(X: Any, V: Any, Z: Any) -> tuple[Tally, Array]:
    """Return the sums over all rows of X and their codes, and the atoms, checked, where X is."""
    V = plain(V, "V")
    if is_chunked(X):
        chunks = chunked(X)
        _fits(Z, sum(chunks.sizes), V)
        V = _atoms(V, chunks.like)
        return chunks.total(_of_chunk, to_host(V), beside=cut(Z, chunks.sizes)), V
    X = as_stream(X) if is_source(X) else check.matrix(flat(X, "X"), "X", finite=False)
    Z = flat(Z, "Z")
    _fits(Z, None if X.shape is None else X.shape[0], V)
    total, codes, n = None, None, 0
    for some in batches(X, max(1, NUMBERS // max(V.shape))):
        rows = check.samples(some, "X")
        if codes is None:
            V, codes = _atoms(V, rows), _reader(Z, rows)
        n, low = n + rows.shape[0], n
        now = Tally.of(rows, V, _beside(codes(low, n), rows, V))
        total = now if total is None else total.merge(now)
    if total is None:
        raise ValueError(EMPTY)
    _fits(Z, n, V)
    return total, V


def _of_chunk(rows: Array, number: int, Z: Any, V: np.ndarray) -> Tally:
    """Return the sums over a chunk."""
    with home(rows), quiet():
        return tallied(rows, asarray_like(V, rows), Z)[0]


def _atoms(V: Array, like: Array) -> Array:
    """Return the atoms where the rows are; NumPy's follow them."""
    V = asarray_like(V, like) if is_numpy(V) and not is_numpy(like) else V
    why = "an atom has as many features as a row of X"
    return check.shaped(check.atoms(V, "V", like=like), "V", (None, like.shape[1]), why)


def _beside(Z: Array, rows: Array, V: Array) -> Array:
    """Return the codes of rows where they are; NumPy's follow them."""
    Z = asarray_like(Z, rows) if is_numpy(Z) and not is_numpy(rows) else Z
    why = "a row for each of X, a code for each atom"
    return check.shaped(check.matrix(Z, "Z", like=rows), "Z", (rows.shape[0], V.shape[0]), why)


def _reader(Z: Any, like: Array) -> Reader:
    """Return what reads codes: of a sparse matrix, or of what is sliced, a few rows at a time."""
    if is_source(Z):
        return as_stream(Z).table.rows
    kind = csr(Z if is_array(Z) else like)
    reader = None if kind is None else kind.reader(Z)
    if reader is not None:
        return reader
    dense = plain(Z, "Z")
    return lambda low, high: dense[low:high, :]


def _fits(Z: Any, n: int | None, V: Array) -> None:
    """Raise unless there is a row of codes for each of X, and a code for each atom."""
    got = getattr(Z, "shape", None)
    got = tuple(plain(Z, "Z").shape if got is None else got)
    if len(got) != 2 or got[1] != V.shape[0] or n not in (None, got[0]):
        raise ValueError(
            f"Z has the shape {got}, and ({'any' if n is None else n}, {V.shape[0]}) is needed: a "
            "row for each of X, a code for each atom. Pass it in that shape."
        )
