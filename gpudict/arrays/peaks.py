"""The ends of what is in an array: by them values are found that are no numbers, or do not fit."""

from __future__ import annotations

import numpy as np

from gpudict.arrays.backends import backend_of
from gpudict.arrays.door import Array, array_namespace

LARGE = 2**16  # numbers of an array whose passes are counted
ROW = 2**10  # of so many BLAS makes a product alone: its threads would go on to spin beside ours


def peak_of(x: Array, axis: int | None = None) -> Array:
    """Return the largest absolute value, 0-d or along an axis; NaN if there is one."""
    if type(x) is np.ndarray:
        return np.maximum(np.maximum.reduce(x, axis), -np.minimum.reduce(x, axis))
    xp = array_namespace(x)
    return backend_of(xp).peak(xp, x, axis)


def length_of(x: Array) -> Array | None:
    """Return √Σx² of a large array of NumPy's, a pass where its peak takes two; None of others.

    It is no number or infinite if a value is, or where squares don't fit; else at least the peak.
    """
    if type(x) is not np.ndarray or x.size < LARGE or not x.flags.c_contiguous:
        return None
    flat, rest = x.reshape(-1), x.size % ROW
    with np.errstate(all="ignore"):
        parts = (flat[rest:].reshape(-1, ROW), flat[:rest].reshape(1, rest))
        squares = (np.float64(np.vecdot(part, part).sum()) for part in parts)
        length: Array = np.sqrt(sum(squares))
    return length


def extremes(V: Array) -> tuple[Array, Array]:
    """Return the largest of the rows' peaks, and the smallest that is not 0, 0-d."""
    size = peak_of(V, axis=1)
    if type(size) is np.ndarray:
        return size.max(), size.min() or size.min(where=size > 0, initial=np.inf)
    xp = array_namespace(V)
    return xp.max(size), xp.min(xp.where(size > 0, size, xp.full_like(size, xp.inf)))
