"""Every check of an array, and its sentence: what came, what is needed, what to do.

A check returns what the floors below may rely on: two-dimensional, finite, in float32 or float64,
all of one namespace and device. It never writes into what it is given. The public functions check;
what they call trusts them, for a check is a pass over the data and, on a device, a wait.
"""

from __future__ import annotations

import functools
import math
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from gpudict.arrays.batches import memory_error_saying
from gpudict.arrays.door import (
    Array,
    array_namespace,
    csr,
    device,
    float64_of,
    library,
    read,
    same_place,
)
from gpudict.arrays.peaks import extremes, length_of, peak_of
from gpudict.arrays.phases import phase
from gpudict.arrays.plain import FLOATS, cast, plain
from gpudict.arrays.recurring import made_of, standing_for


def matrix(x: Any, name: str, *, like: Array | None = None, finite: bool = True) -> Array:
    """Return x as a finite two-dimensional float array, of the place and dtype of `like` if given.

    Without `finite` it is not looked through.

    Raises
    ------
    TypeError
        x is not a dense array, with values, of a library that follows the standard, is complex, a
        float of another width than 32 or 64 bits, or of another namespace than `like`.
    ValueError
        x is not two-dimensional, is empty, has NaN or infinity, or is on another device.
    """
    x = _shaped(x, name, like)
    if finite:
        with _looking(x, name), phase("checks"):
            (peak,) = read(peak_of(x))
        _finite(peak, name)
    return x


def samples(
    x: Any, name: str = "X", *, like: Array | None = None, wide: bool = False, finite: bool = True
) -> Array:
    """Return what `matrix` does, for data, whose squares and sums of them also fit its dtype.

    Or, if `wide`, float64 where the device has it.

    Raises
    ------
    TypeError, ValueError
        As `matrix`; or its values are too large or too small to be squared.
    """
    x = _shaped(x, name, like)
    return x if not finite else squares(x, name, wide=wide)


def squares(x: Array, name: str, *, wide: bool = False) -> Array:
    """Return x, whose values must be finite, and their squares and sums of them fit its dtype."""
    with _looking(x, name), phase("checks"):
        (peak,) = read(_peak(x, wide=wide))
    return _summable(x, name, peak, wide=wide)


def atoms(V: Any, name: str, *, like: Array, finite: bool = True) -> Array:
    """Return what `matrix` does, for atoms: in the dtype of `like`, their Gram and its inverse fit.

    Raises
    ------
    TypeError, ValueError
        As `matrix`; or an atom is too long or too short.
    """
    V = _shaped(V, name, like)
    if not finite:
        return V
    with _looking(V, name), phase("checks"):
        peak, least = read(*extremes(V))
    return _invertible(V, name, peak, least)


def samples_and_atoms(
    X: Any, V: Any, names: tuple[str, str] = ("X", "V"), *, wide: bool = False, finite: bool = True
) -> tuple[Array, Array]:
    """Return what `samples` and `atoms` do, for atoms of as many features as a sample; one wait."""
    X = _shaped(X, names[0], None)
    V = _shaped(V, names[1], X)
    V = standing_for(V) if X.shape[0] < V.shape[0] else V
    if finite:
        with _looking(X, names[0]), phase("checks"):
            peak, *ends = read(_peak(X, wide=wide), *made_of(V, extremes))
        X = _summable(X, names[0], peak, wide=wide)
        V = _invertible(V, names[1], *ends)
    shape = (None, X.shape[1])
    return X, shaped(V, names[1], shape, f"an atom has as many features as a row of {names[0]}")


def _summable(x: Array, name: str, peak: float, *, wide: bool) -> Array:
    _finite(peak, name)
    low, high = _summed(x, wide=wide)
    if peak and not low < peak * peak < high:
        raise ValueError(
            f"{name} has values up to {peak:.1e}, and sums of their squares do not fit {x.dtype}. "
            f"Divide {name}, and alpha with it, by its standard deviation, or pass float64."
        )
    return x


def _summed(x: Array, *, wide: bool) -> tuple[float, float]:
    """Return between which numbers the squares of the peak of x must be."""
    double = x.dtype == array_namespace(x).float64 or (wide and float64_of(x) is not None)
    return _ends(double)[0], _ends(double)[1] / (x.shape[0] * x.shape[1])


def _peak(x: Array, *, wide: bool) -> Array:
    """Return the peak of x, or what is above it and fits too."""
    if (length := length_of(x)) is None:
        return peak_of(x)
    low, high = _summed(x, wide=wide)
    return length if math.sqrt(low * x.size) < length < math.sqrt(high) else peak_of(x)


