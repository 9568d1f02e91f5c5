"""The active-set lasso on CUDA devices, compiled: a warp a row, exact; see `kernels/lasso.cu`.

Numbers are those of the data: float32 codes come to about 1e-6 of the optimum, float64 codes to
rounding. A row whose active set outgrows 64 places is left to the portable solver.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from gpudict.arrays.door import Array, array_namespace
from gpudict.objective.penalties.l1 import L1
from gpudict.objective.quadratic import Quadratic
from gpudict.solvers.base import IterativeSolver, Kind, Place
from gpudict.solvers.cuda._certificate import certificate
from gpudict.solvers.cuda._launch import UNSETTLED, lasso


class State(NamedTuple):
    """Codes (n, k); of each row gap and status, (n,), None before a launch; its rounds, at most."""

    Z: Array
    bound: Array | None
    status: Array | None
    rounds: int


class WarpActiveSet(IterativeSolver[L1, State]):
    """A warp a row, to the exact optimum.

    Attributes
    ----------
    slots : of 32 places for the active set of a row, launch after launch
    rounds : of a row, before it is left to another solver
    """

    penalties = (L1,)
    kind = Kind.CERTIFIED
    place = Place.CUDA
    stands_for = ("cd",)
    fallback = "working_set"
    direct = True
    slots: ClassVar[tuple[int, ...]] = (1, 2)
    rounds: ClassVar[int] = 100

    def init(self, q: Quadratic, penalty: L1, Z: Array) -> State:
        """Start from Z."""
        return State(Z, None, None, self.rounds)

    def allowed(self, state: State, max_iter: int) -> State:
        """Allow no more rounds of a row."""
        return state._replace(rounds=min(self.rounds, max_iter))

    def step(self, q: Quadratic, penalty: L1, state: State) -> State:
        """Solve each row, with 32 places at first, with 64 those that found these too few."""
        Z, gap, status = lasso(q, penalty, state.Z, slots=self.slots, rounds=state.rounds)
        return State(Z, gap, status, state.rounds)

    def settled(self, state: State) -> Array:
        """Say of every row that no further step would help, unless it had too few rounds."""
        xp = array_namespace(state.Z)
        if state.status is not None and state.rounds < self.rounds:
            return state.status != UNSETTLED
        return xp.ones(state.Z.shape[:1], dtype=xp.bool, device=state.Z.device)

    def made(self, state: State) -> int:
        """Return the rounds of a row, if they are fewer than it may take."""
        return state.rounds if state.rounds < self.rounds else 1

    def gap(self, q: Quadratic, penalty: L1, state: State) -> Array:
        """Return the gap that the kernel has found, inf before."""
        return (
            array_namespace(q.sq).full_like(q.sq, float("inf"))
            if state.bound is None
            else state.bound
        )

    def certificate(self, q: Quadratic, penalty: L1, Z: Array) -> tuple[Array, Array] | None:
        """Return the gap by kernels."""
        return certificate(q, penalty, Z)


SOLVER = WarpActiveSet()
