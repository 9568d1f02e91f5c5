"""Least-angle regression: the exact path of each row, all rows in step, one event a step.

On a set of active atoms with signs s the code and its correlation are affine in λ,

    u(λ) = G⁻¹(c − λ s),   cov − u(λ)·gram = a + λ b,

and hold until an inactive correlation reaches ±λ (its atom joins) or an active code reaches 0 (its
atom leaves). With `L1` the path ends at λ = alpha: the lasso homotopy, exact there. With
`Cardinality` no atom leaves, and the path ends at the event that would bring one atom too many:
Efron, Hastie, Johnstone and Tibshirani (2004), https://doi.org/10.1214/009053604000000067.

One atom joins or leaves at a time. Ties (equal atoms, symmetric data) are broken by events computed
from a copy of cov perturbed by a few rounding errors, each atom its own; the codes always come from
the true cov. An atom that depends on the active ones is barred until one of those leaves.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpudict.arrays.door import (
    Array,
    array_namespace,
    asarray_like,
    batched_solve,
    divisor,
    draws,
    few_shapes,
    scatter,
    sign,
)
from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.objective.penalties.l1 import L1
from gpudict.objective.quadratic import (
    Quadratic,
    correlation,
    diagonal,
    product,
    squared_error,
)
from gpudict.objective.small_grams import small_grams
from gpudict.solvers.base import IterativeSolver, Kind


class State(NamedTuple):
    """Codes and correlation at λ; the signs of the active atoms (0: inactive); λ (n, 1).

    `barred` (n, k) are atoms that depend on the active ones, `done` (n,) the rows at the end of
    their path, `squared` (n,) the squared error where there is a target for it, `split` (n, k) the
    cov that decides events, and `used` the largest number of active atoms.
    """

    Z: Array
    corr: Array
    signs: Array
    barred: Array
    lam: Array
    done: Array
    squared: Array
    split: Array
    used: int


class Segment(NamedTuple):
    """u = free − λ slope on the active atoms; `fixed` is `free` for the cov that decides, (n, k).

    With the slots of the active atoms: `index` (n, m), and their Gram as it is solved, (n, m, m).
    """

    fixed: Array
    slope: Array
    free: Array
    index: Array
    block: Array
    inside: Array


class Lars(IterativeSolver[L1 | Cardinality, State]):
    """The homotopy of the lasso, and least-angle regression."""

    penalties = (L1, Cardinality)
    kind = Kind.CERTIFIED
    fallback = "working_set"
    max_iter = 2000

    def numbers_per_row(self, k: int, most: int, width: int) -> int:
        """Return the numbers of dense rows, Grams of `most` active atoms, and these atoms."""
        return 24 * k + 6 * most * most + most * width

    def init(self, q: Quadratic, penalty: L1 | Cardinality, Z: Array) -> State:
        """Start at λ = max |cov|, where the code is 0; the path does not depend on Z."""
        xp = array_namespace(Z)
        noise = asarray_like(ties(Z.shape[1], float(xp.finfo(Z.dtype).eps)), Z)
        split = q.cov * (1 + noise[None, :])
        pull = penalty.pull(split)
        lam = xp.max(pull, axis=1, keepdims=True)
        end = _end(penalty, lam)
        signs = xp.where(_first(pull) & (lam > end), sign(split), xp.zeros_like(split))
        zero, none = xp.zeros_like(Z), xp.zeros_like(Z, dtype=xp.bool)
        done = xp.max(penalty.pull(q.cov), axis=1) <= end[:, 0]
        done = done | (q.sq <= _target(penalty)) if _target(penalty) else done
        return State(zero, correlation(q, zero), signs, none, lam, done, q.sq, split, 1)

    def step(self, q: Quadratic, penalty: L1 | Cardinality, state: State) -> State:
        """Move each row that is not done to its next event."""
        xp = array_namespace(state.Z)
        path = _segment(q, state)
        best, up, down = _events(q, penalty, state, path)
        event = xp.max(best, axis=1, keepdims=True)
        end = _end(penalty, event)
        new = xp.maximum(event, end)
        active, zero = state.signs != 0, xp.zeros_like(state.Z)
        going = ~state.done[:, None]
        ends = (event <= end) | _full(penalty, active)
        hit = _first(best) & ~ends & going
        joins = hit & ~active
        dependent = joins & _dependent(q, path, joins)[:, None]
        leaves = hit & active
        Z = xp.where(leaves, zero, path.free - new * path.slope)
        Z = xp.where(going, xp.maximum(Z, zero) if penalty.positive else Z, state.Z)
        joined = xp.where(up >= down, xp.ones_like(best), -xp.ones_like(best))
        signs = xp.where(leaves, zero, xp.where(joins & ~dependent, joined, state.signs))
        barred = (state.barred | dependent) & ~xp.any(leaves, axis=1, keepdims=True)
        corr = correlation(q, Z)
        error = squared_error(q, Z, corr) if _target(penalty) else state.squared
        done = state.done | ends[:, 0]
        done = done | (error <= _target(penalty)) if _target(penalty) else done
        lam = xp.where(going, new, state.lam)
        return State(Z, corr, signs, barred, lam, done, error, state.split, state.used + 1)

    def settled(self, state: State) -> Array:
        """Say which rows are at the end of their path."""
        return state.done

    def error(self, state: State) -> Array:
        """Return the squared errors."""
        return state.squared

    def width(self, state: State) -> Array:
        """Return the number of active atoms of each row."""
        xp = array_namespace(state.Z)
        return xp.sum(xp.astype(state.signs != 0, state.Z.dtype), axis=1)

    def resized(self, state: State, width: int) -> State:
        """Note the largest number of active atoms."""
        return state._replace(used=max(1, width))


def ties(k: int, eps: float) -> np.ndarray:
    """Return by how much the cov of each atom is perturbed, relative, (k,), on the host."""
    perturbation: np.ndarray = draws(0).uniform(-64 * eps, 64 * eps, size=k)
    return perturbation


def _end(penalty: L1 | Cardinality, lam: Array) -> Array:
    """Return the λ at which the path of each row ends, like `lam` (n, 1)."""
    if isinstance(penalty, L1):
        return penalty.alphas(lam[:, 0])[:, None]
    return array_namespace(lam).zeros_like(lam)


def _target(penalty: L1 | Cardinality) -> float:
    return 0.0 if isinstance(penalty, L1) else penalty.target


def _full(penalty: L1 | Cardinality, active: Array) -> Array:
    xp = array_namespace(active)
    limit = active.shape[1] + 1 if isinstance(penalty, L1) else penalty.n_nonzero
    return xp.sum(xp.astype(active, xp.int32), axis=1, keepdims=True) >= limit


def _first(x: Array) -> Array:
    """Return where the largest entry of each row is, one place a row, (n, k) bool."""
    xp = array_namespace(x)
    peak = xp.argmax(x, axis=1, keepdims=True)
    return xp.arange(x.shape[1], dtype=peak.dtype, device=x.device)[None, :] == peak


def _segment(q: Quadratic, state: State) -> Segment:
    """Solve for the path on the active atoms of each row."""
    xp = array_namespace(state.Z)
    k = state.Z.shape[1]
    order = xp.argsort(xp.abs(state.signs), axis=1, descending=True, stable=True)
    index = order[:, : min(k, few_shapes(order, state.used, k))]
    s, c, true = (xp.take_along_axis(x, index, axis=1) for x in (state.signs, state.split, q.cov))
    inside = s * s
    eye = xp.eye(index.shape[1], dtype=s.dtype, device=s.device)[None, :, :]
    ridge = 4 * float(xp.finfo(s.dtype).eps)
    block = small_grams(q, index) * (1 + ridge * eye) * (inside[:, :, None] * inside[:, None, :])
    block = block + (1 - inside)[:, :, None] * eye
    solved = batched_solve(block, xp.stack([inside * c, s, inside * true], axis=2))
    fixed, slope, free = (scatter(index, solved[:, :, i], inside > 0, k) for i in range(3))
    return Segment(fixed, slope, free, index, block, inside)


def _events(
    q: Quadratic, penalty: L1 | Cardinality, state: State, path: Segment
) -> tuple[Array, Array, Array]:
    """Return the λ of each atom's next event, and those at which it would join with + or −."""
    xp = array_namespace(state.Z)
    a, b = state.split - product(q, path.fixed), product(q, path.slope)
    active, zero = state.signs != 0, xp.zeros_like(a)
    barred = active | state.barred
    up = _crossing(a, 1 - b, barred, state.lam)
    down = zero if penalty.positive else _crossing(-a, 1 + b, barred, state.lam)
    out = zero
    if isinstance(penalty, L1) or penalty.positive:
        inward = -state.signs * diagonal(q)[None, :]  # in units of the other rates
        out = _crossing(inward * path.fixed, inward * path.slope, ~active, state.lam)
    return xp.maximum(xp.maximum(up, down), out), up, down


