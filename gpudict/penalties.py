"""What is added to the quadratic: a value, a prox and a certificate each.

A penalty says of itself what solvers need to know: `separable`, whether the rows of Z do not see
each other (then finished rows can leave a batch), and `certified`, whether `gap` is a bound that
can stop a solver. The ℓ₁ norm is both. The sphere and the ball bind the columns of Z = Vᵀ, the
atoms, and a sum over samples couples its rows; they are neither, and take the solvers named
`sphere_…`. A limit on the number of atoms is separable and has no certificate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from gpudict._array import Array, array_namespace
from gpudict.quadratic import (
    Quadratic,
    basis,
    correlation,
    diagonal,
    exact,
    residual,
    whitening,
)


class Penalty(Protocol):
    """The laws, each a test: prox(Z, t) minimises t·value + ½‖· − Z‖², and gap ≥ f(Z) − min f."""

    separable: ClassVar[bool]
    certified: ClassVar[bool]

    def value(self, Z: Array, /) -> Array:
        """Return the penalty of each row (separable) or column of Z."""
        ...

    def prox(self, Z: Array, step: Array | float, /) -> Array:
        """Return the proximal point of Z, the step in the metric of the quadratic."""
        ...

    def gap(self, q: Quadratic, Z: Array, corr: Array, /) -> Array:
        """Return an upper bound, for each row, on how far Z is from the optimum; inf if none."""
        ...


@dataclass(frozen=True)
class L1:
    """alpha·‖z‖₁ for each row z, with z ≥ 0 if `positive`: the lasso.

    The gap is Fenchel's, with the residual scaled into the dual feasible set as dual point
    (Fercoq, Gramfort and Salmon 2015, eq. 5; in the Gram domain no product is needed).
    """

    alpha: float
    positive: bool = False
    separable: ClassVar[bool] = True
    certified: ClassVar[bool] = True

    def value(self, Z: Array, /) -> Array:
        """Return alpha·‖z‖₁ of each row, (n,)."""
        xp = array_namespace(Z)
        return self.alpha * xp.sum(xp.abs(Z), axis=1)

    def prox(self, Z: Array, step: Array | float, /) -> Array:
        """Return the soft threshold of Z at alpha·step."""
        return soft(Z, self.alpha * step, self.positive)

    def pull(self, corr: Array, /) -> Array:
        """Return how strongly each correlation asks for its atom: |corr|, or corr if z ≥ 0."""
        return corr if self.positive else array_namespace(corr).abs(corr)

    def gap(self, q: Quadratic, Z: Array, corr: Array, /) -> Array:
        """Return the duality gap of each row, (n,), to the rounding of sums that cancel."""
        if self.least_squares:
            return half_square(corr @ whitening(q))
        return self._fenchel(q, Z, corr, *residual(q, Z, corr))

    def certificate(self, q: Quadratic, Z: Array, /) -> Array:
        """Return the duality gap of each row from the residual itself, (n,): what users get."""
        if self.least_squares:
            return self.above_least_squares(q, Z)
        return self._fenchel(q, Z, *exact(q, Z))

    def above_least_squares(self, q: Quadratic, Z: Array, /) -> Array:
        """Return how far each row is above the least squares, (n,): a gap too, as 0 is below alpha.

        It is ½‖r on the span of the atoms‖² + alpha‖u‖₁, exact for alpha = 0, and the better bound
        where alpha is near the rounding of V r. It costs a factorisation on the host.
        """
        if q.factors is None:
            projected = correlation(q, Z) @ whitening(q)
        else:
            X, V = q.factors
            projected = (X - Z @ V) @ basis(V)
        return half_square(projected) + self.value(Z)

    @property
    def least_squares(self) -> bool:
        """Whether nothing is asked of the codes."""
        return self.alpha == 0 and not self.positive

    def _fenchel(self, q: Quadratic, Z: Array, corr: Array, xr: Array, rr: Array) -> Array:
        """Return ½‖r‖² + alpha‖u‖₁ − ½‖x‖² + ½‖x − θ‖² for θ = scale·r, where |Vθ| ≤ alpha.

        It is ½(1 − scale)²‖r‖² + alpha‖u‖₁ − scale·⟨u, V r⟩: so ‖x‖² cancels before it can round.
        Where alpha is below the rounding of V r, 16 eps‖r‖‖v‖, the constraint holds to that.
        """
        xp = array_namespace(Z)
        rr = xp.maximum(rr, xp.zeros_like(rr))
        rounding = 16 * float(xp.finfo(Z.dtype).eps) * xp.sqrt(rr * xp.max(diagonal(q)))
        limit = xp.maximum(rounding, xp.full_like(rounding, self.alpha))
        scale = limit / xp.maximum(xp.max(self.pull(corr), axis=1), limit)
        scale = xp.where(limit > 0, scale, xp.ones_like(scale))  # alpha = 0 and an exact fit
        slack = self.value(Z) - scale * xp.sum(Z * corr, axis=1)
        return 0.5 * (1 - scale) ** 2 * rr + xp.maximum(slack, xp.zeros_like(slack))


class Uncertified:
    """What has no bound on the way to its optimum."""

    certified: ClassVar[bool] = False

    def gap(self, q: Quadratic, Z: Array, corr: Array, /) -> Array:
        """Return inf for each row, the only bound that is known, (n,)."""
        xp = array_namespace(Z)
        return xp.full_like(q.sq, xp.inf)


@dataclass(frozen=True)
class Cardinality(Uncertified):
    """At most `n_nonzero` non-zeros a row, fewer once ‖x − z V‖² ≤ `target`: what pursuits solve.

    There is no certificate: the problem is NP-hard, and a pursuit is greedy.
    """

    n_nonzero: int
    target: float = 0.0
    positive: bool = False
    separable: ClassVar[bool] = True

    def value(self, Z: Array, /) -> Array:
        """Return 0 for each row that keeps the limit and inf for each that does not, (n,)."""
        xp = array_namespace(Z)
        count = xp.sum(xp.astype(Z != 0, Z.dtype), axis=1)
        kept = count <= self.n_nonzero
        if self.positive:
            kept = kept & xp.all(Z >= 0, axis=1)
        return indicator(kept, Z)

    def prox(self, Z: Array, step: Array | float, /) -> Array:
        """Return Z with all but its largest entries set to zero; of equal ones the first stay."""
        xp = array_namespace(Z)
        size = self.pull(Z)
        order = xp.argsort(size, axis=1, descending=True, stable=True)
        rank = xp.argsort(order, axis=1, stable=True)
        kept = (rank < self.n_nonzero) & (size > 0)
        return xp.where(kept, Z, xp.zeros_like(Z))

    def pull(self, corr: Array, /) -> Array:
        """Return how strongly each correlation asks for its atom."""
        return corr if self.positive else array_namespace(corr).abs(corr)


@dataclass(frozen=True)
class UnitBall(Uncertified):
    """Columns of norm at most 1 (and non-negative if `positive`): scikit-learn's constraint."""

    positive: bool = False
    separable: ClassVar[bool] = False

    def value(self, Z: Array, /) -> Array:
        """Return 0 for each feasible column and inf for each other, to rounding, (k,)."""
        return indicator(_norms(Z) <= 1 + _slack(Z), Z, self.positive)

    def prox(self, Z: Array, step: Array | float, /) -> Array:
        """Return the nearest feasible point; the step does not matter."""
        xp = array_namespace(Z)
        Z = xp.maximum(Z, xp.zeros_like(Z)) if self.positive else Z
        norm = _norms(Z)
        return Z / xp.maximum(norm, xp.ones_like(norm))


