"""The sweep over the atoms on the host, compiled, in blocks of atoms; see `sphere_sweep`.

What a block needs of all atoms, its rows of B − A V, is one matrix product; within it the atoms
follow one another, each corrected by what those before it moved. Up to rounding it is the sweep.
"""

from __future__ import annotations

import numpy as np

from gpudict._array import array_namespace, from_host
from gpudict.penalties import UnitSphere
from gpudict.quadratic import Quadratic
from gpudict.solvers._compiled import wide
from gpudict.solvers.sphere_sweep import CHECK_EVERY, State, init, settled

__all__ = ["CHECK_EVERY", "COMPILED", "init", "settled", "step"]

COMPILED = "host"
BLOCK = 32  # atoms


def step(q: Quadratic, penalty: UnitSphere, state: State) -> State:
    """Update each atom in turn; one that no code uses stays."""
    from gpudict.kernels import sweep

    assert q.gram is not None
    A, B, V = wide(q.gram), wide(q.cov.T), np.array(wide(state.Z.T))
    curvature = np.diagonal(A)
    used = curvature > np.finfo(np.float64).eps * curvature.max()
    for low in range(0, len(V), BLOCK):
        here = slice(low, low + BLOCK)
        sweep.update(low, A, B[here] - A[here] @ V, V, used, penalty.positive)
    Z = array_namespace(state.Z).astype(from_host(V, state.Z), state.Z.dtype, copy=False)
    return State(Z.T, state.Z)
