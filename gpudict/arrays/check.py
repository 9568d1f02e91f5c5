"""Every check of an array, and its sentence: what came, what is needed, what to do.

A check returns what the floors below may rely on: two-dimensional, finite, in float32 or float64,
all of one namespace and device. It never writes into what it is given. The public functions check;
what they call trusts them, for a check is a pass over the data and, on a device, a wait.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gpudict.arrays.batches import memory_error_saying
from gpudict.arrays.door import (
    Array,
    array_namespace,
    asarray_like,
    csr,
    device,
    float64_of,
    library,
    read,
    same_place,
)
from gpudict.arrays.phases import phase
from gpudict.arrays.plain import cast, is_one, plain, reals


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
    x = plain(x, name)
    if like is not None:
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

    def needs() -> str:
        return (
            f"to look through {name} {tuple(x.shape)}. Pass fewer rows at a time, or free memory."
        )

    with memory_error_saying(needs, x, tried=""):
        x = _floating(x, name)
        xp = array_namespace(x)
        with phase("checks"):
            sound = read(xp.astype(xp.all(xp.isfinite(x)), x.dtype))[0] if finite else True
        if not sound:
            raise ValueError(
                f"{name} has NaN or infinity, and every value must be finite. "
                "Remove or impute those entries first."
            )
        return x if like is None else xp.astype(x, like.dtype, copy=False)


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


def weights(value: Any, X: Array) -> Array | None:
    """Return sample weights as a vector (n,) in the place and dtype of X; None stays None.

    They may come from any library, or as a sequence: there are few of them, and they follow X.
    """
    if value is None:
        return None
    w = reals(value, "sample_weight")
    if w.shape != (X.shape[0],):
        raise ValueError(
            f"sample_weight has the shape {w.shape}, but ({X.shape[0]},) is needed: a weight for "
            "each row of X. Pass one number a sample."
        )
    with np.errstate(over="ignore"):
        single = w.astype(np.float32).astype(np.float64)
    w = single if X.dtype == array_namespace(X).float32 else w
    if not np.isfinite(w).all() or (w < 0).any() or not w.any():
        raise ValueError(
            "sample_weight must be finite, not negative, and not zero for every sample. "
            "Leave out samples that have no weight."
        )
    return asarray_like(w, X)


def squares(X: Array) -> None:
    """Raise a ValueError if the dtype of X can't hold the sums of squares that learning needs."""
    xp = array_namespace(X)
    with phase("checks"):
        kind, (peak,) = xp.finfo(X.dtype), read(xp.max(xp.abs(X)))
    low, high = float(kind.smallest_normal) / float(kind.eps), float(kind.max)
    if peak and not low < peak * peak < high / (X.shape[0] * X.shape[1]):
        raise ValueError(
            f"X has values up to {peak:.1e}, and sums of their squares do not fit {X.dtype}. "
            "Divide X, and alpha with it, by its standard deviation, or pass float64."
        )


def alphas(alpha: Any, X: Array) -> tuple[Any, Array | None]:
    """Return alpha as one for all rows, still to be checked, or None, and one for each, or None.

    Those for each row are a vector in the place of X, in float64 where the device has it.

    Raises
    ------
    TypeError, ValueError
        There is not one for each row, or one is no number above 0.
    """
    if is_one(alpha):
        return alpha, None
    values = reals(alpha, "alpha", flags=False)
    if values.ndim == 0:
        return float(values), None
    if values.shape != (X.shape[0],):
        raise ValueError(
            f"alpha has the shape {values.shape}, and a number, or one for each of the "
            f"{X.shape[0]} rows of X is needed. Pass a float, or an array of that length."
        )
    dtype = float64_of(X) or X.dtype
    kind = array_namespace(X).finfo(dtype)
    some = (values >= float(kind.smallest_normal)) & (values <= float(kind.max))
    if not np.all(some):
        raise ValueError(
            f"alpha[{np.argmin(some)}] is {values[np.argmin(some)]:g}, and one above 0 that fits "
            f"{dtype} is needed for each row. Leave out such rows, or give them a small alpha."
        )
    return None, asarray_like(values, X, dtype)


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