def _dependent(q: Quadratic, path: Segment, joins: Array) -> Array:
    """Say for which rows the atom that joins has no part outside the span of the active, (n,)."""
    xp = array_namespace(path.block)
    j = xp.argmax(xp.astype(joins, xp.int32), axis=1, keepdims=True)
    g = small_grams(q, xp.concat([path.index, xp.astype(j, path.index.dtype)], axis=1))[:, -1, :]
    norm2, g = g[:, -1], g[:, :-1] * path.inside
    outside = norm2 - xp.sum(g * batched_solve(path.block, g), axis=1)
    return outside <= 64 * float(xp.finfo(norm2.dtype).eps) * norm2


def _crossing(height: Array, rate: Array, barred: Array, lam: Array) -> Array:
    """Return the λ' ≤ λ at which λ'·rate = height, 0 where that never happens or is barred.

    The distance to the event, λ·rate − height, is not negative now and shrinks with λ only if the
    rate is positive.
    """
    xp = array_namespace(height)
    eps = 32 * float(xp.finfo(height.dtype).eps)
    falls = (rate > eps) & ~barred
    at = height / divisor(rate, falls)
    return xp.where(falls, xp.maximum(xp.minimum(at, lam), xp.zeros_like(at)), xp.zeros_like(at))


SOLVER = Lars()
