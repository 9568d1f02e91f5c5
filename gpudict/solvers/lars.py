"""Least-angle regression: the exact path of each row, all rows in step, one event a step.

On a set of active atoms with signs s the code and its correlation are affine in λ,

    u(λ) = G⁻¹(c − λ s),   cov − u(λ)·gram = a + λ b,

and hold until an inactive correlation reaches ±λ (its atom joins) or an active code reaches 0 (its
atom leaves). With `L1` the path ends at λ = alpha: the lasso homotopy, exact there. With
`Cardinality` no atom leaves, and the path ends at the event that would bring one atom too many:
Efron, Hastie, Johnstone and Tibshirani (2004), https://doi.org/10.1214/009053604000000067.

Ties (equal atoms, symmetric data) are broken by events computed from a copy of cov perturbed by a
few rounding errors, each atom its own; the codes always come from the true cov. Atoms that depend
on the active ones have |b| = 1 there and never cross.
"""

from __future__ import annotations

from typing import NamedTuple

from gpudict._array import (
    Array,
    array_namespace,
    asarray_like,
    batched_solve,
    draws,
    few_shapes,
    scatter,
    sign,
)
from gpudict.penalties import L1, Cardinality
from gpudict.quadratic import Quadratic, correlation, product, small_grams

CHECK_EVERY = 1


class State(NamedTuple):
    """Codes and correlation at λ; the signs of the active atoms (0: inactive); λ (n, 1).

    `used` is the largest number of active atoms, `done` (n,) the rows at the end of their path,
    and `split` (n, k) the cov that decides events.
    """

    Z: Array
    corr: Array
    signs: Array
    lam: Array
    done: Array
    split: Array
    used: int


def init(q: Quadratic, penalty: L1 | Cardinality, Z: Array) -> State:
    """Start at λ = max |cov|, where the code is 0; the path does not depend on Z."""
    xp = array_namespace(Z)
    tie = 64 * float(xp.finfo(Z.dtype).eps)
    noise = asarray_like(draws(0).uniform(-tie, tie, size=Z.shape[1]), Z)
    split = q.cov * (1 + noise[None, :])
    pull = penalty.pull(split)
    lam = xp.max(pull, axis=1, keepdims=True)
    end = _end(penalty)
    signs = xp.where((pull == lam) & (lam > end), sign(split), xp.zeros_like(split))
    zero = xp.zeros_like(Z)
    return State(zero, correlation(q, zero), signs, lam, lam[:, 0] <= end, split, 1)


def step(q: Quadratic, penalty: L1 | Cardinality, state: State) -> State:
    """Move each row that is not done to its next event."""
    xp = array_namespace(state.Z)
    signs, lam = state.signs, state.lam
    fixed, slope, free = _segment(q, state)  # u = free − λ slope; `fixed` decides, `free` is true
    a, b = state.split - product(q, fixed), product(q, slope)
    active = signs != 0
    zero = xp.zeros_like(a)
    up = _crossing(a, 1 - b, active, lam)
    down = zero if penalty.positive else _crossing(-a, 1 + b, active, lam)
    drops = isinstance(penalty, L1) or penalty.positive
    out = _crossing(-signs * fixed, -signs * slope, ~active, lam) if drops else zero
    best = xp.maximum(xp.maximum(up, down), out)
    event = xp.max(best, axis=1, keepdims=True)
    new = xp.maximum(event, xp.full_like(event, _end(penalty)))
    ends = (event <= _end(penalty)) | _full(penalty, active)
    hit = (best == event) & ~ends & ~state.done[:, None]
    Z = xp.where(hit & active, zero, free - new * slope)
    Z = xp.maximum(Z, zero) if penalty.positive else Z
    Z = xp.where(state.done[:, None], state.Z, Z)
    joined = xp.where(up >= down, xp.ones_like(a), -xp.ones_like(a))
    signs = xp.where(hit, xp.where(active, zero, joined), signs)
    lam = xp.where(state.done[:, None], lam, new)
    return State(
        Z, correlation(q, Z), signs, lam, state.done | ends[:, 0], state.split, state.used + 1
    )


def settled(state: State) -> Array:
    """Say which rows are at the end of their path."""
    return state.done


def width(state: State) -> Array:
    """Return the number of active atoms of each row."""
    xp = array_namespace(state.Z)
    return xp.sum(xp.astype(state.signs != 0, state.Z.dtype), axis=1)


def resized(state: State, used: int) -> State:
    """Note the largest number of active atoms."""
    return state._replace(used=max(1, used))


def _end(penalty: L1 | Cardinality) -> float:
    return penalty.alpha if isinstance(penalty, L1) else 0.0


def _full(penalty: L1 | Cardinality, active: Array) -> Array:
    xp = array_namespace(active)
    limit = active.shape[1] + 1 if isinstance(penalty, L1) else penalty.n_nonzero
    return xp.sum(xp.astype(active, xp.int32), axis=1, keepdims=True) >= limit


def _segment(q: Quadratic, state: State) -> tuple[Array, Array, Array]:
    """Return G⁻¹split, G⁻¹s and G⁻¹cov on the active atoms of each row, dense (n, k)."""
    xp = array_namespace(state.Z)
    k = state.Z.shape[1]
    order = xp.argsort(xp.abs(state.signs), axis=1, descending=True, stable=True)
    index = order[:, : min(k, few_shapes(order, state.used, k))]
    s, c, true = (xp.take_along_axis(x, index, axis=1) for x in (state.signs, state.split, q.cov))
    inside = s * s
    eye = xp.eye(index.shape[1], dtype=s.dtype, device=s.device)[None, :, :]
    ridge = 4 * float(xp.finfo(s.dtype).eps)
    block = small_grams(q, index) * (1 + ridge * eye) * (inside[:, :, None] * inside[:, None, :])
    right = xp.stack([inside * c, s, inside * true], axis=2)
    solved = batched_solve(block + (1 - inside)[:, :, None] * eye, right)
    fixed, slope, free = (scatter(index, solved[:, :, i], inside > 0, k) for i in range(3))
    return fixed, slope, free


def _crossing(height: Array, rate: Array, barred: Array, lam: Array) -> Array:
    """Return the λ' ≤ λ at which λ'·rate = height, 0 where that never happens or is barred.

    The distance to the event, λ·rate − height, is not negative now and shrinks with λ only if the
    rate is positive.
    """
    xp = array_namespace(height)
    eps = 32 * float(xp.finfo(height.dtype).eps)
    falls = (rate > eps) & ~barred
    at = height / xp.where(falls, rate, xp.ones_like(rate))
    return xp.where(falls, xp.maximum(xp.minimum(at, lam), xp.zeros_like(at)), xp.zeros_like(at))
