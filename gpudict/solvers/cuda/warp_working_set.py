"""The working-set lasso on CUDA devices, for many atoms: a warp solves each small problem whole.

A round is that of `working_set`, but the small problem of a row goes to the active-set kernel,
which ends at its optimum. No Gram of all atoms is formed; prices come from the residual,
(X − Z V) Vᵀ. A row whose code outgrows 64 atoms is left to the portable solver.
"""

from __future__ import annotations

from typing import ClassVar

from gpudict.arrays.door import Array, array_namespace, few_shapes, pick, scatter
from gpudict.objective.penalties.l1 import L1, SumOfSizes
from gpudict.objective.quadratic import Quadratic, correlation
from gpudict.objective.small_grams import small_gram_numbers, small_grams
from gpudict.solvers.base import Place
from gpudict.solvers.cuda._certificate import certificate
from gpudict.solvers.cuda._launch import LANES, SOLVED, lasso
from gpudict.solvers.portable.working_set import (
    COPIES,
    IDLE,
    State,
    WorkingSet,
    choose,
    count,
    wished,
)
from gpudict.solvers.stopping import still

COLD = 24  # atoms of the first working set; later ones have
ADD, SHARE = 8, 0.25  # more than the largest support: so many, or such a share of it


class WarpWorkingSet(WorkingSet):
    """Working sets, their small problems solved a warp a row.

    Attributes
    ----------
    rounds : of a small problem, before its row is left to another solver
    """

    penalties = (L1,)
    place = Place.CUDA_MANY
    fallback = "working_set"
    rounds: ClassVar[int] = 100

    def step(self, q: Quadratic, penalty: SumOfSizes, state: State) -> State:
        """Make one round."""
        xp, k = array_namespace(state.Z), state.Z.shape[1]
        m = min(k, few_shapes(state.Z, wished(state, ADD, SHARE) if state.support else COLD, k))
        index = choose(penalty, state, m)
        before = pick(state.Z, index)
        u, status = self._solved(q, penalty, state, index, before)
        Z = scatter(index, u, u != 0, k)
        corr, size = correlation(q, Z), penalty.value(Z)
        value = size - 0.5 * xp.sum(Z * (q.cov + corr), axis=1)
        noise = 4 * float(xp.finfo(Z.dtype).eps) * (size + xp.sum(xp.abs(Z * q.cov), axis=1))
        lower = (value + noise < state.lowest) & ~still(u, before)
        idle = xp.where(lower, xp.zeros_like(state.idle), state.idle + 1)
        idle = xp.where(status == SOLVED, idle, xp.full_like(idle, IDLE))
        known = {"supports": count(u), "lowest": xp.minimum(value, state.lowest), "idle": idle}
        return state._replace(Z=Z, corr=corr, round=state.round + 1, **known)

    def certificate(
        self, q: Quadratic, penalty: SumOfSizes, Z: Array
    ) -> tuple[Array, Array] | None:
        """Return the gap by kernels."""
        return certificate(q, penalty, Z)

    def _solved(
        self, q: Quadratic, penalty: SumOfSizes, state: State, index: Array, before: Array
    ) -> tuple[Array, Array]:
        """Return the codes of the small problems of the atoms in index (n, m), and their status."""
        xp, (n, m) = array_namespace(index), index.shape
        b, slots = pick(q.cov, index), 1 if m <= LANES else 2
        rows = max(1, state.space // small_gram_numbers(q, m, COPIES))
        parts = []
        for low in range(0, n, rows):
            part = slice(low, min(low + rows, n))
            small = Quadratic(b[part, :], q.sq[part], small_grams(q, index[part, :]))
            some = penalty.of_rows(part)
            u, _, status = lasso(small, some, before[part, :], slots=(slots,), rounds=self.rounds)
            parts.append((u, status))
        u, status = (xp.concat(p, axis=0) if len(p) > 1 else p[0] for p in zip(*parts, strict=True))
        return u, status


SOLVER = WarpWorkingSet()
