"""The sweep over the atoms on the host, compiled, in blocks of atoms; see `sphere_sweep`.

What a block needs of all atoms, its rows of B − A V, is one matrix product; within it the atoms
follow one another, each corrected by what those before it moved. Up to rounding it is the sweep.
"""

from __future__ import annotations

import numpy as np

from gpudict.arrays.door import array_namespace, from_host
from gpudict.arrays.rows import wide
from gpudict.objective.penalties.columns import ColumnPenalty, UnitSphere
from gpudict.objective.quadratic import Quadratic
from gpudict.solvers.base import Place
from gpudict.solvers.portable.sphere_sweep import State, Sweep

BLOCK = 32  # atoms


class Blocks(Sweep):
    """One block of atoms after the other, each atom to its optimum."""

    penalties = (UnitSphere,)
    place = Place.HOST
    stands_for = ("sphere_sweep",)

    def step(self, q: Quadratic, penalty: ColumnPenalty, state: State) -> State:
        """Update each atom in turn; one that no code uses stays."""
        from gpudict.solvers.host.kernels import sweep

        assert q.gram is not None
        A, B, V = wide(q.gram), wide(q.cov.T), np.array(wide(state.Z.T))
        curvature = np.diagonal(A)
        used = curvature > np.finfo(np.float64).eps * curvature.max()
        for low in range(0, len(V), BLOCK):
            here = slice(low, low + BLOCK)
            sweep.update(low, A, B[here] - A[here] @ V, V, used, penalty.positive)
        Z = array_namespace(state.Z).astype(from_host(V, state.Z), state.Z.dtype, copy=False)
        return State(Z.T, state.Z)


SOLVER = Blocks()
