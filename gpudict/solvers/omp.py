"""Orthogonal matching pursuit on the Gram, with a progressive Cholesky factor: Batch-OMP.

Each step takes, for each row, the atom that pulls hardest on the residual, and fits all the chosen
atoms by least squares. With G_SS = L Lᵀ on the chosen atoms, a new atom j with g = G_Sj adds to L⁻¹

    the row [−(L⁻¹g)ᵀ L⁻¹, 1] / δ,   δ² = g_jj − ‖L⁻¹g‖²

so the code is u = L⁻ᵀ y with one new entry of y = L⁻¹ c a step: Rubinstein, Zibulevsky and Elad
(2008), "Efficient implementation of the K-SVD algorithm using Batch-OMP", algorithm 1. An atom that
depends on the chosen ones (δ² ≈ 0) is barred, and so is one that would make a code negative where
codes must not be; the row then tries its next best atom.
"""

from __future__ import annotations

from typing import NamedTuple

from gpudict._array import Array, array_namespace, scatter
from gpudict.penalties import Cardinality
from gpudict.quadratic import Quadratic, correlation, diagonal, small_grams

CHECK_EVERY = 1


class State(NamedTuple):
    """Codes, their correlation, and for each row the factor of its chosen atoms.

    `barred` (n, k) are the atoms no longer to be tried, `index` (n, s) the chosen ones, `inverse`
    (n, s, s) is L⁻¹, `y` (n, s) is L⁻¹c, `count` (n,) the number chosen, `done` (n,).
    """

    Z: Array
    corr: Array
    barred: Array
    index: Array
    inverse: Array
    y: Array
    count: Array
    done: Array


def init(q: Quadratic, penalty: Cardinality, Z: Array) -> State:
    """Start from nothing chosen, whatever Z is."""
    xp = array_namespace(Z)
    zero = xp.zeros_like(Z)
    n, k = Z.shape
    index = xp.zeros((n, 0), dtype=xp.int64, device=Z.device)
    inverse = xp.zeros((n, 0, 0), dtype=Z.dtype, device=Z.device)
    barred = xp.broadcast_to((diagonal(q) <= 0)[None, :], (n, k))
    count = xp.zeros_like(q.sq)
    done = (q.sq <= penalty.target) | (count >= penalty.n_nonzero)
    return State(zero, correlation(q, zero), barred, index, inverse, zero[:, :0], count, done)


def step(q: Quadratic, penalty: Cardinality, state: State) -> State:
    """Choose one more atom for each row that is not done, and fit all its atoms again."""
    xp = array_namespace(state.Z)
    eps = float(xp.finfo(state.Z.dtype).eps)
    pull = xp.where(state.barred, xp.full_like(state.Z, -1.0), penalty.pull(state.corr))
    j = xp.argmax(pull, axis=1, keepdims=True)
    strength = xp.max(pull, axis=1)
    index = xp.concat([state.index, xp.astype(j, state.index.dtype)], axis=1)
    norm2, g = _entries(q, index, j)
    w = (state.inverse @ g[:, :, None])[:, :, 0]  # L⁻¹g
    delta2 = norm2 - xp.sum(w * w, axis=1)
    independent = delta2 > 64 * eps * norm2
    delta = xp.sqrt(xp.where(independent, delta2, xp.ones_like(delta2)))[:, None]
    last = (
        xp.concat([-(w[:, None, :] @ state.inverse)[:, 0, :], xp.ones_like(delta)], axis=1) / delta
    )
    y = (xp.take_along_axis(q.cov, j, axis=1) - xp.sum(w * state.y, axis=1, keepdims=True)) / delta

    live = ~state.done & (strength > 8 * eps * xp.sqrt(q.sq * norm2))
    accepted = live & independent
    if penalty.positive:
        _, _, u = _extended(state, last, y)
        accepted = accepted & xp.all(u >= 0, axis=1)
    kept = xp.astype(accepted, y.dtype)[:, None]
    inverse, y, u = _extended(state, last * kept, y * kept)
    chosen = xp.any(inverse != 0, axis=2)
    Z = scatter(index, u, chosen, state.Z.shape[1])
    columns = xp.arange(Z.shape[1], dtype=j.dtype, device=Z.device)[None, :]
    count = state.count + kept[:, 0]
    rest = q.sq - xp.sum(y * y, axis=1)
    done = ~live | (count >= penalty.n_nonzero) | (rest <= penalty.target)
    return State(
        Z, correlation(q, Z), state.barred | (columns == j), index, inverse, y, count, done
    )


def settled(state: State) -> Array:
    """Say which rows have what they may have."""
    return state.done


def _entries(q: Quadratic, index: Array, j: Array) -> tuple[Array, Array]:
    """Return g_jj (n,) and g_Sj (n, s) for the chosen atoms S, where j is the last of index."""
    g = small_grams(q, index)[:, :, -1] if q.gram is None else q.gram[index, j]
    return g[:, -1], g[:, :-1]


def _extended(state: State, last: Array, y: Array) -> tuple[Array, Array, Array]:
    """Return L⁻¹, y and the code u = L⁻ᵀy with one more atom."""
    xp = array_namespace(last)
    column = xp.zeros((last.shape[0], last.shape[1] - 1, 1), dtype=last.dtype, device=last.device)
    inverse = xp.concat([xp.concat([state.inverse, column], axis=2), last[:, None, :]], axis=1)
    y = xp.concat([state.y, y], axis=1)
    return inverse, y, (xp.matrix_transpose(inverse) @ y[:, :, None])[:, :, 0]
