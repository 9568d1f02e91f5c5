"""Least squares, the lasso with alpha = 0: Z ← Z + corr·gram⁺.

From Z = 0 one step gives the solution of least norm, and a second one refines it.
"""

from __future__ import annotations

from typing import NamedTuple

from gpudict._array import Array, array_namespace, still
from gpudict.penalties import Penalty
from gpudict.quadratic import Quadratic, correlation, whitening

CHECK_EVERY = 1


class State(NamedTuple):
    """Codes, their correlation, the codes before."""

    Z: Array
    corr: Array
    previous: Array


def init(q: Quadratic, penalty: Penalty, Z: Array) -> State:
    """Start from 0, for the solution of least norm."""
    zero = array_namespace(Z).zeros_like(Z)
    return State(zero, correlation(q, zero), zero)


def step(q: Quadratic, penalty: Penalty, state: State) -> State:
    """Add the least-squares code of the residual."""
    W = whitening(q)
    Z = state.Z + (state.corr @ W) @ array_namespace(W).matrix_transpose(W)
    return State(Z, correlation(q, Z), state.Z)


def settled(state: State) -> Array:
    """Whether the last step moved a row by rounding alone."""
    return still(state.Z, state.previous)
