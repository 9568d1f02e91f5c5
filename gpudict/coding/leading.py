"""Codes of arrays (…, d), in their leading dimensions: of rows, flattened and folded again."""

from __future__ import annotations

from typing import Any, NamedTuple

from gpudict.arrays.leading import each, flat, flat_beside, folded, leading
from gpudict.arrays.plain import is_one, plain, reals
from gpudict.coding.asked import Asked
from gpudict.solvers.records import Solution


class Folds(NamedTuple):
    """Rows X (n, d) of an array (*lead, d), what came for each of them, and the way back."""

    X: Any
    alpha: Any
    init: Any
    weight: Any
    lead: tuple[int, ...]

    @classmethod
    def of(cls, X: Any, alpha: Any, init: Any, weight: Any, asked: Asked, out: Any) -> Folds:
        """Return the rows, or what is no array of more dimensions as it is."""
        lead = leading(X)
        if not lead:
            return cls(X, alpha, init, weight, ())
        if asked.sparse_output or out is not None:
            raise ValueError(
                f"{'out' if out is not None else 'sparse_output=True'} came with X of the shape "
                f"{tuple(X.shape)}, and codes are rows of a matrix then. Pass rows, for instance "
                "X.reshape(-1, X.shape[-1])."
            )
        if not is_one(alpha) and (own := reals(alpha, "alpha", flags=False)).ndim:
            alpha = each(own, "alpha", lead).reshape(-1)
        if init is not None:
            init = flat(each(plain(init, "init"), "init", (*lead, None)), "init")
        weight = flat_beside(weight, X, "entry_weight")
        return cls(flat(X, "X"), alpha, init, weight, lead)

    def back(self, found: Solution) -> Solution:
        """Return the solution of the rows in the leading dimensions."""
        if not self.lead:
            return found
        Z, gap, converged, status = (folded(a, self.lead) for a in (*found[:3], found.status))
        alpha = found.alpha if is_one(found.alpha) else folded(found.alpha, self.lead)
        return Solution(Z, gap, converged, *found[3:5], alpha, status)
