"""The working-set lasso: each round solves a small problem a row, and one product prices the rest.

A round, for all unfinished rows at once:

1. choose m atoms a row: its support, and those outside it that pull hardest, |corr_j|;
2. gather their (m, m) Grams and make a fixed number of FISTA steps on them;
3. polish: guess the support S = {|w + b − Gw| > alpha} and solve G_SS w_S = b_S − alpha·sign, three
   times; take w only for the rows whose objective it lowers;
4. scatter back, and form corr = cov − Z·gram once: the gap, and the next round's prices.

The idea of 1 and 4 is that of blitz and celer (Massias, Gramfort and Salmon 2018,
https://proceedings.mlr.press/v80/massias18a.html); 3 is the primal-dual active set method, a
semismooth Newton step (Hintermüller, Ito and Kunisch 2002, https://doi.org/10.1137/S1052623401383558),
exact once the signs are right. On its own it cycles, so 2 comes before it and 3 is guarded. Nothing
inside a round waits for the device; the loop reads once, after it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from gpudict._array import (
    Array,
    array_namespace,
    batched_solve,
    few_shapes,
    read,
    scatter,
    sign,
    still,
)
from gpudict.penalties import L1, soft
from gpudict.quadratic import Quadratic, correlation, small_grams

CHECK_EVERY = 1
COLD = 24  # atoms of the first working set
ADD = 8  # atoms added to the largest support
STEPS = 20  # FISTA steps a round
NEWTON = 3  # polishing solves a round
PATIENCE = 4  # rounds after which the rows that are left also descend face by face
FACES = 4  # faces a round


class State(NamedTuple):
    """Codes and correlation; of each row its support and whether it stood still, both (n,).

    `support` is the largest of `supports` among the unfinished rows, as the host knows it.
    """

    Z: Array
    corr: Array
    supports: Array
    stood: Array
    support: int
    round: int


class Small(NamedTuple):
    """½⟨u, G u⟩ − ⟨u, b⟩ + alpha‖u‖₁ on each row's working set: G (n, m, m), b (n, m).

    `ridged` is G with a diagonal that two equal atoms cannot make singular.
    """

    G: Array
    b: Array
    ridged: Array
    eye: Array
    penalty: L1


def init(q: Quadratic, penalty: L1, Z: Array) -> State:
    """Start from Z; its largest support sizes the first working set (one wait)."""
    xp = array_namespace(Z)
    supports = _count(Z)
    (support,) = read(xp.max(supports))
    return State(Z, correlation(q, Z), supports, supports < 0, int(support), 0)


def step(q: Quadratic, penalty: L1, state: State) -> State:
    """Make one round."""
    xp = array_namespace(state.Z)
    k = state.Z.shape[1]
    m = min(k, few_shapes(state.Z, state.support + ADD if state.support else COLD, k))
    index = _working_set(penalty, state, m)
    small = _gathered(q, penalty, index)
    before = xp.take_along_axis(state.Z, index, axis=1)
    u = _fista(small, before, STEPS + 4 * max(0, state.round - 3))
    if state.support or m == k:  # a cold guess among k atoms is polished in vain, one of all is not
        u = _polish(small, u)
    if state.round >= PATIENCE:
        u = _descend(small, u)
    Z = scatter(index, u, xp.ones_like(u) > 0, k)
    corr = correlation(q, Z)
    return State(Z, corr, _count(u), still(u, before), state.support, state.round + 1)


def settled(state: State) -> Array:
    """Whether the last round moved a row by rounding alone."""
    return state.stood


def width(state: State) -> Array:
    """Return the support of each row: its largest sizes the next working set."""
    return state.supports


def resized(state: State, support: int) -> State:
    """Note the largest support of the unfinished rows."""
    return state._replace(support=max(1, support))


def _count(Z: Array) -> Array:
    xp = array_namespace(Z)
    return xp.sum(xp.astype(Z != 0, Z.dtype), axis=1)


def _working_set(penalty: L1, state: State, m: int) -> Array:
    """Return the m atoms of each row: the support, largest first, then the strongest pulls."""
    xp = array_namespace(state.Z)
    pull = penalty.pull(state.corr)
    size = xp.abs(state.Z)
    first = xp.where(size > 0, size + (xp.max(pull) + 1), pull)
    return xp.argsort(first, axis=1, descending=True, stable=False)[:, :m]


def _gathered(q: Quadratic, penalty: L1, index: Array) -> Small:
    xp = array_namespace(index)
    G, b = small_grams(q, index), xp.take_along_axis(q.cov, index, axis=1)
    eye = xp.eye(b.shape[1], dtype=b.dtype, device=b.device)[None, :, :]
    ridge = max(4 * float(xp.finfo(b.dtype).eps), 1e-13)
    return Small(G, b, G * (1 + ridge * eye), eye, penalty)


def _times(G: Array, u: Array) -> Array:
    return (G @ u[:, :, None])[:, :, 0]


def _fista(small: Small, u: Array, steps: int) -> Array:
    """Make FISTA steps of length 1/‖G²‖_F^½ ≤ 1/λmax; the momentum is a number on the host."""
    xp = array_namespace(u)
    G, b, _, _, penalty = small
    square = G @ G
    bound = xp.sqrt(xp.sqrt(xp.sum(square * square, axis=(1, 2))))[:, None]
    length = 1 / xp.where(bound > 0, bound, xp.ones_like(bound))
    H, h, threshold = G * length[:, :, None], b * length, penalty.alpha * length
    y, t = u, 1.0
    for _ in range(steps):
        new = soft(y + (h - _times(H, y)), threshold, penalty.positive)
        t, before = (1 + math.sqrt(1 + 4 * t * t)) / 2, t
        y, u = new + (new - u) * ((before - 1) / t), new
    return u


def _polish(small: Small, u: Array) -> Array:
    """Solve the optimality conditions on a guess of the support; keep what lowers the objective."""
    xp = array_namespace(u)
    G, b, _, _, penalty = small
    w = u
    for _ in range(NEWTON):
        target = w + b - _times(G, w)
        inside = penalty.pull(target) > penalty.alpha
        w = xp.where(
            inside, w, xp.zeros_like(w)
        )  # solve for the correction: it also undoes the ridge of the solve before
        w = w + _newton(small, inside, b - _times(G, w) - penalty.alpha * sign(target))
    if penalty.positive:
        w = xp.maximum(w, xp.zeros_like(w))
    before, after = _objective(small, u), _objective(small, w)
    eps = float(xp.finfo(u.dtype).eps)
    better = after <= before + 8 * eps * xp.abs(before)  # rounding must not reject; NaN must
    return xp.where(better, w, u)


def _descend(small: Small, u: Array) -> Array:
    """Walk from face to face: to the minimum of u's face, or to the best zero on the way there.

    Feature-sign search (Lee, Battle, Raina and Ng 2006, algorithm 1) with all the entering atoms
    at once. The objective cannot rise, so rows whose guesses cycle end here.
    """
    xp = array_namespace(u)
    G, b, _, _, penalty = small
    for _ in range(FACES):
        corr = b - _times(G, u)
        enters = xp.where(penalty.pull(corr) > penalty.alpha, sign(corr), xp.zeros_like(u))
        face = xp.where(u != 0, sign(u), enters)
        d = _newton(small, face != 0, corr - penalty.alpha * face)
        crossing = -u / xp.where(d != 0, d, xp.ones_like(d))
        stops = xp.where((crossing > 0) & (crossing < 1), crossing, xp.ones_like(u))
        t = _best_stop(small, u, d, corr, stops)
        u = xp.where(stops == t, xp.where(t < 1, xp.zeros_like(u), u + d), u + t * d)
        if penalty.positive:
            u = xp.maximum(u, xp.zeros_like(u))
    return u


def _best_stop(small: Small, u: Array, d: Array, corr: Array, stops: Array) -> Array:
    """Return the best of the stops along u + t·d for each row, (n, 1), or 0 if none is better."""
    xp = array_namespace(u)
    slope = -xp.sum(corr * d, axis=1, keepdims=True)
    curve = xp.sum(d * _times(small.G, d), axis=1, keepdims=True)
    along = xp.abs(u[:, None, :] + stops[:, :, None] * d[:, None, :])
    value = stops * (slope + 0.5 * stops * curve) + small.penalty.alpha * xp.sum(along, axis=2)
    best = xp.argmin(value, axis=1, keepdims=True)
    start = small.penalty.alpha * xp.sum(xp.abs(u), axis=1, keepdims=True)
    better = xp.take_along_axis(value, best, axis=1) < start
    t = xp.take_along_axis(stops, best, axis=1)
    return xp.where(better, t, xp.zeros_like(t))


def _newton(small: Small, inside: Array, rhs: Array) -> Array:
    """Solve G_SS d_S = rhs_S on the set S of atoms inside; d is 0 elsewhere."""
    xp = array_namespace(rhs)
    both = inside[:, :, None] & inside[:, None, :]
    block = xp.where(both, small.ridged, small.eye)
    return batched_solve(block, xp.where(inside, rhs, xp.zeros_like(rhs)))


def _objective(small: Small, u: Array) -> Array:
    xp = array_namespace(u)
    G, b, _, _, penalty = small
    smooth = u * (0.5 * _times(G, u) - b)
    return xp.sum(smooth + penalty.alpha * xp.abs(u), axis=1, keepdims=True)
