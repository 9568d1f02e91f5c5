"""Rows that are coded for one alpha after the other, and what is told of their codes.

Codes start from those of the alpha before, in compressed rows where the solver is one of the host.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from gpudict.arrays.door import (
    Array,
    array_namespace,
    float64_of,
    from_host,
    is_numpy,
    precise,
    read,
    to_host,
)
from gpudict.arrays.rows import Rows, fixed, wide
from gpudict.coding.plan import Plan, penalty_of
from gpudict.coding.request import Request
from gpudict.coding.solve import solve
from gpudict.objective.penalties.contract import half_square
from gpudict.solvers.base import RowSolver
from gpudict.solvers.records import Solution


class Told(NamedTuple):
    """What is told of codes: the mean of their non-zeros a row, and the measures of `Path`."""

    nonzeros: float
    explained_variance: float
    objective: float


class Warm(NamedTuple):
    """Rows (n, d) and atoms (k, d), which are checked, and how they are coded.

    `weight` (n,) counts how often a row is there; None is once.
    """

    X: Array
    V: Array
    weight: Array | None = None
    positive: bool = False
    solver: str = "cd"
    tol: float | None = None
    max_iter: int | None = None
    n_jobs: int | None = None

    def coded(self, alpha: float, before: Solution | None) -> Solution:
        """Return the codes for an alpha, from those before: `Rows` from a solver of the host."""
        plan, init = self.plan(alpha), None if before is None else before.Z
        compiled = isinstance(plan.solver, RowSolver)
        if isinstance(init, Rows) and not compiled:
            init = from_host(init.dense(self.V.shape[0]), self.X)
        request = Request(self.X, self.V, init)
        return solve(request, plan, n_jobs=self.n_jobs, sparse=compiled)

    def plan(self, alpha: float) -> Plan:
        """Return the plan for an alpha."""
        penalty = penalty_of(self.V.shape, alpha, None, 0.0, self.positive)
        options: dict[str, Any] = {"tol": self.tol, "max_iter": self.max_iter}
        return Plan.of(self.X, self.V.shape[0], penalty, solver=self.solver, **options)

    def told(self, alpha: float, found: Solution, spread: float) -> Told:
        """Return what is told of codes, of rows that have this spread; one wait."""
        error, mass, count = read(*map(self._mean, self._each(found.Z)))
        explained = 1 - error / spread if spread > 0 else math.nan
        return Told(count, explained, self.X.shape[0] * (0.5 * error + alpha * mass))

    def spread(self) -> float:
        """Return the mean of ‖x − x̄‖², x̄ being the mean of the rows; 0 where all are alike."""
        xp, (n, d) = array_namespace(self.X), self.X.shape
        X = xp.astype(self.X, float64_of(self.X) or self.X.dtype, copy=False)
        weight = xp.ones_like(X[:, 0]) if self.weight is None else xp.astype(self.weight, X.dtype)
        mean = xp.sum(weight[:, None] * X, axis=0) / xp.sum(weight)
        spread, square = read(*(self._mean(2 * half_square(a)) for a in (X - mean[None, :], X)))
        rounding = (n * d * float(xp.finfo(X.dtype).eps)) ** 2
        return spread if spread > rounding * square else 0.0

    def _each(self, Z: Any) -> tuple[Array, Array, Array]:
        """Return of each row ‖x − uV‖², ‖u‖₁, and how many codes are not zero, (n,)."""
        if isinstance(Z, Rows):
            from gpudict.solvers.host.kernels import rows

            Z, error = Z.astype(np.float64), np.empty(self.X.shape[0])
            rows.squared_errors(*map(fixed, Z), *map(fixed, (wide(self.X), wide(self.V))), error)
            return error, Z.summed(np.abs(Z.values)), np.diff(Z.ends).astype(np.float64)
        xp = array_namespace(Z)
        with precise(Z):
            error = 2 * half_square(self.X - Z @ self.V)
        return error, xp.sum(xp.abs(Z), axis=1), xp.sum(xp.astype(Z != 0, Z.dtype), axis=1)

    def _mean(self, each: Array) -> Array:
        """Return the mean of a number of each row by the weights, 0-d."""
        xp = array_namespace(each)
        each = xp.astype(each, float64_of(each) or each.dtype, copy=False)
        if self.weight is None:
            return xp.mean(each)
        weight = to_host(self.weight) if is_numpy(each) else self.weight
        weight = xp.astype(weight, each.dtype, copy=False)
        return xp.sum(weight * each) / xp.sum(weight)
