"""The Gram of the atoms, and their cosines in float32, block of rows by block of rows.

The blocks are the same for any number of threads, and so are the bits.
"""

from __future__ import annotations

import numpy as np

from gpudict.arrays.threads import in_parallel
from gpudict.solvers.base import Atoms, scaled
from gpudict.solvers.host._products import FEW

MUCH = 2**25  # multiplications k·k·d, from which on a second thread is worth its start
MOST = 2**26  # cosines that are kept, 256 MB, where no Gram is
WORTH = 16  # of k over it: rows from which on these take less time than a product a step
LANES = 64  # of float32, in which loops over atoms go, with no rest to do one by one
BLOCK, ROWS = 256, 64  # of a product, and of what is done with it while it is in the cache


def gram_of(V: np.ndarray, workers: int) -> np.ndarray:
    """Return V Vᵀ, (k, k)."""
    from gpudict.solvers.host.kernels import products, rows

    k, d = V.shape
    if FEW < k * k * d <= MUCH:
        made: np.ndarray = V @ V.T
        return made
    G, starts = np.empty((k, k), V.dtype), range(0, k, BLOCK)
    if k * k * d <= FEW:
        products.products(V, V, True, G)
        rows.mirror(G)
        return G

    def block(low: int) -> None:
        high = low + BLOCK
        G[low:high, low:] = V[low:high] @ V[low:].T

    list(in_parallel(block, starts, min(workers, len(starts))))
    rows.mirror(G)
    return G


def with_angles(atoms: Atoms, V: np.ndarray | None = None, workers: int = 1) -> Atoms:
    """Return atoms that have a Gram, with their cosines, and themselves (k, d) if they came.

    In float32 there are zeros after them, up to a multiple of LANES.
    """
    gram, norms, k = atoms.gram, atoms.norms, len(atoms.norms)
    assert gram is not None
    scale = 1 / np.where(norms > 0, norms, 1)
    cosines = np.zeros((k, -(-k // LANES) * LANES), np.float32)
    starts = range(0, k, ROWS)

    def block(low: int) -> None:
        part = slice(low, low + ROWS)
        cosines[part, :k] = gram[part] * scale * scale[part, None]

    list(in_parallel(block, starts, min(workers, len(starts)) if k * k > MUCH // ROWS else 1))
    units = None
    if V is not None:
        units = np.concatenate([scaled(V, norms), np.zeros((-k % LANES, V.shape[1]), np.float32)])
    return atoms._replace(V=V, units=units, cosines=cosines)


def with_cosines(atoms: Atoms, rows: int, workers: int) -> Atoms:
    """Return many atoms with their cosines, if these fit and there are rows enough for them."""
    k, units = len(atoms.norms), atoms.units
    if k * k > MOST or rows * WORTH < k or units is None:
        return atoms
    return atoms._replace(cosines=gram_of(units, workers))
