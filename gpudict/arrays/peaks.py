"""The ends of what is in an array: by them values are found that are no numbers, or do not fit."""

from __future__ import annotations

import numpy as np

from gpudict.arrays.backends import backend_of
from gpudict.arrays.door import Array, array_namespace


def peak_of(x: Array, axis: int | None = None) -> Array:
    """Return the largest absolute value, 0-d or along an axis; NaN if there is one."""
    if type(x) is np.ndarray:
        return np.maximum(np.maximum.reduce(x, axis), -np.minimum.reduce(x, axis))
    xp = array_namespace(x)
    return backend_of(xp).peak(xp, x, axis)


def extremes(V: Array) -> tuple[Array, Array]:
    """Return the largest of the rows' peaks, and the smallest that is not 0, 0-d."""
    size = peak_of(V, axis=1)
    if type(size) is np.ndarray:
        return size.max(), size.min() or size.min(where=size > 0, initial=np.inf)
    xp = array_namespace(V)
    return xp.max(size), xp.min(xp.where(size > 0, size, xp.full_like(size, xp.inf)))
