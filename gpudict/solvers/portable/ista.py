"""Iterative soft thresholding: Z ← prox(Z + corr/L, 1/L), a gradient step and a prox.

Daubechies, Defrise and De Mol (2004), https://doi.org/10.1002/cpa.20042, eq. 1.2. It is slow and
never wrong: the objective falls at every step, from any start.
"""

from __future__ import annotations

from typing import NamedTuple

from gpudict.arrays.door import Array
from gpudict.objective.penalties.contract import CertifiedPenalty
from gpudict.objective.quadratic import Quadratic, correlation, step_length
from gpudict.solvers.base import IterativeSolver, Kind
from gpudict.solvers.stopping import still


class State(NamedTuple):
    """Codes, their correlation, the codes before, and the step 1/L."""

    Z: Array
    corr: Array
    previous: Array
    length: Array


class Ista(IterativeSolver[CertifiedPenalty, State]):
    """Proximal gradient: slow, and never wrong."""

    penalties = (CertifiedPenalty,)
    kind = Kind.CERTIFIED
    fallback = "working_set"
    check_every = 10
    max_iter = 20_000

    def init(self, q: Quadratic, penalty: CertifiedPenalty, Z: Array) -> State:
        """Start from Z."""
        return State(Z, correlation(q, Z), Z, step_length(q))

    def step(self, q: Quadratic, penalty: CertifiedPenalty, state: State) -> State:
        """Make one proximal gradient step."""
        Z = penalty.prox(state.Z + state.length * state.corr, state.length)
        return State(Z, correlation(q, Z), state.Z, state.length)

    def settled(self, state: State) -> Array:
        """Whether the last step moved a row by rounding alone."""
        return still(state.Z, state.previous)


SOLVER = Ista()
