"""One soft threshold of the correlations: Z = prox(cov, 1).

Exact where the atoms are orthonormal, and elsewhere what scikit-learn calls `threshold`: a cheap
code, with a gap that says how far it is from the lasso's.
"""

from __future__ import annotations

from typing import NamedTuple

from gpudict._array import Array, array_namespace
from gpudict.penalties import Penalty
from gpudict.quadratic import Quadratic, correlation

CHECK_EVERY = 1
APPROXIMATE = True  # no further step comes nearer to the lasso


class State(NamedTuple):
    """Codes and their correlation."""

    Z: Array
    corr: Array


def init(q: Quadratic, penalty: Penalty, Z: Array) -> State:
    """Start anywhere: the answer does not depend on it."""
    return State(Z, correlation(q, Z))


def step(q: Quadratic, penalty: Penalty, state: State) -> State:
    """Threshold the correlations with the data."""
    Z = penalty.prox(q.cov, 1.0)
    return State(Z, correlation(q, Z))


def settled(state: State) -> Array:
    """Say of every row that one step was all."""
    xp = array_namespace(state.Z)
    return xp.ones(state.Z.shape[0], dtype=xp.bool, device=state.Z.device)
