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
    direct = True

    def init(self, q: Quadratic, penalty: Cardinality, Z: Array) -> State:
        """Start from nothing."""
        xp = array_namespace(Z)
        return State(xp.zeros_like(Z), q.sq, xp.zeros_like(q.sq, dtype=xp.bool))

    def step(self, q: Quadratic, penalty: Cardinality, state: State) -> State:
        """Code each row."""
        xp, slots = array_namespace(q.sq), max(1, -(-penalty.n_nonzero // LANES))
        every = xp.ones_like(q.sq, dtype=xp.bool)
        if slots > 2 or penalty.positive:
            return State(state.Z, xp.full_like(q.sq, float("nan")), every)
        Z, error = pursuit(q, penalty.n_nonzero, penalty.target, slots=slots)
        return State(Z, error, every)

    def settled(self, state: State) -> Array:
        """Say of every row that one step was all."""
        return state.solved

    def error(self, state: State) -> Array:
        """Return the squared errors."""
        return state.squared


SOLVER = WarpOmp()
