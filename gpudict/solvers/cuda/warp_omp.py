"""Orthogonal matching pursuit on CUDA devices, compiled, a warp a row: `kernels/pursuit.cu`.

It starts from nothing chosen, whatever codes it is given. Rows that it gives up, with atoms that
nearly depend on each other or a target near rounding, are left to the portable solver; so are all
rows where more than 64 atoms, or codes that are not negative, are asked for.
"""

from __future__ import annotations

from typing import NamedTuple

from gpudict.arrays.door import Array, array_namespace
from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.objective.quadratic import Quadratic
from gpudict.solvers.base import IterativeSolver, Kind, Place
from gpudict.solvers.cuda._launch import LANES, pursuit


class State(NamedTuple):
    """Codes (n, k), and of each row the squared error, NaN if it was given up, (n,)."""

    Z: Array
    squared: Array
    solved: Array


class WarpOmp(IterativeSolver[Cardinality, State]):
    """Orthogonal matching pursuit, a warp a row."""

    penalties = (Cardinality,)
    kind = Kind.PURSUIT
    place = Place.CUDA
    stands_for = ("cd", "omp")
    fallback = "omp"
    max_iter = 10_000

    def init(self, q: Quadratic, penalty: Cardinality, Z: Array) -> State:
        """Start from nothing."""
        return State(array_namespace(Z).zeros_like(Z), q.sq, q.sq < 0)

    def step(self, q: Quadratic, penalty: Cardinality, state: State) -> State:
        """Code each row."""
        slots = max(1, -(-penalty.n_nonzero // LANES))
        if slots > 2 or penalty.positive:
            nothing = array_namespace(q.sq).full_like(q.sq, float("nan"))
            return State(state.Z, nothing, q.sq >= 0)
        Z, error = pursuit(q, penalty.n_nonzero, penalty.target, slots=slots)
        return State(Z, error, q.sq >= 0)

    def settled(self, state: State) -> Array:
        """Say of every row that one step was all."""
        return state.solved

    def error(self, state: State) -> Array:
        """Return the squared errors."""
        return state.squared


SOLVER = WarpOmp()
