"""The sweep over the atoms on the host, compiled; see `sphere_sweep`.

What an atom needs of all others, its row of B − A V, is made for two atoms at a time: up to
rounding it is the sweep.
"""

from __future__ import annotations

import numpy as np

from gpudict.arrays.door import array_namespace, from_host, to_host
from gpudict.arrays.rows import wide
from gpudict.objective.penalties.columns import ColumnPenalty, UnitSphere
from gpudict.objective.quadratic import Quadratic
from gpudict.solvers.base import Place
from gpudict.solvers.portable.sphere_sweep import State, Sweep


class Blocks(Sweep):
    """One atom after the other, each to its optimum, compiled."""

    penalties = (UnitSphere,)
    place = Place.HOST
    stands_for = ("sphere_sweep",)

    def step(self, q: Quadratic, penalty: ColumnPenalty, state: State) -> State:
        """Update each atom in turn; one that no code uses stays."""
        assert q.gram is not None
        V, single = np.array(wide(state.Z.T)), to_host(state.Z).dtype != np.float64
        swept(wide(q.gram), wide(q.cov.T), V, positive=penalty.positive, single=single)
        Z = array_namespace(state.Z).astype(from_host(V, state.Z), state.Z.dtype, copy=False)
        return State(Z.T, state.Z)


def swept(A: np.ndarray, B: np.ndarray, V: np.ndarray, *, positive: bool, single: bool) -> None:
    """Update V (k, d) in place for A (k, k) and B (k, d), in float64, rounded if `single`."""
    from gpudict.solvers.host.kernels import sweep

    sweep.update(A, B, V, positive, single)


SOLVER = Blocks()