@dataclass(frozen=True)
class UnitSphere(Uncertified):
    """Columns of norm exactly 1 (and non-negative if `positive`): the atoms of a dictionary."""

    positive: bool = False
    separable: ClassVar[bool] = False

    def value(self, Z: Array, /) -> Array:
        """Return 0 for each feasible column and inf for each other, to rounding, (k,)."""
        xp = array_namespace(Z)
        return indicator(xp.abs(_norms(Z) - 1) <= _slack(Z), Z, self.positive)

    def prox(self, Z: Array, step: Array | float, /) -> Array:
        """Return the nearest feasible point; the step does not matter.

        A column without a (positive) entry is as near to several points: it goes to the unit
        vector of its largest entry.
        """
        xp = array_namespace(Z)
        if self.positive:
            largest = xp.argmax(Z, axis=0, keepdims=True)
            rows = xp.arange(Z.shape[0], dtype=largest.dtype, device=Z.device)[:, None]
            peak = xp.astype(rows == largest, Z.dtype)
            Z = xp.maximum(Z, xp.zeros_like(Z))
        else:  # a column without an entry is zero, and its first entry is as large as any
            peak = xp.eye(Z.shape[0], 1, dtype=Z.dtype, device=Z.device)
        size = xp.max(xp.abs(Z), axis=0, keepdims=True)  # first to size 1: squares must not vanish
        scaled = Z / (size + float(xp.finfo(Z.dtype).smallest_normal))
        scaled = xp.where(size > 0, scaled, peak)
        return scaled / xp.sqrt(xp.sum(scaled * scaled, axis=0, keepdims=True))


def half_square(R: Array) -> Array:
    """Return ½‖r‖² of each row."""
    return 0.5 * array_namespace(R).sum(R * R, axis=1)


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


def indicator(feasible: Array, Z: Array, positive: bool = False) -> Array:
    """Return 0 where feasible (and, if `positive`, where no entry of the column is below 0)."""
    xp = array_namespace(Z)
    if positive:
        feasible = feasible & xp.all(Z >= 0, axis=0)
    zero = xp.zeros(feasible.shape, dtype=Z.dtype, device=Z.device)
    return xp.where(feasible, zero, xp.full_like(zero, xp.inf))


def _norms(Z: Array) -> Array:
    xp = array_namespace(Z)
    return xp.sqrt(xp.sum(Z * Z, axis=0))


def _slack(Z: Array) -> float:
    return 32 * float(array_namespace(Z).finfo(Z.dtype).eps)
