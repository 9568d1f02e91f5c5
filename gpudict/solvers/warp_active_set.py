"""The active-set lasso on CUDA devices, compiled: a warp a row, exact; see `kernels/cuda/lasso.cu`.

Numbers are those of the data: float32 codes come to about 1e-6 of the optimum, float64 codes to
rounding. A row whose active set outgrows 64 places is left to the portable solver.
"""

from __future__ import annotations

from typing import NamedTuple

from gpudict._array import Array, array_namespace
from gpudict.kernels import cuda
from gpudict.penalties import L1
from gpudict.quadratic import Quadratic

CHECK_EVERY = 1
COMPILED = "cuda"
FALLBACK = "working_set"
SLOTS = (1, 2)  # of 32 places for the active set of a row, launch after launch
ROUNDS = 100  # of a row, before it is left to another solver


class State(NamedTuple):
    """Codes (n, k); of each row the gap and whether it needs more places, (n,); launches made."""

    Z: Array
    gap: Array
    crowded: Array
    launched: int


def init(q: Quadratic, penalty: L1, Z: Array) -> State:
    """Start from Z."""
    xp = array_namespace(Z)
    return State(Z, xp.full_like(q.sq, float("inf")), q.sq >= 0, 0)


def step(q: Quadratic, penalty: L1, state: State) -> State:
    """Solve each row, with 32 places at first, with 64 those that found these too few."""
    slots = SLOTS[min(state.launched, len(SLOTS) - 1)]
    how = {"slots": slots, "rounds": ROUNDS}
    Z, gap, status = cuda.lasso(q, penalty.alpha, penalty.positive, state.Z, **how)
    return State(Z, gap, status == cuda.CROWDED, state.launched + 1)


def settled(state: State) -> Array:
    """Say of each row that more places would not help, or are not to be had."""
    last = state.launched == len(SLOTS)
    return state.crowded | ~state.crowded if last else ~state.crowded
