"""The ℓ₁ norm: the lasso."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from gpudict.arrays.door import Array, array_namespace, divisor, scatter
from gpudict.arrays.rows import Rows
from gpudict.objective.inverses import basis
from gpudict.objective.penalties import faces
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
        """Return the duality gap of each row, (n,), to the rounding of sums that cancel.

        Where alpha is below the rounding of V r, 16 eps‖r‖‖v‖, the constraint holds to that.
        """
        xp = array_namespace(Z)
        rr = _not_negative(residual(q, Z, corr)[1])
        rounding = 16 * float(xp.finfo(Z.dtype).eps) * xp.sqrt(rr * xp.max(diagonal(q), axis=-1))
        limit = xp.maximum(rounding, self.alphas(rounding))
        scale = limit / divisor(xp.maximum(xp.max(self.pull(corr), axis=1), limit))
        scale = xp.where(limit > 0, scale, xp.ones_like(scale))  # alpha = 0 and an exact fit
        return 0.5 * (1 - scale) ** 2 * rr + _slack(self.value(Z), Z, corr, scale)

    def certificate(self, q: Quadratic, Z: Array, /) -> Array:
        """Return the duality gap of each row from the residual itself, rounding in it, (n,)."""
        xp = array_namespace(Z)
        corr, _, rr = exact(q, Z)
        norms = xp.sqrt(diagonal(q))
        mass = _mass(norms, Z)
        noise = _rounding(q, Z) * (xp.sqrt(q.sq) + mass)
        scale, pull = self._scale(norms, corr, noise)
        away = 0.5 * (1 - scale) ** 2
        rr = _not_negative(rr) + 2 * noise * (xp.sqrt(q.sq) + mass)
        value = self.value(Z)
        scaled = away * rr + _slack(value, Z, corr, scale) + noise * mass
        gap = xp.minimum(scaled, 0.5 * rr + value)
        kind = xp.finfo(gap.dtype)  # where the squares of x are no numbers no gap is 0
        least = float(kind.smallest_normal)
        faint = (q.sq < least / float(kind.eps)) & (pull > 0)
        return xp.maximum(gap, least * xp.astype(faint, gap.dtype))

    def closer(self, q: Quadratic, Z: Array, /) -> Array:
        """Return the smaller of two bounds at the face of each row, and that by least squares."""
        xp = array_namespace(Z)
        alpha, noise = self.alphas(q.sq), _noise(q, Z)
        edge = alpha[:, None] - faces.TIES * noise[:, None] * xp.sqrt(diagonal(q))
        face = faces.face_of(q, Z, Z, Z != 0)
        corr = exact(q, faces.solved(q, face, Z, alpha, xp.zeros_like(alpha))[0])[0]
        face = faces.face_of(q, Z, corr, (self.pull(corr) > edge) & (diagonal(q) > 0))
        at_face = xp.minimum(self._exact_face(q, Z, face), self._inner_face(q, Z, face))
        return xp.minimum(at_face, self._above_least_squares(q, Z))

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

    def _scale(self, norms: Array, corr: Array, noise: Array) -> tuple[Array, Array]:
        """Return by what θ must be scaled to be feasible whatever rounding does, and its pull."""
        xp = array_namespace(corr)
        pull = self.pull(corr) + noise[:, None] * norms
        pull, alpha = xp.max(pull, axis=1), self.alphas(noise)
        return xp.where(pull > alpha, alpha / divisor(pull), xp.ones_like(pull)), pull

    def _exact_face(self, q: Quadratic, Z: Array, face: faces.Face) -> Array:
        """Return ½‖r − θ̂‖² for the exact optimum of the face, inf where θ̂ may not be feasible."""
        xp, alpha = array_namespace(Z), self.alphas(q.sq)
        near, rho = faces.solved(q, face, Z, alpha, xp.zeros_like(alpha))
        noise = xp.maximum(_noise(q, Z), _noise(q, near))
        eta = faces.reach(face, rho, noise)
        inside = scatter(face.index, face.inside, face.inside > 0, Z.shape[1]) > 0
        outer = self.pull(exact(q, near)[0])
        outer = outer + (noise + eta)[:, None] * xp.sqrt(diagonal(q))
        outer = xp.where(inside, xp.full_like(outer, -xp.inf), outer)
        bound = 0.5 * (faces.length(q, near - Z) + eta + noise) ** 2
        left = (Z != 0) & ~inside  # of a code with more atoms than a face has space for
        feasible = (xp.max(outer, axis=1) <= alpha) & ~xp.any(left, axis=1)
        return xp.where(feasible, bound, xp.full_like(bound, xp.inf))

    def _inner_face(self, q: Quadratic, Z: Array, face: faces.Face) -> Array:
        """Return the bound of the face's optimum for an alpha that is smaller by rounding."""
        xp, alpha = array_namespace(Z), self.alphas(q.sq)
        near, _ = faces.solved(q, face, Z, alpha, faces.INNER * _noise(q, Z))
        noise = xp.maximum(_noise(q, Z), _noise(q, near))
        corr = exact(q, near)[0]
        scale, _ = self._scale(xp.sqrt(diagonal(q)), corr, noise)
        Y, (own, _, rr) = near - Z, exact(q, Z)
        away = (1 - scale) ** 2 * rr + 2 * scale * (1 - scale) * xp.sum(Y * own, axis=1)
        away = _not_negative(away) + scale**2 * faces.length(q, Y) ** 2
        norms = xp.sqrt(diagonal(q))
        rounding = noise * (noise + 3 * (_mass(norms, Z) + _mass(norms, Y)))
        rounding = rounding + (1 - scale) * noise * xp.sqrt(q.sq)
        return 0.5 * away + _slack(self.value(Z), Z, corr, scale) + rounding

    def _above_least_squares(self, q: Quadratic, Z: Array) -> Array:
        """Return the bound by least squares, inf where alpha lets u use what rounding hides."""
        xp = array_namespace(Z)
        if q.factors is None or len(q.factors) == 3:  # no basis for all rows
            return xp.full_like(q.sq, xp.inf)
        bound = self.above_least_squares(q, Z, _noise(q, Z))
        hidden = basis(q.factors[1])[2] * xp.sqrt(xp.max(diagonal(q)) * exact(q, Z)[2])
        return xp.where(hidden <= self.alphas(q.sq), bound, xp.full_like(bound, xp.inf))


