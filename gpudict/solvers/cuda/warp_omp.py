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
    """Codes (n, k); of each row the squared error, NaN if it was given up, (n,).

    `most` are the atoms that a row may have, and `rounds` as many where it might have had more.
    """

    Z: Array
    squared: Array
    solved: Array
    most: int
    rounds: int


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
        return State(xp.zeros_like(Z), q.sq, q.sq <= penalty.target, penalty.n_nonzero, 1)

    def allowed(self, state: State, max_iter: int) -> State:
        """Allow an atom a round."""
        return state._replace(most=max_iter, rounds=max_iter) if max_iter < state.most else state

    def step(self, q: Quadratic, penalty: Cardinality, state: State) -> State:
        """Code each row."""
        xp, most = array_namespace(q.sq), state.most
        slots, solved = max(1, -(-most // LANES)), xp.ones_like(q.sq, dtype=xp.bool)
        if slots > 2 or penalty.positive:
            return State(state.Z, xp.full_like(q.sq, float("nan")), solved, most, 1)
        Z, error = pursuit(q, most, penalty.target, slots=slots)
        if most < penalty.n_nonzero:  # those that might have had more are not done
            full = xp.sum(xp.astype(Z != 0, xp.int32), axis=1) == most
            solved = ~(full & (error > (penalty.target or -1.0)))
        return State(Z, error, solved, most, state.rounds)

    def settled(self, state: State) -> Array:
        """Say of each row that one step was all."""
        return state.solved

    def made(self, state: State) -> int:
        """Return the atoms that a row has which might have had more."""
        return state.rounds

    def error(self, state: State) -> Array:
        """Return the squared errors."""
        return state.squared


SOLVER = WarpOmp()
