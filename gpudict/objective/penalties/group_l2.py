"""The norm of groups of atoms, ℓ₂,₁: atoms of a group are used together or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from gpudict.arrays.door import (
    Array,
    array_namespace,
    asarray_like,
    divisor,
    float64_of,
    is_array,
    to_host,
)
from gpudict.arrays.plain import values
from gpudict.objective.penalties.contract import RowPenalty
from gpudict.objective.penalties.norm import NormPenalty, checked_alpha


@dataclass(frozen=True, eq=False)
class GroupL2(NormPenalty):
    """The norm of groups, alpha·Σ_g √|g|·‖z_g‖₂ for each row z; |g| is the size of a group g.

    Parameters
    ----------
    alpha : float or array (n,)
        Weight of the norms, for all rows or for each.
    groups : array-like (k,)
        A label for each atom: a number or a word. Atoms with the same label are a group.
    positive : bool
        Ask for z ≥ 0.
    member : array (k, G), optional
        Left to those who take it: 1 where an atom is in a group, else 0.

    References
    ----------
    Yuan and Lin (2006), https://doi.org/10.1111/j.1467-9868.2005.00532.x, eq. 2.1.

    Examples
    --------
    >>> import numpy as np, gpudict
    >>> X = np.array([[3.0, 4.0, 1.0]])
    >>> grouped = gpudict.GroupL2(5 / 2**1.5, ["a", "a", "b"])
    >>> gpudict.encode(X, np.eye(3), penalty=grouped).Z.round(9)
    array([[1.5, 2. , 0. ]])
    """

    alpha: float | Array
    groups: Any
    positive: bool = False
    member: Array | None = None
    problem: ClassVar[str] = "the group lasso"
    called: ClassVar[str | None] = "GroupL2"
    asked_by: ClassVar[str] = "penalty=GroupL2(…)"

    def fitted(self, X: Array, k: int, /) -> RowPenalty:
        """Return it for rows like X and k atoms, its labels checked."""
        values(self.groups, "groups")
        odd = ValueError(
            f"groups must be a label for each of {k} atoms, all numbers or all words, and none of "
            "them missing. Of lists of atoms, give each atom the number of its list."
        )
        try:
            labels = to_host(self.groups) if is_array(self.groups) else np.asarray(self.groups)
            names, number = np.unique(labels, return_inverse=True)
        except (TypeError, ValueError):  # no order, or lists of several lengths
            raise odd from None
        if (names != names).any():
            raise odd
        if labels.shape != (k,):
            raise ValueError(
                f"groups has the shape {labels.shape}, and ({k},) is needed: a label for each "
                "atom. Pass as many."
            )
        member = (number[:, None] == np.arange(len(names))).astype(np.float64)
        member = asarray_like(member, X, float64_of(X) or X.dtype)
        alpha, positive = checked_alpha(self.alpha, X), bool(self.positive)
        return GroupL2(alpha, tuple(labels.tolist()), positive, member)

    def value(self, Z: Array, /) -> Array:
        """Return alpha·Σ √|g|·‖z_g‖ of each row, (n,)."""
        return self.alpha * (self._norms(Z) @ self._roots)

    def prox(self, Z: Array, step: Array | float, /) -> Array:
        """Return Z with each group shortened by alpha·√|g|·step, or 0 where it is no longer."""
        xp = array_namespace(Z)
        Z = xp.maximum(Z, xp.zeros_like(Z)) if self.positive else Z
        norms = self._norms(Z)
        left = norms - self.column * step * self._roots[None, :]
        share = xp.where(left > 0, left, xp.zeros_like(left)) / divisor(norms)
        return Z * (share @ xp.matrix_transpose(self.member))

    def pull(self, corr: Array, /) -> Array:
        """Return how strongly the correlations ask for each group, in units of alpha, (n, G)."""
        xp = array_namespace(corr)
        corr = xp.maximum(corr, xp.zeros_like(corr)) if self.positive else corr
        return self._norms(corr) / self._roots[None, :]

    def mapped(self, f: Callable[[Array], Array], /) -> Self:
        """Return the penalty with f(a) for each of its arrays."""
        return replace(super().mapped(f), member=f(self.member))

    def _norms(self, Z: Array) -> Array:
        return array_namespace(Z).sqrt((Z * Z) @ self.member)

    @property
    def _roots(self) -> Array:
        xp = array_namespace(self.member)
        return xp.sqrt(xp.sum(self.member, axis=0))
