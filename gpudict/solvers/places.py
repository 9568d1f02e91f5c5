"""Where compiled solvers run, and up to how many atoms a Gram of all of them is kept.

`GPUDICT_KERNELS=portable` in the environment turns the compiled solvers off. Where Numba cannot be
imported those of the host are off too, and the log says so once.
"""

from __future__ import annotations

import functools
import importlib
import os

from gpudict.arrays.door import Array, on_host
from gpudict.solvers.base import Place
from gpudict.solvers.cuda._trial import works

GRAM_LIMIT = 4096  # above this many atoms the Gram is larger than the work it saves,
WARP_GRAM_LIMIT = 8192  # and above this where a CUDA kernel reads only the rows that it needs


def allowed() -> bool:
    """Whether compiled solvers are wanted."""
    return os.environ.get("GPUDICT_KERNELS") != "portable"


@functools.cache
def numba_works() -> bool:
    """Whether the compiled solvers of the host can run."""
    try:
        importlib.import_module("numba")
    except ImportError as error:  # it is not there, or refuses this NumPy
        import logging

        logging.getLogger(__name__).warning(
            "numba can't be imported (%s): the portable solvers run, not the compiled ones.", error
        )
        return False
    return True


def gram_limit(like: Array) -> int:
    """Return for how many atoms, of such arrays, a Gram of all of them is kept."""
    return WARP_GRAM_LIMIT if allowed() and works(like) else GRAM_LIMIT


def places_of(like: Array, k: int) -> tuple[Place, ...]:
    """Return the places whose solvers run for such arrays and k atoms, the fastest first."""
    here = on_host(like)
    if not allowed() or not (numba_works() if here else works(like)):
        return (Place.ANYWHERE,)
    if here:
        return (Place.HOST, Place.HOST_MANY, Place.ANYWHERE)[0 if k <= GRAM_LIMIT else 1 :]
    return Place.CUDA if k <= WARP_GRAM_LIMIT else Place.CUDA_MANY, Place.ANYWHERE


def described(place: Place) -> str:
    """Return which arrays a place is for, in words."""
    limit = GRAM_LIMIT if place is Place.HOST else WARP_GRAM_LIMIT
    return place.value.format(limit=limit)
