"""`alpha_max`: the smallest alpha at which every code is zero."""

from __future__ import annotations

from functools import partial

from gpudict.arrays import check
from gpudict.arrays.batches import in_batches, memory_error_saying
from gpudict.arrays.chunks import is_chunked
from gpudict.arrays.door import (
    Array,
    array_namespace,
    asarray_like,
    float64_of,
    is_numpy,
    precise,
    read,
)
from gpudict.arrays.home import at_home
from gpudict.arrays.memory import workspace
from gpudict.arrays.plain import plain, values
from gpudict.arrays.sources.by_batches import over_batches
from gpudict.arrays.sources.stream import Stream
from gpudict.objective.penalties.contract import RowPenalty, pull


@at_home
def alpha_max(X: Array | Stream, V: Array, /, *, positive: bool = False) -> float:
    """Return the smallest alpha at which the codes of all rows are zero.

    It is the largest |x·v| of a row and an atom, or the largest x·v if codes are not negative: with
    this alpha, or a larger one, `encode` gives zeros, up to rounding; with one below it does not.

    Parameters
    ----------
    X : array (n, d), a stream, or a Dask array
        Data, as in `encode`. A Dask array is computed.
    V : array (k, d)
        Dictionary. NumPy's is moved to where the rows are.
    positive : bool
        Whether codes are asked to be ≥ 0.

    Returns
    -------
    float
        In units of X·V; 0 where no alpha above it gives a code that is not zero.

    Raises
    ------
    TypeError, ValueError
        Input that can't be used; the message says what came, what is needed and what to do.

    References
    ----------
    Osborne, Presnell and Turlach (2000), On the LASSO and its dual, section 3.

    Examples
    --------
    >>> import numpy as np, gpudict
    >>> X = np.array([[3.0, 0.1], [-0.2, -4.0]])
    >>> gpudict.alpha_max(X, np.eye(2)), gpudict.alpha_max(X, np.eye(2), positive=True)
    (4.0, 3.0)
    """
    values(V, "V")
    found = over_batches(partial(_of_rows, V, bool(positive)), X)
    top = float(found.max()) if is_chunked(found) else largest(found)
    return max(top, 0.0)


def _of_rows(V: Array, positive: bool, rows: Array) -> Array:
    """Return what `tops` does, for rows that are not checked yet."""
    rows = plain(rows, "X")
    V = asarray_like(V, rows) if is_numpy(V) and not is_numpy(rows) else V
    return tops(*check.samples_and_atoms(rows, V, wide=True), positive=positive)


def tops(X: Array, V: Array, *, positive: bool, penalty: RowPenalty | None = None) -> Array:
    """Return from which alpha on the code of each row is zero, (n,); in float64 where there is.

    By the lasso, or by a penalty that is fitted to these rows.
    """
    xp, (n, d), k = array_namespace(X), X.shape, V.shape[0]
    wide = float64_of(X) or X.dtype
    Vt = xp.matrix_transpose(xp.astype(V, wide, copy=False))

    def of_batch(here: slice) -> Array:
        corr = xp.astype(X[here, :], wide, copy=False) @ Vt
        pulls = pull(corr, positive) if penalty is None else penalty.of_rows(here).pull(corr)
        return xp.max(pulls, axis=1)

    def needs() -> str:
        return f"the products of a row with {k:,} atoms. Pass fewer atoms, or free memory."

    size = max(1, workspace(X) // (8 * (3 * k + d)))
    with precise(X), memory_error_saying(needs, X):
        parts = [part for _, part in in_batches(of_batch, n, size, X)]
    return parts[0] if len(parts) == 1 else xp.concat(parts)


def largest(tops: Array) -> float:
    """Return the largest of the rows."""
    (top,) = read(array_namespace(tops).max(tops))
    return top