def _mass(norms: Array, Z: Array) -> Array:
    """Return Σ|u|‖v‖ of each row, (n,), for norms that rows share, (k,), or of each row, (n, k)."""
    xp, size = array_namespace(Z), array_namespace(Z).abs(Z)
    return size @ norms if norms.ndim == 1 else xp.sum(size * norms, axis=1)


def _noise(q: Quadratic, Z: Array) -> Array:
    """Return ν = _rounding·(‖x‖ + Σ|u|‖v‖), to which V r is known for an atom of norm 1, (n,)."""
    xp = array_namespace(Z)
    return _rounding(q, Z) * (xp.sqrt(q.sq) + _mass(xp.sqrt(diagonal(q)), Z))


def _rounding(q: Quadratic, Z: Array) -> float:
    d = q.cov.shape[1] if q.factors is None else q.factors[1].shape[1]
    return rounding(d, float(array_namespace(Z).finfo(Z.dtype).eps))


def rounding(d: int, eps: float) -> float:
    """Return (4 + √d)·eps: sums of d products err by √d of them, hardly by more."""
    return float(4 + d**0.5) * eps


def _slack(value: Array, Z: Array, corr: Array, scale: Array) -> Array:
    """Return alpha‖u‖₁ − scale·⟨u, Vθ⟩, (n,), which is not negative."""
    return _not_negative(value - scale * array_namespace(Z).sum(Z * corr, axis=1))


def _not_negative(x: Array) -> Array:
    xp = array_namespace(x)
    return xp.maximum(x, xp.zeros_like(x))


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
