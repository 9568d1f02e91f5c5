"""The update of atoms for rows of which entries have weights: of the very objective, or a bound.

Few atoms have a quadratic for each feature f, A_f = Σ w_f uᵀu and B_f = Σ w_f x_f u, in d·k²
numbers. Steps on all atoms at once, each of which minimises a majoriser on the sphere, lower it:

    V_j ← the unit vector of c_j V_j + B_j − (AV)_j,   c_j the largest Σ_l |A_fjl| of a feature f

Of more atoms the rows are filled in (`filling`) and summed anew a few times, an update after each.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

from gpudict.arrays.batches import in_batches
from gpudict.arrays.door import Array, array_namespace, bytes_each, precise
from gpudict.arrays.memory import workspace
from gpudict.learning.blocks import Block, Blocks, Coded
from gpudict.learning.updates import DictionaryStep
from gpudict.objective.quadratic import Quadratic

NUMBERS = 2**16  # d·k², up to which each feature has its quadratic: more takes longer than fills
STEPS = 30  # by these
FILLS = 5  # or updates, each by rows that are filled in by the atoms of the last


def improved(blocks: Any, made: Any, q: Quadratic, V: Array, update: DictionaryStep) -> Array:
    """Return atoms that lower the objective of codes, of whose rows, filled in, q are the sums."""
    if not isinstance(blocks, Blocks) or blocks.samples.entries is None:
        return update(q, V)
    k, d = V.shape
    if not blocks.devices and d * k * k <= NUMBERS:
        return _by_features(blocks.blocks[0], made[0], V, update)
    for _ in range(FILLS - 1):
        V = update(q, V)
        q = blocks.summed(blocks.everywhere(V), made)
    return update(q, V)


def _by_features(block: Block, made: Coded, V: Array, update: DictionaryStep) -> Array:
    """Return atoms after some steps by the quadratics of the features."""
    xp, turned = array_namespace(V), array_namespace(V).matrix_transpose
    with precise(V):
        A, B = _quadratics(block, made)
        c = xp.max(xp.sum(xp.abs(A), axis=2), axis=0)[None, :]
        Z = turned(V)  # (d, k)
        for _ in range(STEPS):
            ahead = B - (A @ Z[:, :, None])[:, :, 0]
            Z = xp.where(c > 0, update.penalty.prox(c * Z + ahead, 0.0), Z)
        return turned(Z)


def _quadratics(block: Block, made: Coded) -> tuple[Array, Array]:
    """Return A (d, k, k) and B (d, k)."""
    X, weight, _, entries, top = block.samples
    xp, U = array_namespace(X), made.codes.array()
    assert entries is not None
    (n, d), k = X.shape, U.shape[1]

    def sums(here: slice) -> tuple[Array, Array]:
        u, w = U[here, :], entries[here, :] / top
        wt = xp.matrix_transpose(w if weight is None else w * weight[here, None])
        pairs = xp.reshape(u[:, :, None] * u[:, None, :], (u.shape[0], -1))
        return wt @ pairs, (wt * xp.matrix_transpose(X[here, :])) @ u

    size = max(1, workspace(X) // (bytes_each(X) * (k * k + 2 * d)))
    A, B = reduce(
        lambda one, other: (one[0] + other[0], one[1] + other[1]),
        (part for _, part in in_batches(sums, n, size, X)),
    )
    return xp.reshape(A, (d, k, k)), B
