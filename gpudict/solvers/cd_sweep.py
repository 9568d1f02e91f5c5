"""Coordinate descent in batched form: one step is one sweep over the atoms, for all rows at once.

    z_j ← prox(z_j + corr_j / g_jj, 1 / g_jj),   corr ← corr − (z_j⁺ − z_j) g_j

Friedman, Hastie and Tibshirani (2010), https://doi.org/10.18637/jss.v033.i01, section 2.2. An atom
is a rank-one update of (n, k) and a handful of launches, so it serves small k and as an oracle.
"""

from __future__ import annotations

from typing import NamedTuple

from gpudict._array import Array, array_namespace, at, still
from gpudict.penalties import Penalty
from gpudict.quadratic import Quadratic, correlation, diagonal

CHECK_EVERY = 5


class State(NamedTuple):
    """Codes, their correlation, the codes before."""

    Z: Array
    corr: Array
    previous: Array


def init(q: Quadratic, penalty: Penalty, Z: Array) -> State:
    """Start from Z."""
    return State(Z, correlation(q, Z), Z)


def step(q: Quadratic, penalty: Penalty, state: State) -> State:
    """Sweep once over the atoms; zero atoms stay as they are."""
    xp = array_namespace(state.Z)
    curvature = diagonal(q)
    used = curvature > 0
    length = xp.where(
        used, 1 / xp.where(used, curvature, xp.ones_like(curvature)), xp.zeros_like(curvature)
    )
    Z, corr = xp.asarray(state.Z, copy=True), state.corr
    for j in range(Z.shape[1]):
        here = slice(j, j + 1)
        z = penalty.prox(Z[:, here] + length[here] * corr[:, here], length[here])
        corr = corr - (z - Z[:, here]) * gram_row(q, j)
        Z = at(Z)[:, here].set(z, copy=None)
    return State(Z, correlation(q, Z), state.Z)


def gram_row(q: Quadratic, j: int) -> Array:
    """Return row j of the Gram, (1, k)."""
    if q.gram is not None:
        return q.gram[j : j + 1, :]
    assert q.factors is not None
    V = q.factors[1]
    return V[j : j + 1, :] @ array_namespace(V).matrix_transpose(V)


def settled(state: State) -> Array:
    """Whether the last sweep moved a row by rounding alone."""
    return still(state.Z, state.previous)
