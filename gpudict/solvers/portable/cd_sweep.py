"""Coordinate descent in batched form: one step is one sweep over the atoms, for all rows at once.

    z_j ← prox(z_j + corr_j / g_jj, 1 / g_jj),   corr ← corr − (z_j⁺ − z_j) g_j

Friedman, Hastie and Tibshirani (2010), https://doi.org/10.18637/jss.v033.i01, section 2.2. An atom
is a rank-one update of (n, k) and a handful of launches, so it serves small k and as an oracle.
"""

from __future__ import annotations

from typing import NamedTuple

from gpudict.arrays.door import Array, array_namespace, at, divisor
from gpudict.objective.penalties.contract import CoordinatePenalty
from gpudict.objective.quadratic import Quadratic, correlation, diagonal
from gpudict.solvers.base import IterativeSolver, Kind
from gpudict.solvers.stopping import still


class State(NamedTuple):
    """Codes, their correlation, the codes before."""

    Z: Array
    corr: Array
    previous: Array


class CdSweep(IterativeSolver[CoordinatePenalty, State]):
    """Coordinate descent, all rows an atom at a time."""

    penalties = (CoordinatePenalty,)
    kind = Kind.CERTIFIED
    fallback = "working_set"
    check_every = 5
    max_iter = 2000

    def init(self, q: Quadratic, penalty: CoordinatePenalty, Z: Array) -> State:
        """Start from Z."""
        return State(Z, correlation(q, Z), Z)

    def step(self, q: Quadratic, penalty: CoordinatePenalty, state: State) -> State:
        """Sweep once over the atoms; zero atoms stay as they are."""
        xp, curvature = array_namespace(state.Z), diagonal(q)
        length = xp.where(curvature > 0, 1 / divisor(curvature), xp.zeros_like(curvature))
        Z, corr = xp.asarray(state.Z, copy=True), state.corr
        for j in range(Z.shape[1]):
            here = slice(j, j + 1)
            z = penalty.of_atoms(here).prox(Z[:, here] + length[here] * corr[:, here], length[here])
            corr = corr - (z - Z[:, here]) * gram_row(q, j)
            Z = at(Z)[:, here].set(z, copy=None)
        return State(Z, correlation(q, Z), state.Z)

    def settled(self, state: State) -> Array:
        """Whether the last sweep moved a row by rounding alone."""
        return still(state.Z, state.previous)


def gram_row(q: Quadratic, j: int) -> Array:
    """Return row j of the Gram, (1, k)."""
    if q.gram is not None:
        return q.gram[j : j + 1, :]
    assert q.factors is not None
    V = q.factors[1]
    return V[j : j + 1, :] @ array_namespace(V).matrix_transpose(V)


SOLVER = CdSweep()
