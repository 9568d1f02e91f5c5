"""Pursuits of one row after the other: of the atom that pulls hardest, or that lowers ‖r‖² most.

With the unit vectors e_1, e_2, … that the chosen atoms add to their span, one a step, each atom v
has a part p = ⟨v, e⟩ along the last one, ⟨v, r⟩ falls by p⟨e, r⟩, and n = ‖v‖² outside the span by
p². Orthogonal matching pursuit takes the atom of the largest |⟨v, r⟩|, orthogonal least squares
that of the largest ⟨v, r⟩²/n, by which it would lower ‖r‖² (Chen, Billings and Luo 1989,
"Orthogonal least squares methods and their application to non-linear system identification";
Rebollo-Neira and Lowe 2002, "Optimized orthogonal matching pursuit approach"). The parts of all
atoms are kept, so that a step reads one row of the Gram; in float32 where the data is.

The codes are those of Batch-OMP (Rubinstein, Zibulevsky and Elad 2008, "Efficient implementation of
the K-SVD algorithm using Batch-OMP", algorithm 1, with M = G_SS⁻¹ in place of a Cholesky factor),
in float64: atom j enters with v = ⟨v_j, r⟩/n_j, and the others move by −w v, w = M G_Sj. An atom in
the span of the set is barred, and so is one that would make a code negative where codes must not
be. What the atoms were chosen by is computed anew once ‖r‖ has fallen to a hundredth.

Here ‖r‖² and M are carried along, which is exact enough as long as the atoms of the set are well
apart. A row with one that nearly depends on the others, or with a target near rounding, is given
up, for another solver to do.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpudict.solvers import constants
from gpudict.solvers.host.kernels.active import (
    Row,
    active,
    border,
    forget,
    outside,
    padded,
    price,
    work,
)
from gpudict.solvers.host.kernels.compiling import compiled, compiled_in_place, inner
from gpudict.solvers.host.kernels.rows import emit
from gpudict.solvers.host.kernels.tournament import halved, strongest, width_for

TINY, HARD, FLOOR, NEAR = constants.PURSUIT["float64"]
FALLEN = 1e-4  # of ‖r‖²


class Parts(NamedTuple):
    """What all atoms are chosen by, in the dtype of the data.

    Attributes
    ----------
    P : (most + 8, k), the parts of the atoms along each e; numbers in rows not yet in use too
    last : (k,), the row that is made
    corr : (k,), ⟨v, r⟩
    left : (k,), what ⟨v, r⟩² is to be divided by: n, inf once an atom was tried; or where errors
        don't count what ⟨v, r⟩ is multiplied by, 1 or 0
    whole : (k,), what is left in the beginning
    floor : (k,), less than that is rounding
    y : (most + 8,), the parts of the atom that enters, 0 beyond the set
    step : (2,), of that atom 1/√n, and the length of r along its e
    pull, best : the tournament
    errors : whether it is of the errors that the atoms would leave
    """

    P: np.ndarray
    last: np.ndarray
    corr: np.ndarray
    left: np.ndarray
    whole: np.ndarray
    floor: np.ndarray
    y: np.ndarray
    step: np.ndarray
    pull: np.ndarray
    best: np.ndarray
    errors: bool


@compiled
def space(G, most, errors, floor, like):
    """Return what `solve` works in, for sets of `most` atoms with the Gram G (k, k).

    Atoms are compared in the dtype of `like`, where `floor` of ‖v‖² is rounding: by how hard they
    pull, or if `errors` by the error that they would leave.
    """
    k, t, wide = G.shape[0], like.dtype, width_for(G.shape[0])
    P, y, step = np.zeros((most + 8, k), t), np.zeros(most + 8, t), np.zeros(2, t)
    # each array for itself: loops over parts of one are not vectorised
    last, corr, left = np.zeros(k, t), np.zeros(k, t), np.zeros(k, t)
    whole, low = np.ones(k, t), np.zeros(k, t)
    for j in range(k):
        low[j] = floor * G[j, j]
        if errors:
            whole[j] = G[j, j] if G[j, j] > 0.0 else np.inf
    pull, best = np.zeros(wide, t), np.zeros(wide // 2, t)
    T = Parts(P, last, corr, left, whole, low, y, step, pull, best, errors)
    return active(most), work(k, 0, most), T


@inner
def stays_positive(u, w, v, m):
    """Whether no code is negative once the atom enters with code v."""
    positive = v >= 0.0
    for a in range(m):
        positive = positive and u[a] - w[a] * v >= 0.0
    return positive


@inner
def rank(T, positive):
    """Hold the tournament: by |⟨v, r⟩|, or by ⟨v, r⟩²/n where errors count."""
    pull, corr, left, floor, kind = T.pull, T.corr, T.left, T.floor, T.pull.dtype.type
    turn = kind(0 if positive else -1)
    if T.errors:
        for j in range(corr.shape[0]):
            c = corr[j] if corr[j] > turn * corr[j] else turn * corr[j]
            pull[j] = c * c / (left[j] if left[j] > floor[j] else floor[j])
    else:
        for j in range(corr.shape[0]):
            pull[j] = left[j] * (corr[j] if corr[j] > turn * corr[j] else turn * corr[j])
    halved(pull, T.best)


@inner
def open_all(T):
    """Let every atom be tried."""
    left, whole = T.left, T.whole
    for j in range(left.shape[0]):
        left[j] = whole[j]


@inner
def bar(T, j):
    """Let atom j not be tried again."""
    T.left[j] = np.inf if T.errors else 0.0


@inner
def span(j, G, T, m):
    """Let atom j add its e to the span of m atoms: parts along it, what is left, and ⟨v, r⟩."""
    P, last, corr, left, y = T.P, T.last, T.corr, T.left, T.y
    k, scale, t = corr.shape[0], T.step[0], T.step[1]
    for a in range(padded(m)):
        y[a] = P[a, j] if a < m else 0.0
    for i in range(k):
        last[i] = G[j, i]
    for a in range(0, m - 4, 8):
        y0, y1, y2, y3 = y[a], y[a + 1], y[a + 2], y[a + 3]
        y4, y5, y6, y7 = y[a + 4], y[a + 5], y[a + 6], y[a + 7]
        for i in range(k):
            p = y0 * P[a, i] + y1 * P[a + 1, i] + y2 * P[a + 2, i] + y3 * P[a + 3, i]
            q = y4 * P[a + 4, i] + y5 * P[a + 5, i] + y6 * P[a + 6, i] + y7 * P[a + 7, i]
            last[i] -= p + q
    if 0 < m & 7 <= 4:
        a = m & ~7
        y0, y1, y2, y3 = y[a], y[a + 1], y[a + 2], y[a + 3]
        for i in range(k):
            last[i] -= y0 * P[a, i] + y1 * P[a + 1, i] + y2 * P[a + 2, i] + y3 * P[a + 3, i]
    for i in range(k):
        P[m, i] = scale * last[i]
        corr[i] -= t * P[m, i]
    if T.errors:
        for i in range(k):
            left[i] -= P[m, i] * P[m, i]


@inner
def renew(T, row, A, W, m):
    """Compute ⟨v, r⟩ of all atoms from the codes."""
    corr, exact = T.corr, W.corr
    price(exact, row, A, m)
    for j in range(corr.shape[0]):
        corr[j] = exact[j]


@inner
def correlation(j, row, A, W, m):
    """Return ⟨v, r⟩ of atom j, where g = G_Sj."""
    c, u, g = row.c[j], A.u, W.g
    for a in range(m):
        c -= u[a] * g[a]
    return c


@inner
def enter(j, part, c, A, W, T, m):
    """Let atom j into the set, with its part outside and its ⟨v, r⟩; return the set's size."""
    u, w, v, step = A.u, W.w, c / part, T.step
    border(j, part, A, w, m)
    step[0] = 1.0 / np.sqrt(part)
    step[1] = c * step[0]
    for a in range(m):
        u[a] -= w[a] * v
    u[m] = v
    return m + 1


