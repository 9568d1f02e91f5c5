"""Weights of the entries of X, and what is missing of it: checked, and brought to X."""

from __future__ import annotations

from typing import Any

from gpudict.arrays import check, parameters
from gpudict.arrays.door import array_namespace, read

MISSING = ("nan",)  # what may stand for what is missing


def is_weighted(entry_weight: Any, missing: str | None) -> bool:
    """Whether entries have weights, or may be missing."""
    return entry_weight is not None or missing is not None


def refuse(*given: Any) -> None:
    """Raise if weights of entries or what is missing came with rows that are not at hand."""
    if any(one is not None for one in given):
        raise ValueError(
            "entry_weight or missing came with rows that are read as they are needed or are in "
            "chunks, or with out, for which there is none. Pass X as an array in memory; or arrays "
            "as batches to learn_online, with missing='nan'."
        )


def observed(X: Any, entry_weight: Any, missing: str | None, name: str = "X") -> tuple[Any, Any]:
    """Return X, and the weight of each entry (n, d) in its place and dtype, or None.

    What has no weight is 0 in X then, whatever was there. X is looked through only so far.

    Raises
    ------
    TypeError, ValueError
        The weights are not those of the entries of X, or one is no number from 0 on, or none is
        above 0; or X with them is no number, or not one whose square is.
    """
    if missing is not None:
        parameters.choice(missing, "missing", MISSING)
    if not is_weighted(entry_weight, missing):
        return X, None
    X = check.matrix(X, name, finite=False)
    xp = array_namespace(X)
    weight = xp.ones_like(X)
    if entry_weight is not None:
        weight = check.matrix(entry_weight, "entry_weight", like=X)
        check.shaped(weight, "entry_weight", X.shape, f"each entry of {name} has a weight")
        least, most = read(xp.min(weight), xp.max(weight))
        if least < 0 or most == 0:
            raise ValueError(
                "entry_weight must not be negative, and not 0 for every entry. Give what is not to "
                "count a weight of 0, and all else one above it."
            )
    if missing is not None:
        weight = xp.where(xp.isnan(X), xp.zeros_like(weight), weight)
    X = xp.where(weight > 0, X, xp.zeros_like(X))
    if entry_weight is not None:
        check.squares(xp.sqrt(weight) * X, f"√entry_weight·{name}", wide=True)
    return X, weight
