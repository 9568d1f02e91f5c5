"""The weighted ℓ₁ norm: a weight for each atom, or for each row and atom.

An atom of weight w is one v/w with the weight 1 and the code z·w, so that where weights are those
of atoms, of like sizes, this is the lasso. An atom of weight inf is left out. One of weight 0 is
free, and a dual point has to be orthogonal to it, V_F θ = 0: the residual is projected off the free
atoms before it is scaled, and what that takes away is how far a row is above its optimum over their
codes alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np

from gpudict.arrays.door import (
    Array,
    array_namespace,
    asarray_like,
    divisor,
    float64_of,
    pick,
    take,
)
from gpudict.arrays.plain import reals
from gpudict.arrays.rows import Rows
from gpudict.objective.inverses import whitening
from gpudict.objective.penalties.contract import Penalty, RowPenalty, half_square, pull
from gpudict.objective.penalties.l1 import L1, SumOfSizes, is_zero, soft
from gpudict.objective.penalties.norm import checked_alpha, of_rows
from gpudict.objective.quadratic import Quadratic, product, scaled_atoms

ALIKE = 1e5  # and its inverse: weights between which atoms are divided by them, and stay numbers


@dataclass(frozen=True, eq=False)
class WeightedL1(SumOfSizes):
    """The weighted ℓ₁ norm, alpha·Σ_j w_j·|z_j| for each row z, with z ≥ 0 if `positive`.

    Parameters
    ----------
    alpha : float or array (n,)
        What all weights are in units of, for all rows or for each.
    weight : array-like (k,) or (n, k)
        A weight for each atom, or for each row and atom: inf excludes an atom, 0 frees it, of all
        rows.
    positive : bool
        Ask for z ≥ 0; no atom may be free then.
    free : array (f, k), optional
        Left to those who take it: a row e_j for each free atom j.

    References
    ----------
    Zou (2006), The adaptive lasso, https://doi.org/10.1198/016214506000000735, eq. 4.

    Examples
    --------
    >>> import numpy as np, gpudict
    >>> X = np.array([[3.0, 2.0, 1.0]])
    >>> weighted = gpudict.WeightedL1(0.5, [1.0, 0.0, np.inf])
    >>> gpudict.encode(X, np.eye(3), penalty=weighted).Z
    array([[2.5, 2. , 0. ]])
    """

    alpha: float | Array
    weight: Any
    positive: bool = False
    problem: ClassVar[str] = "the weighted lasso"
    called: ClassVar[str | None] = "WeightedL1"
    asked_by: ClassVar[str] = "penalty=WeightedL1(…)"
    free: Array | None = field(default=None, repr=False)  # (f, k), a row e_j for each free atom j

    def fitted(self, X: Array, k: int, /) -> RowPenalty:
        """Return it for rows like X and k atoms, checked, in float64 where X's device has it."""
        weight = reals(self.weight, "weight", flags=False)
        if weight.shape not in ((k,), (X.shape[0], k)):
            raise ValueError(
                f"weight has the shape {weight.shape}, and ({k},) or {(X.shape[0], k)} is needed: "
                "one for each atom, or for each row and atom. Pass as many."
            )
        if not (weight >= 0).all():
            raise ValueError(
                "weight has a number below 0, or one that is none. Pass 0 to free an atom, inf to "
                "exclude it, and what is above 0 for all others."
            )
        rows, positive = np.atleast_2d(weight), bool(self.positive)
        free = np.flatnonzero((rows == 0).any(axis=0))
        if len(free) and positive:
            raise ValueError(
                "weight has a 0 and positive=True came, for which there is no certificate. Pass a "
                "small weight in place of 0."
            )
        if rows[:, free].any():
            raise ValueError(
                f"weight is 0 for atom {free[rows[:, free].any(axis=0)][0]} in some rows, and "
                "above 0 in others. Free an atom for all rows, or pass a small weight."
            )
        alpha, dtype = checked_alpha(self.alpha, X), float64_of(X) or X.dtype
        if is_zero(alpha):
            raise ValueError("alpha is 0, and so every weight. Pass one above 0, and weights of 0.")
        placed = asarray_like(weight, X, dtype)
        alike = (weight >= 1 / ALIKE) & (weight <= ALIKE) | np.isinf(weight)
        if weight.ndim == 1 and alike.all():
            return ScaledL1(alpha, placed, positive)
        return WeightedL1(
            alpha, placed, positive, asarray_like(np.eye(k)[free], X, dtype) if len(free) else None
        )

    def thresholds(self, index: Array | None = None, /) -> Array:
        """Return alpha times the weights, capped where nothing pulls as hard."""
        xp, w = array_namespace(self.weight), self.weight
        if index is not None and w.ndim == 1:
            w = xp.reshape(take(w, xp.reshape(index, (-1,))), index.shape)
        elif index is not None:
            w = pick(w, index)
        return xp.minimum(self.column * w, xp.asarray(_cap(w), dtype=w.dtype, device=w.device))

    def value(self, Z: Array, /) -> Array:
        """Return alpha·Σ w|z| of each row, (n,), inf where an excluded atom is used."""
        xp, size = array_namespace(Z), array_namespace(Z).abs(Z)
        w = xp.where(size > 0, self.weight, xp.zeros_like(self.weight))
        return self.alpha * xp.sum(w * size, axis=1)

    def prox(self, Z: Array, step: Array | float, /) -> Array:
        """Return the soft threshold of Z at alpha·w·step, 0 for excluded atoms."""
        xp = array_namespace(Z)
        Z = xp.where(self.weight < xp.inf, Z, xp.zeros_like(Z))
        return soft(Z, self.thresholds() * step, self.positive)

    def pull(self, corr: Array, /) -> Array:
        """Return the pulls over the weights, in units of alpha; 0 for free and excluded atoms."""
        xp, w = array_namespace(corr), self.weight
        size = pull(corr, self.positive)
        return xp.where(w > 0, size, xp.zeros_like(size)) / divisor(w)

    def over(self, rounding: Array, /) -> Array:
        """Return the rounding over the smallest weight."""
        xp, w = array_namespace(rounding), self.weight
        least = xp.min(xp.where(w > 0, w, xp.full_like(w, _cap(w))), axis=-1)
        return rounding / least

    def dual(self, q: Quadratic, corr: Array, /) -> tuple[Array, Array | None]:
        """Return the correlations of the residual without its part along the free atoms."""
        if self.free is None:
            return corr, None
        xp, E = array_namespace(corr), array_namespace(corr).astype(self.free, corr.dtype)
        G, pulls = product(q, E), corr @ xp.matrix_transpose(E)
        factors = None if q.factors is None else (q.factors[0], E @ q.factors[1])
        W = whitening(Quadratic(pulls, q.sq, G @ xp.matrix_transpose(E), factors))
        along = pulls @ W
        return corr - along @ (xp.matrix_transpose(W) @ G), half_square(along)

    def closer(self, q: Quadratic, Z: Array, /) -> Array:
        """Return the bounds at a face, or where atoms are free that by least squares alone."""
        return self.above_least_squares(q, Z) if self.free is not None else super().closer(q, Z)

    def of_atoms(self, index: slice, /) -> Self:
        """Return the penalty of the codes of some atoms."""
        return replace(self, weight=self.weight[..., index], free=None)

    def of_rows(self, index: Array | slice, /) -> Self:
        """Return the penalty of some rows."""
        some = super().of_rows(index)
        return (
            some if np.ndim(self.weight) == 1 else replace(some, weight=of_rows(self.weight, index))
        )

    def mapped(self, f: Callable[[Array], Array], /) -> Self:
        """Return the penalty with f(a) for each of its arrays."""
        free = None if self.free is None else f(self.free)
        return replace(super().mapped(f), weight=f(self.weight), free=free)

    def cost(self, U: Rows, k: int, /) -> np.ndarray:
        """Return alpha·Σ w|u| of each row, (n,)."""
        if self.weight.ndim == 2:
            return super().cost(U, k)
        weight = np.asarray(self.weight)
        cost: np.ndarray = self.alpha * U.summed(weight[U.columns] * np.abs(U.values))
        return cost


@dataclass(frozen=True, eq=False)
class ScaledL1(WeightedL1):
    """The same where weights are (k,), of like sizes: the lasso over atoms v/w, 0 for inf."""

    @property
    def form(self) -> type[Penalty]:
        """The type of the lasso."""
        return L1

    def reduced(self, q: Quadratic, Z: Array, /) -> tuple[Quadratic, Penalty, Array]:
        """Return the lasso over atoms v/w, of codes z·w."""
        xp = array_namespace(Z)
        weight = xp.astype(self.weight, q.sq.dtype, copy=False)
        size = xp.where(weight < xp.inf, weight, xp.zeros_like(weight))
        return scaled_atoms(q, weight), L1(self.alpha, self.positive), Z * size[None, :]

    def restored(self, Z: Array, /) -> Array:
        """Return the codes for those of the lasso."""
        return Z / array_namespace(Z).astype(self.weight, Z.dtype, copy=False)[None, :]


def _cap(like: Array) -> float:
    """Return a number that no pull comes near, and that products with it do not make inf."""
    return math.sqrt(float(array_namespace(like).finfo(like.dtype).max))
