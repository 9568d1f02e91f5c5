"""The Gram of the atoms, and their cosines in float32, block of rows by block of rows.

The blocks are the same for any number of threads, and so are the bits.
"""

from __future__ import annotations

import numpy as np

from gpudict.arrays.threads import in_parallel
from gpudict.solvers.base import Atoms, scaled

MUCH = 2**25  # multiplications k·k·d, from which on a second thread is worth its start
BLOCK, ROWS = 256, 64  # of a product, and of what is done with it while it is in the cache


def gram_of(V: np.ndarray, workers: int) -> np.ndarray:
    """Return V Vᵀ, (k, k)."""
    k, d = V.shape
    if k * k * d <= MUCH:
        made: np.ndarray = V @ V.T
        return made
    from gpudict.solvers.host.kernels.rows import mirror

    G, starts = np.empty((k, k)), range(0, k, BLOCK)

    def block(low: int) -> None:
        high = low + BLOCK
        G[low:high, low:] = V[low:high] @ V[low:].T

    list(in_parallel(block, starts, min(workers, len(starts))))
    mirror(G)
    return G


def with_angles(atoms: Atoms, V: np.ndarray | None = None, workers: int = 1) -> Atoms:
    """Return atoms that have a Gram, with their cosines, and themselves (k, d) if they came."""
    gram, norms, k = atoms.gram, atoms.norms, len(atoms.norms)
    assert gram is not None
    scale, cosines = 1 / np.where(norms > 0, norms, 1), np.empty((k, k), np.float32)
    starts = range(0, k, ROWS)

    def block(low: int) -> None:
        part = slice(low, low + ROWS)
        cosines[part] = gram[part] * scale * scale[part, None]

    list(in_parallel(block, starts, min(workers, len(starts)) if k * k > MUCH // ROWS else 1))
    units = None if V is None else scaled(V, norms)
    return atoms._replace(V=V, units=units, cosines=cosines)
