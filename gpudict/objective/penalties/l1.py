"""The ℓ₁ norm, the lasso; and what all sums of sizes of codes have in common with it."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gpudict.arrays.door import Array, array_namespace, scatter
from gpudict.arrays.rows import Rows
from gpudict.objective.inverses import basis
from gpudict.objective.penalties import faces, norm
from gpudict.objective.penalties.contract import CoordinatePenalty, RowPenalty, pull
from gpudict.objective.penalties.least_squares import LeastSquares
from gpudict.objective.penalties.norm import NormPenalty, not_negative, slack
from gpudict.objective.quadratic import Quadratic, diagonal, exact


class SumOfSizes(NormPenalty, CoordinatePenalty):
    """Sums of the sizes of codes, each with an alpha of its own: what is common to the lassos."""

    @abstractmethod
    def thresholds(self, index: Array | None = None, /) -> float | Array:
        """Return alpha for the code of each atom, or of those in each row of index (n, m).

        A number, or an array that goes with codes, all finite: an atom that may not be used has one
        that nothing reaches.
        """

    def urgency(self, corr: Array, /) -> Array:
        """Return numbers in the order in which correlations ask for their atoms beyond alpha."""
        return pull(corr, self.positive) - self.thresholds()

    def prox(self, Z: Array, step: Array | float, /) -> Array:
        """Return the soft threshold of Z at alpha·step."""
        return soft(Z, self.thresholds() * step, self.positive)

    def closer(self, q: Quadratic, Z: Array, /) -> Array:
        """Return the smaller of two bounds at the face of each row, and that by least squares."""
        xp = array_namespace(Z)
        near = faces.TIES * norm.noise(q, Z)[:, None] * xp.sqrt(diagonal(q))
        face = faces.face_of(q, Z, Z, Z != 0)
        corr = exact(q, self._solved(q, face, Z, 0 * q.sq)[0])[0]
        ties = pull(corr, self.positive) > self.thresholds() - near
        face = faces.face_of(q, Z, corr, ties & (diagonal(q) > 0))
        at_face = xp.minimum(self._exact_face(q, Z, face), self._inner_face(q, Z, face))
        return xp.minimum(at_face, self._above_least_squares(q, Z))

    def _exact_face(self, q: Quadratic, Z: Array, face: faces.Face) -> Array:
        """Return ½‖r − θ̂‖² for the exact optimum of the face, inf where θ̂ may not be feasible."""
        xp = array_namespace(Z)
        near, rho = self._solved(q, face, Z, 0 * q.sq)
        noise = xp.maximum(norm.noise(q, Z), norm.noise(q, near))
        eta = faces.reach(face, rho, noise)
        inside = scatter(face.index, face.inside, face.inside > 0, Z.shape[1]) > 0
        outer = pull(exact(q, near)[0], self.positive) - self.thresholds()
        outer = outer + (noise + eta)[:, None] * xp.sqrt(diagonal(q))
        outer = xp.where(inside, xp.full_like(outer, -xp.inf), outer)
        bound = 0.5 * (faces.length(q, near - Z) + eta + noise) ** 2
        left = (Z != 0) & ~inside  # of a code with more atoms than a face has space for
        feasible = (xp.max(outer, axis=1) <= 0) & ~xp.any(left, axis=1)
        return xp.where(feasible, bound, xp.full_like(bound, xp.inf))

    def _inner_face(self, q: Quadratic, Z: Array, face: faces.Face) -> Array:
        """Return the bound of the face's optimum for an alpha that is smaller by rounding."""
        xp = array_namespace(Z)
        near, _ = self._solved(q, face, Z, faces.INNER * norm.noise(q, Z))
        noise = xp.maximum(norm.noise(q, Z), norm.noise(q, near))
        corr = exact(q, near)[0]
        scale, _ = self.scale(xp.sqrt(diagonal(q)), corr, noise)
        Y, (own, _, rr) = near - Z, exact(q, Z)
        away = (1 - scale) ** 2 * rr + 2 * scale * (1 - scale) * xp.sum(Y * own, axis=1)
        away = not_negative(away) + scale**2 * faces.length(q, Y) ** 2
        rounding = noise * (noise + 3 * (norm.mass(q, Z) + norm.mass(q, Y)))
        rounding = rounding + (1 - scale) * noise * xp.sqrt(q.sq)
        return 0.5 * away + slack(self.value(Z), Z, corr, scale) + rounding

    def _above_least_squares(self, q: Quadratic, Z: Array) -> Array:
        """Return the bound by least squares, inf where alpha lets u use what rounding hides."""
        xp = array_namespace(Z)
        if q.factors is None or len(q.factors) == 3:  # no basis for all rows
            return xp.full_like(q.sq, xp.inf)
        bound = self.above_least_squares(q, Z, norm.noise(q, Z))
        hidden = basis(q.factors[1])[2] * xp.sqrt(xp.max(diagonal(q)) * exact(q, Z)[2])
        seen = xp.all(hidden[:, None] + 0 * Z <= self.thresholds(), axis=1)
        return xp.where(seen, bound, xp.full_like(bound, xp.inf))

    def _solved(self, q: Quadratic, face: faces.Face, Z: Array, less: Array) -> tuple[Array, Array]:
        """Return codes near Z at the optimum of the face for a smaller alpha, and what is left."""
        return faces.solved(q, face, Z, self.thresholds(face.index), less)


@dataclass(frozen=True, eq=False)
class L1(SumOfSizes):
    """The lasso's, alpha·‖z‖₁ for each row z, with z ≥ 0 if `positive`.

    Parameters
    ----------
    alpha : float or array (n,)
        Weight of ‖z‖₁, for all rows or for each.
    positive : bool
        Ask for z ≥ 0.

    References
    ----------
    Tibshirani (1996), Regression shrinkage and selection via the lasso, eq. 1.

    Examples
    --------
    >>> import numpy as np, gpudict
    >>> gpudict.encode(np.array([[3.0, 0.2]]), np.eye(2), penalty=gpudict.L1(0.5)).Z
    array([[2.5, 0. ]])
    """

    weighable: ClassVar[bool] = True
    alpha: float | Array
    positive: bool = False

    def fitted(self, X: Array, k: int, /) -> RowPenalty:
        """Return it for rows like X, its alpha checked; for an alpha of 0, least squares."""
        alpha, positive = norm.checked_alpha(self.alpha, X), bool(self.positive)
        return LeastSquares() if not positive and is_zero(alpha) else L1(alpha, positive)

    def at(self, X: Array, k: int, /) -> RowPenalty:
        """Return it: its numbers of rows come with them."""
        return self

    def value(self, Z: Array, /) -> Array:
        """Return alpha·‖z‖₁ of each row, (n,)."""
        xp = array_namespace(Z)
        return self.alpha * xp.sum(xp.abs(Z), axis=1)

    def thresholds(self, index: Array | None = None, /) -> float | Array:
        """Return alpha, or that of each row (n, 1): the same for all atoms."""
        return self.column

    def urgency(self, corr: Array, /) -> Array:
        """Return the pulls, which have one alpha in a row."""
        return self.pull(corr)

    def cost(self, U: Rows, k: int, /) -> np.ndarray:
        """Return alpha·‖u‖₁ of each row, (n,)."""
        cost: np.ndarray = self.alpha * U.summed(np.abs(U.values))
        return cost


def is_zero(alpha: float | Array) -> bool:
    """Whether alpha is 0 for all rows: those of each row are not."""
    return isinstance(alpha, float | int) and alpha == 0


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
