"""What comes in the place of an array: taken as a plain, dense one with values, or refused.

What is missing, sparse, lazy, traced, structured or imaginary has no meaning as a dense array of
real numbers, and each kind has one sentence, whatever parameter it came as. Shapes and values are
for `check`. Nothing here looks through an array of a device.
"""

from __future__ import annotations

import warnings
from numbers import Number
from os import PathLike
from typing import Any

import numpy as np

from gpudict.arrays.backends import backend_of
from gpudict.arrays.batches import memory_error_saying
from gpudict.arrays.door import Array, array_namespace, is_array, is_numpy, no_graph, to_host

FLOATS = (np.dtype(np.float64), np.dtype(np.float32))  # of this machine's byte order
HALVES = ("float16", "bfloat16")  # of 16 bits, whatever the library; float32 holds each exactly
ONE = (float, int, str, bytes, Number, np.generic)  # the usual first
UNREAD = (  # of a stream
    "stream, which is read batch by batch, and here all rows are needed at once. Pass an array, or "
    "each of its batches."
)
LAZY = ("dask", "ndonnx", "cubed")  # libraries whose arrays are recipes


def plain(x: Any, name: str) -> Array:
    """Return an array of any library outside its graph, or raise a TypeError that says why not.

    Floats of 16 bits become float32.
    """
    if type(x) is np.ndarray and x.dtype in FLOATS:
        return x
    values(x, name)
    if not is_array(x):
        raise TypeError(
            f"{name} must be an array that follows the array API standard (NumPy, CuPy, PyTorch, "
            f"JAX, …), but a {type(x).__module__}.{type(x).__qualname__} came. "
            f"Convert it first, for instance with numpy.asarray({name})."
        )
    x = no_graph(x)
    if str(x.dtype).rpartition(".")[2] not in HALVES:
        return x
    needs = lambda: f"to read {name} {tuple(x.shape)} in float32. Pass fewer rows at a time."  # noqa: E731
    with memory_error_saying(needs, x, tried=""):
        xp = array_namespace(x)
        return xp.astype(x, xp.float32)


def values(x: Any, name: str) -> None:
    """Raise a TypeError if x is of a kind of which the values can't be used as they are."""
    if type(x) is np.ndarray and x.dtype.kind in "fiu":
        return  # as most do
    if isinstance(x, str | bytes | PathLike):
        raise TypeError(
            f"{name} is a {type(x).__name__}, and an array is needed. Of a file that it names, "
            "pass what numpy.load returns, or gpudict.stream makes."
        )
    if hasattr(x, "batches"):
        raise TypeError(f"{name} is a {UNREAD}")
    if isinstance(x, np.ma.MaskedArray) or (
        isinstance(x, list | tuple) and any(isinstance(row, np.ma.MaskedArray) for row in x)
    ):
        raise TypeError(
            f"{name} is a masked array, and missing entries have no meaning here. "
            f"Impute them, or pass {name}.filled(value)."
        )
    if hasattr(x, "toarray") or hasattr(x, "todense"):
        raise TypeError(
            f"{name} is a sparse array ({type(x).__name__}), and a dense one is needed. Convert it "
            f"with {name}.{'toarray' if hasattr(x, 'toarray') else 'todense'}(), if it fits the "
            "memory."
        )
    if type(x).__module__.partition(".")[0] in LAZY:
        frame = hasattr(x, "to_dask_array")
        raise TypeError(
            f"{name} is a lazy {'frame' if frame else 'array'} "
            f"({type(x).__module__}.{type(x).__qualname__}), and an array is needed. Pass "
            + (f"{name}.to_dask_array(lengths=True)" if frame else f"what it is, {name}.compute()")
            + "."
        )
    if is_array(x) and (why := backend_of(array_namespace(x)).obstacle(x)):
        raise TypeError(f"{name} is {why.format(name=name)}")


def cast(x: Array, name: str, dtype: str) -> str:
    """Return how one casts x, in the words of its library."""
    return backend_of(array_namespace(x)).cast.format(name=name, dtype=dtype)


def is_one(value: Any) -> bool:
    """Whether a value is a number or a word, and no array or sequence of them."""
    return value is None or isinstance(value, ONE)


def reals(x: Any, name: str, *, flags: bool = True) -> np.ndarray:
    """Return a few numbers, of any library or a sequence, in float64 on the host.

    With `flags`, True and False are numbers too.
    """
    values(x, name)
    if not is_array(x) or is_numpy(x):
        a = _read(x, name)
    else:
        xp, x = array_namespace(x), no_graph(x)
        if xp.isdtype(x.dtype, "complex floating"):
            raise _no_reals(x, name)
        if xp.isdtype(x.dtype, "real floating") and x.dtype != xp.float64:
            x = xp.astype(x, xp.float32)  # of bfloat16 NumPy has no array
        a = to_host(x)
    if a.dtype.kind in ("SU" if flags else "SUb"):
        raise _no_reals(a, name)
    return _floats(a, name)


def array_like(x: Any, name: str) -> Array:
    """Return an array of another library as it is, and all else in NumPy, in float32 or float64.

    scikit-learn's faces take what its own do: sequences, frames, objects and words that are
    numbers, floats of any width and byte order.

    Raises
    ------
    TypeError, ValueError
        It can't be read as an array of real numbers.
    """
    if type(x) is np.ndarray and x.dtype in FLOATS:
        return x
    values(x, name)
    if is_array(x) and not is_numpy(x):
        return x
    a = _read(x, name)
    if a.dtype in (np.float32, np.float64):
        return a
    return _floats(a, name, np.float32 if a.dtype.name in HALVES else np.float64)


def _read(x: Any, name: str) -> np.ndarray:
    """Return an array-like as NumPy's array, in the dtype that it has."""
    try:
        if not isinstance(x, list | tuple):
            return np.asarray(x)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of a masked entry NumPy does no more than warn
            return np.asarray(x)
    except (TypeError, ValueError, RuntimeError, Warning) as error:  # rows of several lengths
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(
            f"{name} can't be read as an array ({error}). Pass numbers in rows of one length."
        ) from error


def _floats(a: np.ndarray, name: str, dtype: Any = np.float64) -> np.ndarray:
    """Return the numbers of an array in float64, or another dtype."""
    if a.dtype.kind not in "OSU" and not np.can_cast(a.dtype, np.float64, "same_kind"):
        raise _no_reals(a, name)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            if a.dtype.kind == "O":  # what is lost is warned of: imaginary parts, masks
                warnings.simplefilter("error")
            return a.astype(dtype)
    except (TypeError, ValueError, OverflowError, Warning) as error:
        raise _no_reals(a, name, str(error)) from error


def _no_reals(a: Array, name: str, why: str = "") -> TypeError:
    """Return the error of an array that has something else than real numbers."""
    return TypeError(
        f"{name} has the dtype {a.dtype}, and real numbers are needed{why and f' ({why})'}. "
        "Convert its entries to floats first, and impute those that are missing."
    )
