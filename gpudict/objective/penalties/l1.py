"""The ℓ₁ norm: the lasso."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from gpudict.arrays.door import Array, array_namespace
from gpudict.arrays.rows import Rows
from gpudict.objective.penalties.contract import CoordinatePenalty
from gpudict.objective.quadratic import Quadratic, diagonal, exact, residual


@dataclass(frozen=True, eq=False)
class L1(CoordinatePenalty):
    """alpha·‖z‖₁ for each row z, with z ≥ 0 if `positive`; alpha is a number, or one a row (n,).

    The gap is Fenchel's, with the residual scaled into the dual feasible set as dual point
    (Fercoq, Gramfort and Salmon 2015, eq. 5; in the Gram domain no product is needed).
    """

    alpha: float | Array
    positive: bool = False

    def value(self, Z: Array, /) -> Array:
        """Return alpha·‖z‖₁ of each row, (n,)."""
        xp = array_namespace(Z)
        return self.alpha * xp.sum(xp.abs(Z), axis=1)

    def prox(self, Z: Array, step: Array | float, /) -> Array:
        """Return the soft threshold of Z at alpha·step."""
        return soft(Z, self.column * step, self.positive)

    def gap(self, q: Quadratic, Z: Array, corr: Array, /) -> Array:
        """Return the duality gap of each row, (n,), to the rounding of sums that cancel."""
        return self._fenchel(q, Z, corr, *residual(q, Z, corr))

    def certificate(self, q: Quadratic, Z: Array, /) -> Array:
        """Return the duality gap of each row from the residual itself, (n,)."""
        return self._fenchel(q, Z, *exact(q, Z))

    def cost(self, U: Rows, k: int, /) -> np.ndarray:
        """Return alpha·‖u‖₁ of each row, (n,)."""
        cost: np.ndarray = self.alpha * U.summed(np.abs(U.values))
        return cost

    @property
    def column(self) -> float | Array:
        """Alpha for products with codes: the number, or one a row, (n, 1)."""
        return self.alpha if isinstance(self.alpha, float | int) else self.alpha[:, None]

    def mapped(self, f: Callable[[Array], Array], /) -> Self:
        """Return the penalty with f(alpha), if there is one a row."""
        return self if isinstance(self.alpha, float | int) else replace(self, alpha=f(self.alpha))

    def alphas(self, like: Array, /) -> Array:
        """Return an alpha for each row, in the dtype of `like` (n,)."""
        xp = array_namespace(like)
        if isinstance(self.alpha, float | int):
            return xp.full_like(like, self.alpha)
        return xp.astype(self.alpha, like.dtype, copy=False)

    def _fenchel(self, q: Quadratic, Z: Array, corr: Array, xr: Array, rr: Array) -> Array:
        """Return ½‖r‖² + alpha‖u‖₁ − ½‖x‖² + ½‖x − θ‖² for θ = scale·r, where |Vθ| ≤ alpha.

        It is ½(1 − scale)²‖r‖² + alpha‖u‖₁ − scale·⟨u, V r⟩: so ‖x‖² cancels before it can round.
        Where alpha is below the rounding of V r, 16 eps‖r‖‖v‖, the constraint holds to that.
        """
        xp = array_namespace(Z)
        rr = xp.maximum(rr, xp.zeros_like(rr))
        rounding = 16 * float(xp.finfo(Z.dtype).eps) * xp.sqrt(rr * xp.max(diagonal(q)))
        limit = xp.maximum(rounding, self.alphas(rounding))
        scale = limit / xp.maximum(xp.max(self.pull(corr), axis=1), limit)
        scale = xp.where(limit > 0, scale, xp.ones_like(scale))  # alpha = 0 and an exact fit
        slack = self.value(Z) - scale * xp.sum(Z * corr, axis=1)
        return 0.5 * (1 - scale) ** 2 * rr + xp.maximum(slack, xp.zeros_like(slack))


def soft(Z: Array, t: Array | float, positive: bool = False) -> Array:
    """Return sign(Z)·max(|Z| − t, 0), as what is left of Z beyond [−t, t]; beyond t if positive.

    In minimum and maximum: where `clip` takes array bounds, some libraries write it with masks,
    and each mask waits for the device.
    """
    xp = array_namespace(Z)
    if isinstance(t, float):
        t = xp.full((), t, dtype=Z.dtype, device=Z.device)
    inside = xp.minimum(Z, t)
    return Z - (inside if positive else xp.maximum(inside, -t))
