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

from typing import Any, NamedTuple

from gpudict.arrays.door import Array, array_namespace, divisor, scatter
from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.objective.quadratic import (
    Quadratic,
    correlation,
    diagonal,
    squared_error,
    weighed,
)
from gpudict.objective.small_grams import gathered
from gpudict.solvers.base import IterativeSolver, Kind

SLOTS = 8  # to begin with


class State(NamedTuple):
    """Codes, their correlation, and for each row the factor of its chosen atoms, in c slots.

    `barred` (n, k) are the atoms no longer to be tried, `index` (n, c) the chosen ones, `inverse`
    (n, c, c) is L⁻¹, `factor` L and `y` (n, c) is L⁻¹c, zero in slots that are free; `count` (n,)
    is the number chosen, `done` (n,), `squared` (n,) the squared error where there is a target for
    it, and `tried` the steps made, each of which takes a slot.
    """

    Z: Array
    corr: Array
    barred: Array
    index: Array
    inverse: Array
    factor: Array
    y: Array
    count: Array
    done: Array
    squared: Array
    tried: int


class Omp(IterativeSolver[Cardinality, State]):
    """Orthogonal matching pursuit, with a Cholesky factor a row."""

    penalties = (Cardinality,)
    kind = Kind.PURSUIT
    weighted = True
    stands_for = ("cd",)
    max_iter = 10_000

    def numbers_per_row(self, k: int, most: int, width: int) -> int:
        """Return the numbers of dense rows, factors of `most` atoms, and these atoms."""
        slots = SLOTS
        while slots < most:
            slots *= 2
        return 7 * k + 6 * slots * slots + most * width

    def init(self, q: Quadratic, penalty: Cardinality, Z: Array) -> State:
        """Start from nothing chosen, whatever Z is."""
        xp = array_namespace(Z)
        zero = xp.zeros_like(Z)
        n, k = Z.shape
        slots = xp.zeros((n, SLOTS), dtype=Z.dtype, device=Z.device)
        index = xp.broadcast_to(xp.arange(SLOTS, device=Z.device)[None, :] * 0, (n, SLOTS))
        inverse = xp.zeros((n, SLOTS, SLOTS), dtype=Z.dtype, device=Z.device)
        barred = xp.broadcast_to(diagonal(q) <= 0, (n, k))
        count = xp.zeros_like(q.sq)
        done = (q.sq <= penalty.target) | (count >= penalty.n_nonzero)
        corr = correlation(q, zero)
        return State(zero, corr, barred, index, inverse, inverse, slots, count, done, q.sq, 0)

    def step(self, q: Quadratic, penalty: Cardinality, state: State) -> State:
        """Choose one more atom for each row that is not done, and fit all its atoms again."""
        found: State = advanced(q, penalty, state, penalty.pull(state.corr))[0]
        return found

    def settled(self, state: State) -> Array:
        """Say which rows have what they may have."""
        return state.done

    def error(self, state: State) -> Array:
        """Return the squared errors."""
        return state.squared