def _invertible(V: Array, name: str, peak: float, least: float) -> Array:
    _finite(peak, name)
    double = V.dtype == array_namespace(V).float64
    power = 0.25 if double else 0.5  # float64 holds the inverse of what float32 holds
    low, high = _ends(double, power)
    if peak and not (low < least and peak < high):
        far = least if not low < least else peak
        raise ValueError(
            f"{name} has an atom with values up to {far:.1e}, of which the Gram of the atoms and "
            f"its inverse do not fit {V.dtype}. Divide each atom by its norm, or leave it out."
        )
    return V


@functools.cache
def _ends(double: bool, power: float = 1.0) -> tuple[float, float]:
    """Return between which numbers squares keep their digits, and sums of some are finite."""
    kind = np.finfo(np.float64 if double else np.float32)
    low, high = float(kind.smallest_normal) / float(kind.eps), float(kind.max) / 16
    return low**power, high**power


def _looking(x: Array, name: str) -> AbstractContextManager[Any]:
    """Return the context in which a lack of memory is said of the look through x."""

    def needs() -> str:
        return (
            f"to look through {name} {tuple(x.shape)}. Pass fewer rows at a time, or free memory."
        )

    return memory_error_saying(needs, x, tried="")


def _finite(peak: float, name: str) -> None:
    if not math.isfinite(peak):
        raise ValueError(
            f"{name} has NaN or infinity, and every value must be finite. "
            "Remove or impute those entries first."
        )


def _shaped(x: Any, name: str, like: Array | None) -> Array:
    x = plain(x, name)
    if like is not None and not type(x) is type(like) is np.ndarray:
        _same_library(x, name, like)
    if x.ndim != 2:
        raise ValueError(
            f"{name} must have two dimensions, but its shape is {tuple(x.shape)}. "
            "Reshape a single row with reshape(1, -1), a single column with reshape(-1, 1)."
        )
    if 0 in x.shape:
        raise ValueError(
            f"{name} must have at least one row and one column, but its shape is {tuple(x.shape)}. "
            "Look at the step that selects or loads the data."
        )
    if type(x) is np.ndarray and x.dtype in FLOATS and (like is None or x.dtype == like.dtype):
        return x  # as most are
    with _looking(x, name), np.errstate(over="ignore"):  # what becomes infinite is refused
        x = _floating(x, name)
        return x if like is None else array_namespace(x).astype(x, like.dtype, copy=False)


def _same_library(x: Array, name: str, like: Array) -> None:
    ours, theirs = library(x), library(like)
    if ours != theirs:
        raise TypeError(
            f"{name} is an array of {ours}, but X is one of {theirs}. "
            f"Move {name} to the library of X, for instance with its asarray."
        )
    if not same_place(x, like):
        raise ValueError(
            f"{name} is on the device {device(x)}, but X is on {device(like)}. "
            f"Move {name} to the device of X, or X to that of {name}."
        )


def _floating(x: Array, name: str) -> Array:
    xp = array_namespace(x)
    if xp.isdtype(x.dtype, ("bool", "integral")):
        wide = float64_of(x)
        return xp.astype(x, xp.float32 if wide is None else wide)
    if xp.isdtype(x.dtype, "complex floating"):
        raise TypeError(
            f"{name} is complex ({x.dtype}), and real numbers are needed. "
            "Stack its real and imaginary parts as features, or take its modulus."
        )
    if not xp.isdtype(x.dtype, "real floating") or x.dtype not in (xp.float32, float64_of(x)):
        wide = "float32" if float64_of(x) is None else "float64"
        raise TypeError(
            f"{name} has dtype {x.dtype}, and float32 or float64, in the machine's own byte order, "
            f"is needed. Convert it, for instance with {cast(x, name, wide)}."
        )
    return x


def shaped(x: Array, name: str, shape: tuple[int | None, int | None], why: str) -> Array:
    """Return x if its shape is as given (None: any); raise a ValueError that says why if not."""
    if any(want is not None and want != got for want, got in zip(shape, x.shape, strict=True)):
        wanted = ", ".join("any" if s is None else str(s) for s in shape)
        turned = all(w in (None, got) for w, got in zip(shape, reversed(x.shape), strict=True))
        raise ValueError(
            f"{name} has the shape {tuple(x.shape)}, but ({wanted}) is needed: {why}. "
            + (f"Pass its transpose, {name}.T." if turned else "Pass it in that shape.")
        )
    return x


def sparse_output(wanted: bool, like: Array) -> bool:
    """Return whether sparse codes are wanted, which the library of `like` must have."""
    if wanted and csr(like) is None:
        raise TypeError(
            f"sparse_output=True came with an array of {library(like)}, of which no sparse "
            "matrices are known here: NumPy (SciPy's), PyTorch and CuPy have them. Leave it out, "
            "or move X there."
        )
    return bool(wanted)
