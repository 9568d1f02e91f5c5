"""Bounds, in float32, of what each atom is worth to a pursuit: enough to know which is worth most.

With each atom scaled to norm 1, and r in a unit of its own, `corr` is within `reach` of ⟨v, r⟩. The
unit vector e that a chosen atom adds to the span has a part p = ⟨v, e⟩ along each atom v: ⟨v, r⟩
falls by p⟨e, r⟩, and `left`, the squared length of v outside the span, by p². The parts of all
atoms along each e are kept, so that a step reads one row of the Gram. What they may be off by is
carried along: `reach`, and `slack` for `left`.

Pulls are no less than 0, so their bits, read as integers, are in the order of the pulls.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpudict.solvers import constants
from gpudict.solvers.host.kernels.active import padded
from gpudict.solvers.host.kernels.compiling import inner

EPS, NONE = constants.EPS["float32"], np.float32(0)
FLOOR = np.float32(constants.PURSUIT["float64"].FLOOR)
UNIT, REACH, SLACK = range(3)


class Bounds(NamedTuple):
    """Of all atoms, in float32 but where it is said.

    Attributes
    ----------
    cosines : (k, wide), the Gram of the atoms scaled to norm 1, and zeros; k is wide below
    P : (most + 8, k), the parts of the atoms along each e; numbers in rows not yet in use too
    off : (most + 8,), what these may be off by, in float64
    y : (most + 8,), the parts of the atom that enters, 0 beyond the set
    last : (k,), the row of P that is made
    corr : (k,), ⟨v, r⟩
    left : (k,), inf once an atom was tried; or where errors don't count what ⟨v, r⟩ is multiplied
        by, the atom's norm, or 0
    whole : (k,), what is left in the beginning
    pull, bits : (k,), bounds of what each is worth, and the same memory as integers
    edge, edge_bits : (1,), and this for one number
    state : UNIT, REACH and SLACK, in float64
    errors : whether an atom is worth the error that it takes away, or its pull
    """

    cosines: np.ndarray
    P: np.ndarray
    off: np.ndarray
    y: np.ndarray
    last: np.ndarray
    corr: np.ndarray
    left: np.ndarray
    whole: np.ndarray
    pull: np.ndarray
    bits: np.ndarray
    edge: np.ndarray
    edge_bits: np.ndarray
    state: np.ndarray
    errors: bool


@inner
def unbounded(cosines, norms, largest, most, errors):
    """Return space for bounds of atoms with these norms (k,), for sets of `most` atoms."""
    k, single = cosines.shape[1], np.float32
    P, off, y = np.zeros((most + 8, k), single), np.zeros(most + 8), np.zeros(most + 8, single)
    # each array for itself: loops over parts of one are not vectorised
    last, corr, left = np.zeros(k, single), np.zeros(k, single), np.zeros(k, single)
    whole, pull = np.zeros(k, single), np.zeros(k, single)
    for j in range(k):
        norm = norms[j] if j < norms.shape[0] else 0.0
        whole[j] = norm / largest if norm > 0.0 else 0.0
        if errors:
            whole[j] = 1.0 if norm > 0.0 else np.inf
    edge, state, sums = np.zeros(1, single), np.zeros(3), (P, off, y, last, corr, left, whole)
    ordered = (pull, pull.view(np.int32), edge, edge.view(np.int32))
    return Bounds(cosines, *sums, *ordered, state, errors)


@inner
def opened(T, prices, unit, reach):
    """Let every atom be tried, with prices that are within reach of its ⟨v, x⟩ in that unit."""
    corr, left, whole, state = T.corr, T.left, T.whole, T.state
    for j in range(left.shape[0]):
        left[j], corr[j] = whole[j], prices[j]
    state[UNIT], state[REACH], state[SLACK] = unit, reach, 0.0


@inner
def renewed(T, exact, norms):
    """Take what is known to float64 of each ⟨v, r⟩, its atom of norm 1; return the largest."""
    corr, state, top = T.corr, T.state, 0.0
    for j in range(norms.shape[0]):
        exact[j] = exact[j] / norms[j] if norms[j] > 0.0 else 0.0
        top = max(top, abs(exact[j]))
    if top > 0.0:
        for j in range(norms.shape[0]):
            corr[j] = exact[j] / top
        state[UNIT], state[REACH] = top, EPS
    return top


@inner
def of_error(c, n, turn, reach, slack):
    """Return a bound of what an atom takes away from ‖r‖²."""
    size, n = (c if c > turn * c else turn * c) + reach, n - slack
    size = size if size > NONE else NONE
    return size * size / (n if n > FLOOR else FLOOR)


@inner
def of_pull(c, weight, turn, reach):
    """Return a bound of how hard an atom pulls."""
    size = (c if c > turn * c else turn * c) + reach
    return weight * (size if size > NONE else NONE)


@inner
def rank(T, positive):
    """Bound what each atom is worth."""
    pull, corr, left, state, kind = T.pull, T.corr, T.left, T.state, np.float32
    turn, reach, slack = kind(1 if positive else -1), kind(state[REACH]), kind(state[SLACK])
    if T.errors:
        for j in range(corr.shape[0]):
            pull[j] = of_error(corr[j], left[j], turn, reach, slack)
    else:
        for j in range(corr.shape[0]):
            pull[j] = of_pull(corr[j], left[j], turn, reach)


@inner
def strongest(T, least):
    """Take the first atom of the largest bound above `least` out, and return it, or −1."""
    pull, bits, edge, top = T.pull, T.bits, T.edge, np.int32(0)
    k = np.int32(bits.shape[0])
    found = k
    edge[0] = least
    for j in range(k):
        top = max(top, bits[j])
    if top > T.edge_bits[0]:
        for j in range(k):
            found = min(found, np.int32(j) if bits[j] == top else k)
        pull[found] = 0.0
    return found if found < k else -1


@inner
def bar(T, j):
    """Let atom j not be tried again."""
    T.left[j] = np.inf if T.errors else 0.0


@inner
def combine(last, P, y, m):
    """last −= yᵀP over m rows, a multiple of four."""
    k = last.shape[0]
    for a in range(0, m - 4, 8):
        y0, y1, y2, y3 = y[a], y[a + 1], y[a + 2], y[a + 3]
        y4, y5, y6, y7 = y[a + 4], y[a + 5], y[a + 6], y[a + 7]
        for i in range(k):
            p = y0 * P[a, i] + y1 * P[a + 1, i] + y2 * P[a + 2, i] + y3 * P[a + 3, i]
            q = y4 * P[a + 4, i] + y5 * P[a + 5, i] + y6 * P[a + 6, i] + y7 * P[a + 7, i]
            last[i] -= p + q
    if m & 4:
        a = m - 4
        y0, y1, y2, y3 = y[a], y[a + 1], y[a + 2], y[a + 3]
        for i in range(k):
            last[i] -= y0 * P[a, i] + y1 * P[a + 1, i] + y2 * P[a + 2, i] + y3 * P[a + 3, i]


@inner
def finish(T, m, s, t, turn):
    """Make row m of P from `last` and the last rows, and what follows from it, in one pass."""
    P, last, corr, left, pull, y, state = T.P, T.last, T.corr, T.left, T.pull, T.y, T.state
    reach, slack, a = np.float32(state[REACH]), np.float32(state[SLACK]), final(m)
    y0, y1, y2, y3 = y[a], y[a + 1], y[a + 2], y[a + 3]
    if T.errors:
        for i in range(last.shape[0]):
            p = y0 * P[a, i] + y1 * P[a + 1, i] + y2 * P[a + 2, i] + y3 * P[a + 3, i]
            p = s * (last[i] - p)
            c, n = corr[i] - t * p, left[i] - p * p
            last[i], corr[i], left[i] = p, c, n
            pull[i] = of_error(c, n, turn, reach, slack)
    else:
        for i in range(last.shape[0]):
            p = y0 * P[a, i] + y1 * P[a + 1, i] + y2 * P[a + 2, i] + y3 * P[a + 3, i]
            p = s * (last[i] - p)
            c = corr[i] - t * p
            last[i], corr[i] = p, c
            pull[i] = of_pull(c, left[i], turn, reach)
    for i in range(last.shape[0]):  # not above, where rows of P are read: that is not vectorised
        P[m, i] = last[i]


@inner
def final(m):
    """Return the first of the last four rows, or fewer, of m."""
    return (max(m, 1) - 1) & ~3


@inner
def span(j, part, c, own, norms, T, positive, m):
    """Let atom j, which enters as atom m with the parts `own`, add its e to the span; and rank."""
    cosines, last, y, off, state, wrong = T.cosines, T.last, T.y, T.off, T.state, 0.0
    mine, length, kind = 1.0 / norms[j], norms[j] / np.sqrt(part), np.float32
    for a in range(padded(m + 1)):
        y[a] = own[a] * mine if a < m else 0.0
        wrong += abs(y[a]) * off[a]
    for i in range(last.shape[0]):
        last[i] = cosines[j, i]
    combine(last, T.P, y, final(m))
    along = c / (np.sqrt(part) * state[UNIT])
    off[m] = length * (wrong + (m + 4) * EPS)
    state[REACH] += abs(along) * (off[m] + EPS) + EPS
    state[SLACK] += 2.0 * (off[m] + EPS)
    finish(T, m, kind(length), kind(along), kind(1 if positive else -1))
