"""Numbers of the rows: their weights, and an alpha for each, checked and brought to the rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from gpudict.arrays.door import Array, array_namespace, asarray_like, float64_of
from gpudict.arrays.plain import is_one, reals


def weights(value: Any, X: Array) -> Array | None:
    """Return sample weights as a vector (n,) in the place and dtype of X; None stays None.

    They may come from any library, or as a sequence: there are few of them, and they follow X.
    """
    w = host_weights(value, X.shape[0], single=X.dtype == array_namespace(X).float32)
    return None if w is None else asarray_like(w, X)


def host_weights(value: Any, n: int, *, single: bool = False) -> np.ndarray | None:
    """Return sample weights as a vector (n,) on the host, rounded to float32 if `single`."""
    if value is None:
        return None
    w = reals(value, "sample_weight")
    if w.shape != (n,):
        raise ValueError(
            f"sample_weight has the shape {w.shape}, but ({n},) is needed: a weight for "
            "each row of X. Pass one number a sample."
        )
    if single:
        with np.errstate(over="ignore"):
            w = w.astype(np.float32).astype(np.float64)
    if not np.isfinite(w).all() or (w < 0).any() or not w.any():
        raise ValueError(
            "sample_weight must be finite, not negative, and not zero for every sample. "
            "Leave out samples that have no weight."
        )
    return w


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


def lengths(**given: Any) -> dict[str, int]:
    """Return for how many rows there is something, of what there is for each."""
    shapes = {name: np.shape(a) for name, a in given.items() if not is_one(a)}
    return {name: shape[0] for name, shape in shapes.items() if shape}


def as_many(lengths: dict[str, int], n: int, *, more: bool = False) -> None:
    """Raise if there is something for each row, and not for as many as there are, or `more`."""
    for name, size in lengths.items():
        if size < n or (size > n and not more):
            raise ValueError(
                f"{name} is for {size} rows, and X has {n}{' or more' if more else ''}. Pass as "
                "many as X has rows."
            )
