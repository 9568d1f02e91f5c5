"""The elastic net: the lasso of a quadratic with a ridge.

    ½‖x − z V‖² + ½ ridge‖z‖² = ½‖[x 0] − z [V √ridge·I]‖²

So its solvers are the lasso's, on k features more or on the Gram with ridge on its diagonal, and
its certificate is that of this lasso, as exact as any.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from gpudict.arrays import parameters
from gpudict.arrays.door import Array, array_namespace
from gpudict.arrays.rows import Rows
from gpudict.objective.penalties.contract import CoordinatePenalty, Penalty, RowPenalty, half_square
from gpudict.objective.penalties.l1 import L1, is_zero
from gpudict.objective.penalties.least_squares import LeastSquares
from gpudict.objective.penalties.norm import checked_alpha
from gpudict.objective.quadratic import Quadratic


@dataclass(frozen=True, eq=False)
class ElasticNet(CoordinatePenalty):
    """The elastic net, alpha·‖z‖₁ + ½·ridge·‖z‖² for each row z, with z ≥ 0 if `positive`.

    It is solved by every solver of the lasso, to the lasso's certificate. Codes of atoms that are
    alike share what the lasso gives to one of them.

    Parameters
    ----------
    alpha : float or array (n,)
        Weight of ‖z‖₁ against ½‖x − zV‖², for all rows or for each.
    ridge : float
        Weight of ½‖z‖², in squared units of V.
    positive : bool
        Ask for z ≥ 0.

    References
    ----------
    Zou and Hastie (2005), https://doi.org/10.1111/j.1467-9868.2005.00503.x, eq. 3 and lemma 1.

    Examples
    --------
    >>> import numpy as np, gpudict
    >>> X, V = np.array([[3.0, 0.2]]), np.array([[1.0, 0.0], [1.0, 0.0]])
    >>> gpudict.encode(X, V, penalty=gpudict.ElasticNet(0.5, ridge=0.5)).Z
    array([[1., 1.]])
    """

    alpha: float | Array
    ridge: float
    positive: bool = False
    called: ClassVar[str | None] = "ElasticNet"
    asked_by: ClassVar[str] = "penalty=ElasticNet(…)"

    @property
    def form(self) -> type[Penalty]:
        """The type of the lasso that it is."""
        return type(self.lasso)

    @property
    def lasso(self) -> L1 | LeastSquares:
        """What there is beside the ridge."""
        nothing = is_zero(self.alpha) and not self.positive
        return LeastSquares() if nothing else L1(self.alpha, self.positive)

    def fitted(self, X: Array, k: int, /) -> RowPenalty:
        """Return it for rows like X, its numbers checked; without a ridge, the lasso."""
        alpha, ridge = checked_alpha(self.alpha, X), parameters.number(self.ridge, "ridge")
        made = ElasticNet(alpha, ridge, bool(self.positive))
        return made if ridge else made.lasso

    def ridged(self, q: Quadratic, /) -> Quadratic:
        """Return the quadratic with the ridge in it: k features more, and a diagonal."""
        if self.ridge == 0:
            return q
        xp, (n, k), dtype, where = array_namespace(q.cov), q.cov.shape, q.sq.dtype, q.cov.device
        factors = q.factors
        if factors is not None:
            X, V = factors
            more = xp.eye(k, dtype=dtype, device=where) * self.ridge**0.5
            none = xp.zeros((n, k), dtype=dtype, device=where)
            factors = xp.concat([X, none], axis=1), xp.concat([V, more], axis=1)
        gram = q.gram
        if gram is not None:
            gram = gram + self.ridge * xp.eye(k, dtype=gram.dtype, device=where)
        return Quadratic(q.cov, q.sq, gram, factors)

    def reduced(self, q: Quadratic, Z: Array, /) -> tuple[Quadratic, Penalty, Array]:
        """Return the lasso, whose codes are these."""
        return self.ridged(q), self.lasso, Z

    def value(self, Z: Array, /) -> Array:
        """Return alpha·‖z‖₁ + ½·ridge·‖z‖² of each row, (n,)."""
        return self.lasso.value(Z) + self.ridge * half_square(Z)

    def prox(self, Z: Array, step: Array | float, /) -> Array:
        """Return the soft threshold of Z at alpha·step, shrunk."""
        return self.lasso.prox(Z, step) / (1 + self.ridge * step)

    def gap(self, q: Quadratic, Z: Array, corr: Array, /) -> Array:
        """Return the lasso's gap of each row, (n,), to the rounding of sums that cancel."""
        return self.lasso.gap(self.ridged(q), Z, corr - self.ridge * Z)

    def certificate(self, q: Quadratic, Z: Array, /) -> Array:
        """Return the lasso's certificate of each row, (n,)."""
        return self.lasso.certificate(self.ridged(q), Z)

    def closer(self, q: Quadratic, Z: Array, /) -> Array:
        """Return the lasso's closer bound of each row, (n,)."""
        return self.lasso.closer(self.ridged(q), Z)

    def cost(self, U: Rows, k: int, /) -> np.ndarray:
        """Return alpha·‖u‖₁ + ½·ridge·‖u‖² of each row, (n,)."""
        cost: np.ndarray = self.lasso.cost(U, k) + 0.5 * self.ridge * U.summed(U.values**2)
        return cost

    def mapped(self, f: Callable[[Array], Array], /) -> Self:
        """Return the penalty with f(alpha), if there is one a row."""
        return replace(self, alpha=f(self.alpha)) if np.ndim(self.alpha) else self
