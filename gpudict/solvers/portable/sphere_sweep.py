"""The dictionary update as an exact sweep: block coordinate descent over the atoms.

    V_j ← prox(V_j + corr_j / A_jj),   corr = B − A V,   A = UᵀU, B = UᵀX

Mairal, Bach, Ponce and Sapiro (2010), https://jmlr.org/papers/v11/mairal10a.html, algorithm 2,
with the sphere in place of the ball: over one unit atom the objective is linear, so its normalised
minimiser is exact, and a sweep cannot raise it. Here Z = Vᵀ: atoms are columns.
"""

from __future__ import annotations

from typing import NamedTuple

from gpudict.arrays.door import Array, array_namespace, at, divisor
from gpudict.objective.penalties.columns import ColumnPenalty
from gpudict.objective.quadratic import Quadratic, diagonal
from gpudict.solvers.base import IterativeSolver, Kind
from gpudict.solvers.stopping import still


class State(NamedTuple):
    """Atoms in columns, and those of the sweep before."""

    Z: Array
    previous: Array


class Sweep(IterativeSolver[ColumnPenalty, State]):
    """One atom after the other, each to its optimum."""

    penalties = (ColumnPenalty,)
    kind = Kind.UPDATE
    max_iter = 1

    def init(self, q: Quadratic, penalty: ColumnPenalty, Z: Array) -> State:
        """Start from feasible atoms."""
        return State(Z, Z)

    def step(self, q: Quadratic, penalty: ColumnPenalty, state: State) -> State:
        """Update each atom in turn; one that no code uses stays."""
        assert q.gram is not None
        xp = array_namespace(state.Z)
        curvature = diagonal(q)
        used = curvature > float(xp.finfo(q.gram.dtype).eps) * xp.max(curvature)
        length = xp.where(used, 1 / divisor(curvature, used), xp.zeros_like(curvature))
        Z = xp.matrix_transpose(xp.asarray(xp.matrix_transpose(state.Z), copy=True))  # contiguous
        for j in range(Z.shape[1]):
            here = slice(j, j + 1)
            corr = q.cov[:, here] - Z @ q.gram[:, here]
            atom = penalty.prox(Z[:, here] + length[here] * corr, length[here])
            Z = at(Z)[:, here].set(xp.where(used[here], atom, Z[:, here]), copy=None)
        return State(Z, state.Z)

    def settled(self, state: State) -> Array:
        """Whether the last sweep moved a feature by rounding alone."""
        return still(state.Z, state.previous)


SOLVER = Sweep()
