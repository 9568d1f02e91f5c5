"""One soft threshold of the correlations: Z = prox(cov, 1).

Exact where the atoms are orthonormal, and elsewhere what scikit-learn calls `threshold`: a cheap
code, with a gap that says how far it is from the lasso's.
"""

from __future__ import annotations

from typing import NamedTuple

from gpudict.arrays.door import Array, array_namespace
from gpudict.objective.penalties.contract import CertifiedPenalty
from gpudict.objective.quadratic import Quadratic, correlation
from gpudict.solvers.base import IterativeSolver, Kind


class State(NamedTuple):
    """Codes and their correlation."""

    Z: Array
    corr: Array


class Threshold(IterativeSolver[CertifiedPenalty, State]):
    """One soft threshold of the correlations."""

    penalties = (CertifiedPenalty,)
    kind = Kind.APPROXIMATE

    def init(self, q: Quadratic, penalty: CertifiedPenalty, Z: Array) -> State:
        """Start anywhere: the answer does not depend on it."""
        return State(Z, correlation(q, Z))

    def step(self, q: Quadratic, penalty: CertifiedPenalty, state: State) -> State:
        """Threshold the correlations with the data."""
        Z = penalty.prox(q.cov, 1.0)
        return State(Z, correlation(q, Z))

    def settled(self, state: State) -> Array:
        """Say of every row that one step was all."""
        xp = array_namespace(state.Z)
        return xp.ones(state.Z.shape[0], dtype=xp.bool, device=state.Z.device)


SOLVER = Threshold()
