"""Orthogonal matching pursuit on CUDA devices, compiled, a warp a row: `kernels/cuda/pursuit.cu`.

It starts from nothing chosen, whatever codes it is given. Rows that it gives up, with atoms that
nearly depend on each other or a target near rounding, are left to the portable solver; so are all
rows where more than 64 atoms, or codes that are not negative, are asked for.
"""

from __future__ import annotations

from typing import NamedTuple

from gpudict._array import Array, array_namespace
from gpudict.kernels import cuda
from gpudict.penalties import Cardinality
from gpudict.quadratic import Quadratic

CHECK_EVERY = 1
COMPILED = "cuda"
FALLBACK = "omp"


class State(NamedTuple):
    """Codes (n, k), and of each row the squared error, NaN if it was given up, (n,)."""

    Z: Array
    rest: Array
    solved: Array


def init(q: Quadratic, penalty: Cardinality, Z: Array) -> State:
    """Start from nothing."""
    return State(array_namespace(Z).zeros_like(Z), q.sq, q.sq < 0)


def step(q: Quadratic, penalty: Cardinality, state: State) -> State:
    """Code each row."""
    slots = max(1, -(-penalty.n_nonzero // cuda.LANES))
    if slots > 2 or penalty.positive:
        nothing = array_namespace(q.sq).full_like(q.sq, float("nan"))
        return State(state.Z, nothing, q.sq >= 0)
    Z, rest = cuda.pursuit(q, penalty.n_nonzero, penalty.target, slots=slots)
    return State(Z, rest, q.sq >= 0)


def settled(state: State) -> Array:
    """Say of every row that one step was all."""
    return state.solved
