"""Accelerated proximal gradient, each row with its own momentum and its own restart.

    Y  = Z + β (Z − Z₋),   β = (t₋ − 1)/t,   t = (1 + √(1 + 4 t₋²))/2
    Z₊ = prox(Y + corr(Y)/L, 1/L)

Beck and Teboulle (2009), https://doi.org/10.1137/080716542, eq. 4.1–4.3. A row whose momentum
points uphill, ⟨Y − Z₊, Z₊ − Z⟩ > 0, starts again with t = 1: O'Donoghue and Candès (2015),
https://doi.org/10.1007/s10208-013-9150-3, section 3.2. The correlation is affine in Z, so corr(Y)
is extrapolated like Y, and the product of each step also serves the gap.
"""

from __future__ import annotations

from typing import NamedTuple

from gpudict.arrays.door import Array, array_namespace
from gpudict.objective.penalties.contract import CertifiedPenalty
from gpudict.objective.quadratic import Quadratic, correlation, step_length
from gpudict.solvers.base import IterativeSolver, Kind
from gpudict.solvers.stopping import still


class State(NamedTuple):
    """Codes and correlation, those of the step before, the momentum t (n, 1), the step 1/L."""

    Z: Array
    corr: Array
    previous: Array
    previous_corr: Array
    t: Array
    length: Array


class Fista(IterativeSolver[CertifiedPenalty, State]):
    """Accelerated proximal gradient with restarts."""

    penalties = (CertifiedPenalty,)
    kind = Kind.CERTIFIED
    stands_for = ("cd",)  # where there is no solver for exactly this penalty
    fallback = "working_set"
    check_every = 10
    max_iter = 5000

    def numbers_per_row(self, k: int, most: int, width: int) -> int:
        """Return the numbers of dense rows, those of two steps among them."""
        return 12 * k

    def init(self, q: Quadratic, penalty: CertifiedPenalty, Z: Array) -> State:
        """Start from Z, at rest."""
        xp = array_namespace(Z)
        corr = correlation(q, Z)
        return State(Z, corr, Z, corr, xp.ones_like(q.sq)[:, None], step_length(q))

    def step(self, q: Quadratic, penalty: CertifiedPenalty, state: State) -> State:
        """Make one accelerated step."""
        xp = array_namespace(state.Z)
        t = (1 + xp.sqrt(1 + 4 * state.t * state.t)) / 2
        beta = (state.t - 1) / t
        Y = state.Z + beta * (state.Z - state.previous)
        corr = state.corr + beta * (state.corr - state.previous_corr)
        Z = penalty.prox(Y + state.length * corr, state.length)
        uphill = xp.sum((Y - Z) * (Z - state.Z), axis=1, keepdims=True) > 0
        t = xp.where(uphill, xp.ones_like(t), t)
        return State(Z, correlation(q, Z), state.Z, state.corr, t, state.length)

    def settled(self, state: State) -> Array:
        """Whether the last step moved a row by rounding alone."""
        return still(state.Z, state.previous)


SOLVER = Fista()
