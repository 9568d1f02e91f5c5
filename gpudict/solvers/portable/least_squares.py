"""Least squares, the lasso with alpha = 0: the code of least norm, Z = X V⁺, and refinements.

A step codes the residual too, Z + (X − Z V) V⁺, and keeps it for the rows whose residual it makes
shorter: with atoms that almost depend on each other, rounding may make it longer.
"""

from __future__ import annotations

from typing import NamedTuple

from gpudict.arrays.door import Array, array_namespace
from gpudict.objective.inverses import pseudo_inverse, whitening
from gpudict.objective.penalties.least_squares import LeastSquares
from gpudict.objective.quadratic import Quadratic, correlation, squared_error
from gpudict.solvers.base import EVERY_NAME, IterativeSolver, Kind


class State(NamedTuple):
    """Codes, their correlation, ‖x − zV‖² (n,), and whether the last step was in vain (n,)."""

    Z: Array
    corr: Array
    error: Array
    vain: Array


class PseudoInverse(IterativeSolver[LeastSquares, State]):
    """Least squares of least norm, by the pseudo-inverse."""

    penalties = (LeastSquares,)
    kind = Kind.CERTIFIED
    stands_for = (EVERY_NAME,)

    def init(self, q: Quadratic, penalty: LeastSquares, Z: Array) -> State:
        """Start from 0, for the solution of least norm."""
        xp = array_namespace(Z)
        zero = xp.zeros_like(Z)
        return State(zero, correlation(q, zero), q.sq, xp.zeros_like(q.sq, dtype=xp.bool))

    def step(self, q: Quadratic, penalty: LeastSquares, state: State) -> State:
        """Add the least-squares code of the residual where it helps."""
        xp = array_namespace(state.Z)
        Z = state.Z + _code_of_residual(q, state)
        corr = correlation(q, Z)
        error = squared_error(q, Z, corr)
        shorter = error < state.error
        Z, corr = (
            xp.where(shorter[:, None], new, old)
            for new, old in ((Z, state.Z), (corr, state.corr))
        )  # fmt: skip
        return State(Z, corr, xp.where(shorter, error, state.error), ~shorter)

    def settled(self, state: State) -> Array:
        """Whether the last step brought nothing."""
        return state.vain


def _code_of_residual(q: Quadratic, state: State) -> Array:
    if q.factors is None:
        W = whitening(q)
        return (state.corr @ W) @ array_namespace(W).matrix_transpose(W)
    X, V = q.factors
    return (X - state.Z @ V) @ pseudo_inverse(V)


SOLVER = PseudoInverse()
