"""Arrays (…, d) as rows (n, d): activations come as (batch, position, d), pictures as (h, w, d)."""

from __future__ import annotations

import math
from typing import Any

from gpudict.arrays.door import Array, array_namespace, is_array
from gpudict.arrays.plain import plain


def leading(X: Any) -> tuple[int, ...]:
    """Return the leading dimensions of an array that has more than one, else ()."""
    return tuple(X.shape[:-1]) if is_array(X) and X.ndim > 2 else ()


def flat(X: Any, name: str) -> Any:
    """Return the rows of an array that has more leading dimensions, anything else as it is."""
    lead = leading(X)
    if not lead:
        return X
    X = plain(X, name)
    return array_namespace(X).reshape(X, (math.prod(lead), X.shape[-1]))


def folded(rows: Array, lead: tuple[int, ...]) -> Array:
    """Return what there is of each row, (n, …), in the leading dimensions, (*lead, …)."""
    return array_namespace(rows).reshape(rows, (*lead, *rows.shape[1:]))


def flat_beside(values: Any, X: Any, name: str) -> Any:
    """Return the rows of what there is for each entry of X, (…, d), in X's shape; None stays."""
    if values is None or not leading(X):
        return values
    return flat(each(plain(values, name), name, tuple(X.shape)), name)


def each(values: Array, name: str, shape: tuple[int | None, ...]) -> Array:
    """Return what came for each row, if it has the leading dimensions."""
    fits = [want in (None, got) for want, got in zip(shape, values.shape, strict=False)]
    if len(values.shape) != len(shape) or not all(fits):
        wanted = ", ".join("k" if s is None else str(s) for s in shape)
        raise ValueError(
            f"{name} has the shape {tuple(values.shape)}, and ({wanted}) is needed: X has these "
            "leading dimensions. Pass it in that shape."
        )
    return values