@compiled_in_place
def solve(cov, G, sq, norms, most, target, positive, places, codes, error):
    """Pursue each row of cov (b, k) with the Gram G (k, k) and sq = ‖x‖² (b,).

    A row has at most `most` atoms, fewer once its squared error is at most `target`; `places` are
    from `space`, which says how they are chosen. Written are the codes, in compressed rows (ends,
    columns, values), and the squared errors (b,), NaN for a row that is given up. Return the most
    atoms of a row.
    """
    (A, W, T), (ends, columns, values) = places, codes
    ends[0] = m = largest = 0
    for i in range(cov.shape[0]):
        row = Row(G, cov[i], sq[i], 0.0, positive)
        m, rest, stale = forget(A, m), sq[i], np.inf
        fresh, hard = True, 0.0 < target < NEAR * row.sq
        open_all(T)
        while m < most and not hard and (target == 0.0 or rest > target):
            if fresh and m:
                span(A.atoms[m - 1], G, T, m - 1)
            if rest <= FALLEN * stale:
                stale = rest
                renew(T, row, A, W, m)
            if fresh:
                rank(T, positive)
            j = strongest(T.pull, T.best, 0.0)
            part = outside(max(j, 0), row, A, W, m)
            c = correlation(max(j, 0), row, A, W, m)
            if j < 0 or abs(c) <= TINY * np.sqrt(row.sq) * norms[j]:
                break
            bar(T, j)
            fresh = part > FLOOR * G[j, j]
            hard = fresh and part <= HARD * G[j, j]
            fresh = fresh and not hard
            if fresh and positive:
                fresh = stays_positive(A.u, W.w, c / part, m)
            if fresh:
                m = enter(j, part, c, A, W, T, m)
                rest -= c * c / part
        error[i] = np.nan if hard else max(rest, 0.0)
        ends[i + 1] = emit(A.atoms, A.u, m, ends[i], columns, values)
        largest = max(largest, m)
    return largest
