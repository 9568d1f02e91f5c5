"""Small arrays of NumPy's that come again, call after call, and what was made of them before.

A look through the atoms and their Gram take longer than the code of one row, and the atoms are
mostly those of the last call. So copies of the last few are kept, and one that has the values of an
array stands for it. To compare all values costs little, and is right whatever was written, set or
loaded in between: what is made must follow from the values alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from gpudict.arrays.backends._contract import Array

Made = TypeVar("Made")
KEPT = 2  # arrays
MOST = 2**15  # numbers of one that is kept
LONGEST = 512  # rows of it: of these a Gram is kept, too


class _Kept(NamedTuple):
    array: np.ndarray
    made: dict[Callable[[Array], Any], Any]


_KEPT: list[_Kept] = []  # the newest first; replaced as a whole, so that threads see a whole one


def standing_for(x: Array) -> Array:
    """Return the kept array that has the values of x, which is kept from now on if it is small.

    An array of another library is returned as it is.
    """
    global _KEPT
    if type(x) is not np.ndarray or x.size > MOST or len(x) > LONGEST:
        return x
    for one in _KEPT:
        a = one.array
        if a.shape == x.shape and a.dtype == x.dtype and np.logical_and.reduce(a == x, axis=None):
            return a
    new = _Kept(np.array(x, order="C"), {})
    _KEPT = [new, *_KEPT[: KEPT - 1]]
    return new.array


def made_of(x: Array, make: Callable[[Array], Made]) -> Made:
    """Return make(x), a function of a module; what it made before if x is a kept array."""
    for one in _KEPT:
        if one.array is x:
            if make not in one.made:
                one.made[make] = make(x)
            found: Made = one.made[make]
            return found
    return make(x)
