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
from gpudict.solvers.cuda._launch import CROWDED, lasso


class State(NamedTuple):
    """Codes (n, k); of each row the gap and the status (n,), once there are; launches made."""

    Z: Array
    bound: Array | None
    status: Array | None
    launched: int


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
    slots: ClassVar[tuple[int, ...]] = (1, 2)
    rounds: ClassVar[int] = 100

    def init(self, q: Quadratic, penalty: L1, Z: Array) -> State:
        """Start from Z."""
        return State(Z, None, None, 0)

    def step(self, q: Quadratic, penalty: L1, state: State) -> State:
        """Solve each row, with 32 places at first, with 64 those that found these too few."""
        slots = self.slots[min(state.launched, len(self.slots) - 1)]
        Z, gap, status = lasso(q, penalty, state.Z, slots=slots, rounds=self.rounds)
        return State(Z, gap, status, state.launched + 1)

    def settled(self, state: State) -> Array:
        """Say of each row that more places would not help, or are not to be had."""
        xp = array_namespace(state.Z)
        if state.status is None:
            return xp.zeros(state.Z.shape[0], dtype=xp.bool, device=state.Z.device)
        if state.launched < len(self.slots):
            return state.status != CROWDED
        return xp.ones_like(state.status, dtype=xp.bool)

    def gap(self, q: Quadratic, penalty: L1, state: State) -> Array:
        """Return the gap that the kernel has found."""
        xp = array_namespace(q.sq)
        return xp.full_like(q.sq, xp.inf) if state.bound is None else state.bound

    def certificate(self, q: Quadratic, penalty: L1, Z: Array) -> tuple[Array, Array] | None:
        """Return the gap by kernels."""
        return certificate(q, penalty, Z)


SOLVER = WarpActiveSet()