def advanced(q: Quadratic, penalty: Cardinality, state: Any, worth: Array) -> tuple[Any, Array]:
    """Let the atom that is worth most enter in each row that is not done.

    Of the atoms that are not barred those worth no more than 0 are left. Return the new state; and
    the unit vectors that the atoms add to the span, as codes of the atoms in each row of (n, c).
    """
    state = state if state.tried < state.y.shape[1] else _widened(state)
    xp = array_namespace(state.Z)
    eps = float(xp.finfo(state.Z.dtype).eps)
    worth = xp.where(state.barred, xp.full_like(state.Z, -1.0), worth)
    j = xp.argmax(worth, axis=1, keepdims=True)
    norm2, g = _entries(q, state.index, j)
    w = _times(state.inverse, g)  # L⁻¹g, and once more for what rounding has left of g: else half
    # of the digits are lost where atoms nearly depend on each other
    w = w + _times(state.inverse, g - _times(state.factor, w))
    delta2 = norm2 - xp.sum(w * w, axis=1)
    independent = delta2 > 64 * eps * norm2
    delta = xp.sqrt(divisor(delta2, independent))[:, None]
    slot = xp.arange(state.y.shape[1], device=worth.device)[None, :] == state.tried
    y = xp.take_along_axis(q.cov, j, axis=1) - xp.sum(w * state.y, axis=1, keepdims=True)
    y = y / delta

    pull = xp.take_along_axis(penalty.pull(state.corr), j, axis=1)[:, 0]
    strong = pull > 8 * eps * xp.sqrt(q.sq) * xp.sqrt(norm2)
    live = ~state.done & strong & (xp.max(worth, axis=1) > 0)
    accepted = live & independent
    if penalty.positive:
        every = xp.ones_like(delta)
        accepted = accepted & xp.all(_extended(state, slot, w, delta, y, every)[3] >= 0, axis=1)
    kept = xp.astype(accepted, y.dtype)[:, None]
    factor, inverse, y, u, last = _extended(state, slot, w, delta, y, kept)
    index = xp.where(slot, xp.astype(j, state.index.dtype), state.index)
    Z = scatter(index, u, xp.any(inverse != 0, axis=2), worth.shape[1])
    columns = xp.arange(worth.shape[1], dtype=j.dtype, device=worth.device)[None, :]
    count = state.count + kept[:, 0]
    corr, error = _left(q, penalty, Z, index, u)
    done = ~live | (count >= penalty.n_nonzero) | (error <= penalty.target)
    barred, tried = state.barred | (columns == j), state.tried + 1
    state = state._replace(Z=Z, corr=corr, barred=barred, index=index, inverse=inverse, y=y)
    state = state._replace(factor=factor, count=count, done=done, squared=error, tried=tried)
    return state, last


def _entries(q: Quadratic, index: Array, j: Array) -> tuple[Array, Array]:
    """Return g_jj (n,) and g_Sj (n, c) for the chosen atoms S; free slots hold any atom."""
    xp = array_namespace(j)
    if q.gram is not None:
        return q.gram[j, j][:, 0], q.gram[index, j]
    assert q.factors is not None
    v = gathered(q, j)[:, 0, :]
    seen = weighed(q.factors, v)
    return xp.sum(v * seen, axis=1), _times(gathered(q, index), seen)


def _left(
    q: Quadratic, penalty: Cardinality, Z: Array, index: Array, u: Array
) -> tuple[Array, Array]:
    """Return the correlation, and the squared errors where they are wanted: by the chosen atoms."""
    if q.gram is None and q.factors is not None:
        xp, (X, V, *_) = array_namespace(Z), q.factors
        R = X - _times(gathered(q, index), u, turned=True)
        WR = weighed(q.factors, R)
        return WR @ xp.matrix_transpose(V), xp.sum(R * WR, axis=1)
    corr = correlation(q, Z)
    return corr, squared_error(q, Z, corr) if penalty.target else q.sq


def _times(A: Array, x: Array, *, turned: bool = False) -> Array:
    """Return A x of each row, or Aᵀx, (n, c)."""
    return (x[:, None, :] @ A)[:, 0, :] if turned else (A @ x[:, :, None])[:, :, 0]


def _extended(
    state: Any, slot: Array, w: Array, delta: Array, y: Array, kept: Array
) -> tuple[Array, Array, Array, Array, Array]:
    """Return L, L⁻¹, y, the code u = L⁻ᵀy and the row of L⁻¹ with one more atom in the slot.

    Rows that are not kept stay as they are.
    """
    xp = array_namespace(w)
    place = xp.astype(slot, w.dtype) * kept
    factor = xp.where(slot[:, :, None], (kept * w + delta * place)[:, None, :], state.factor)
    last = (place - kept * _times(state.inverse, w, turned=True)) / delta
    inverse = xp.where(slot[:, :, None], last[:, None, :], state.inverse)
    y = xp.where(slot, y * kept, state.y)
    return factor, inverse, y, _times(inverse, y, turned=True), last


def _widened(state: Any) -> Any:
    """Return the state with twice the slots: few shapes, for libraries that compile by shape."""
    xp = array_namespace(state.y)
    more = xp.zeros_like(state.inverse)
    wide = [xp.concat([a, more], axis=2) for a in (state.inverse, state.factor)]
    inverse, factor = (xp.concat([a, xp.zeros_like(a)], axis=1) for a in wide)
    return state._replace(
        index=xp.concat([state.index, xp.zeros_like(state.index)], axis=1),
        inverse=inverse,
        factor=factor,
        y=xp.concat([state.y, xp.zeros_like(state.y)], axis=1),
    )


SOLVER = Omp()
