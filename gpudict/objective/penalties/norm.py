"""Norms: alpha·Ω(z), whose bounds come from the residual, scaled until nothing pulls above alpha.

Where no pull of V θ is above alpha, θ is a dual point, and

    f(u) − min f ≤ ½‖r − θ‖² + alpha·Ω(u) − ⟨u, V θ⟩

Pulls are a norm too, Ω's dual as a maximum: those of what rounding may hide add to those that are
known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from gpudict.arrays import parameters, per_row
from gpudict.arrays.door import Array, array_namespace, divisor, take
from gpudict.objective.penalties.contract import CertifiedPenalty
from gpudict.objective.quadratic import Quadratic, diagonal, exact, residual


@dataclass(frozen=True, eq=False)
class NormPenalty(CertifiedPenalty):
    """A norm times alpha, which is a number, or one a row (n,).

    The gap is Fenchel's, with the residual scaled into the dual feasible set as dual point
    (Fercoq, Gramfort and Salmon 2015, eq. 5; in the Gram domain no product is needed).
    """

    alpha: float | Array

    def gap(self, q: Quadratic, Z: Array, corr: Array, /) -> Array:
        """Return the duality gap of each row, (n,), to the rounding of sums that cancel.

        Where alpha is below the rounding of V r, 16 eps‖r‖‖v‖, the constraint holds to that.
        """
        xp, rr = array_namespace(Z), not_negative(residual(q, Z, corr)[1])
        corr, left = self.dual(q, corr)
        rr = rr if left is None else not_negative(rr - 2 * left)
        rounding = 16 * float(xp.finfo(Z.dtype).eps) * xp.sqrt(rr * xp.max(diagonal(q), axis=-1))
        limit = xp.maximum(self.over(rounding), self.alphas(rounding))
        scale = limit / divisor(xp.maximum(xp.max(self.pull(corr), axis=1), limit))
        scale = xp.where(limit > 0, scale, xp.ones_like(scale))  # alpha = 0 and an exact fit
        gap = 0.5 * (1 - scale) ** 2 * rr + slack(self.value(Z), Z, corr, scale)
        return gap if left is None else gap + left

    def certificate(self, q: Quadratic, Z: Array, /) -> Array:
        """Return the duality gap of each row from the residual itself, rounding in it, (n,)."""
        xp = array_namespace(Z)
        corr, _, rr = exact(q, Z)
        corr, left = self.dual(q, corr)
        norms, size = xp.sqrt(diagonal(q)), mass(q, Z)
        noise = unit(q, Z) * (xp.sqrt(q.sq) + size)
        scale, pull = self.scale(norms, corr, noise)
        away = 0.5 * (1 - scale) ** 2
        rr = not_negative(rr) + 2 * noise * (xp.sqrt(q.sq) + size)
        value, scalable = self.value(Z), rr if left is None else not_negative(rr - 2 * left)
        scaled = away * scalable + slack(value, Z, corr, scale) + noise * size
        scaled = scaled if left is None else scaled + (xp.sqrt(left) + noise) ** 2
        gap = xp.minimum(scaled, 0.5 * rr + value)
        kind = xp.finfo(gap.dtype)  # where the squares of x are no numbers no gap is 0
        least = float(kind.smallest_normal)
        faint = (q.sq < least / float(kind.eps)) & (pull > 0)
        return xp.maximum(gap, least * xp.astype(faint, gap.dtype))

    def dual(self, q: Quadratic, corr: Array, /) -> tuple[Array, Array | None]:
        """Return the correlations of the part of r that is a dual point once it is scaled.

        And ½ the square of the rest, (n,), if there is one.
        """
        return corr, None

    def over(self, rounding: Array, /) -> Array:
        """Return what a rounding of V r is in units of alpha."""
        return rounding

    def scale(self, norms: Array, corr: Array, noise: Array) -> tuple[Array, Array]:
        """Return by what θ must be scaled to be feasible whatever rounding does, and its pull."""
        xp = array_namespace(corr)
        norms = norms if norms.ndim == 2 else norms[None, :]
        pull = self.pull(corr) + noise[:, None] * self.pull(norms)
        pull, alpha = xp.max(pull, axis=1), self.alphas(noise)
        return xp.where(pull > alpha, alpha / divisor(pull), xp.ones_like(pull)), pull

    @property
    def column(self) -> float | Array:
        """Alpha for products with codes: the number, or one a row, (n, 1)."""
        return self.alpha if isinstance(self.alpha, float | int) else self.alpha[:, None]

    def mapped(self, f: Callable[[Array], Array], /) -> Self:
        """Return the penalty with f(alpha), if there is one a row."""
        return replace(self, alpha=f(self.alpha)) if np.ndim(self.alpha) else self

    def of_rows(self, index: Array | slice, /) -> Self:
        """Return the penalty of some rows."""
        each = self.alpha
        return replace(self, alpha=of_rows(each, index)) if np.ndim(each) else self

    def alphas(self, like: Array, /) -> Array:
        """Return an alpha for each row, in the dtype of `like` (n,)."""
        xp = array_namespace(like)
        if isinstance(self.alpha, float | int):
            return xp.full_like(like, self.alpha)
        return xp.astype(self.alpha, like.dtype, copy=False)


def checked_alpha(alpha: Any, X: Array) -> float | Array:
    """Return a number, or one for each row of X in the place of X, that is checked."""
    one, each = per_row.alphas(alpha, X)
    return parameters.number(one, "alpha") if each is None else each


def of_rows(a: Array, index: Array | slice) -> Array:
    """Return some rows of an array, or of a sequence of them."""
    a = np.asarray(a) if isinstance(a, list | tuple) else a
    return a[index, ...] if isinstance(index, slice) else take(a, index)


def noise(q: Quadratic, Z: Array) -> Array:
    """Return ν = unit·(‖x‖ + Σ|u|‖v‖), to which V r is known for an atom of norm 1, (n,)."""
    return unit(q, Z) * (array_namespace(Z).sqrt(q.sq) + mass(q, Z))


def mass(q: Quadratic, Z: Array) -> Array:
    """Return Σ|u|‖v‖ of each row, (n,), for norms of atoms that rows share or have each."""
    xp, norms = array_namespace(Z), array_namespace(Z).sqrt(diagonal(q))
    return xp.abs(Z) @ norms if norms.ndim == 1 else xp.sum(xp.abs(Z) * norms, axis=1)


def unit(q: Quadratic, Z: Array) -> float:
    """Return the `rounding` of a product of these data, relative."""
    d = q.cov.shape[1] if q.factors is None else q.factors[1].shape[1]
    return rounding(d, float(array_namespace(Z).finfo(Z.dtype).eps))


def rounding(d: int, eps: float) -> float:
    """Return (4 + √d)·eps: sums of d products err by √d of them, hardly by more."""
    return float(4 + d**0.5) * eps


def slack(value: Array, Z: Array, corr: Array, scale: Array) -> Array:
    """Return alpha·Ω(u) − scale·⟨u, Vθ⟩, (n,), which is not negative."""
    return not_negative(value - scale * array_namespace(Z).sum(Z * corr, axis=1))


def not_negative(x: Array) -> Array:
    """Return x where it is above 0, and 0 elsewhere."""
    xp = array_namespace(x)
    return xp.maximum(x, xp.zeros_like(x))
