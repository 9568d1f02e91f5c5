"""The dictionary update by majorise-minimise on CUDA devices: `sphere_mm` in two launches a step.

A step is V ← prox(V + D⁻¹(B − A V)): the product A V, and `kernels/sphere.cu`, a warp an atom.
"""

from __future__ import annotations

from typing import NamedTuple

from gpudict.arrays.door import Array, array_namespace
from gpudict.objective.penalties.columns import UnitSphere
from gpudict.objective.quadratic import Quadratic
from gpudict.solvers.base import IterativeSolver, Kind, Place
from gpudict.solvers.cuda._launch import ints, launch
from gpudict.solvers.portable import sphere_mm
from gpudict.solvers.stopping import still


class State(NamedTuple):
    """Atoms in columns, those before; in a tuple B, row by row, and the largest entry of A (1,)."""

    Z: Array
    previous: Array
    shared: tuple[Array, Array]


class WarpMajorised(IterativeSolver[UnitSphere, State]):
    """All atoms at once, by majorise-minimise, a warp an atom."""

    penalties = (UnitSphere,)
    kind = Kind.UPDATE
    place = Place.CUDA
    stands_for = ("sphere_mm",)
    max_iter = sphere_mm.SOLVER.max_iter

    def init(self, q: Quadratic, penalty: UnitSphere, Z: Array) -> State:
        """Turn B the way of the atoms."""
        assert q.gram is not None
        xp = array_namespace(Z)
        B = xp.reshape(xp.matrix_transpose(q.cov), (-1,))  # copied, for its rows are strided
        return State(Z, Z, (B, xp.reshape(xp.max(q.gram), (1,))))

    def step(self, q: Quadratic, penalty: UnitSphere, state: State) -> State:
        """Minimise the majoriser over the sphere."""
        xp, (B, greatest) = array_namespace(state.Z), state.shared
        V = xp.matrix_transpose(state.Z)
        k, d = V.shape
        W = xp.empty((k, d), dtype=V.dtype, device=V.device)
        arrays = (q.gram, B, q.gram @ V, V, greatest, W)
        launch("sphere", V, (*arrays, *ints(k, d, penalty.positive)))
        return state._replace(Z=xp.matrix_transpose(W), previous=state.Z)

    def settled(self, state: State) -> Array:
        """Whether the last step moved a feature by rounding alone."""
        return still(state.Z, state.previous)


SOLVER = WarpMajorised()
