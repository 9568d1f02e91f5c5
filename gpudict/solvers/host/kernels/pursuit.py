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
from gpudict.solvers.host.kernels.compiling import compiled, inner
from gpudict.solvers.host.kernels.rows import emit
from gpudict.solvers.host.kernels.tournament import play, strongest, width_for

TINY, HARD, FLOOR, NEAR = constants.PURSUIT["float64"]
FALLEN = 1e-4  # of ‖r‖²


class Parts(NamedTuple):
    """What all atoms are chosen by, in the dtype of the data.

    Attributes
    ----------
    P : (most + 8, k), the parts of the atoms along each e; numbers in rows not yet in use too
    last : (k,), the row that is made
    corr : (k,), ⟨v, r⟩
    left : (k,), n, which is ‖v‖² for good unless errors count, and inf once an atom was tried
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
    floor: np.ndarray
    y: np.ndarray
    step: np.ndarray
    pull: np.ndarray
    best: np.ndarray
    errors: bool


@inner
def parts(k, width, most, errors, like):
    """Return space for k atoms and sets of `most`, in the dtype of an array."""
    t = like.dtype
    P, y = np.zeros((most + 8, k), t), np.zeros(most + 8, t)
    last, corr, left, floor = np.zeros(k, t), np.zeros(k, t), np.zeros(k, t), np.zeros(k, t)
    pull, best = np.zeros(width, t), np.zeros(width // 2, t)
    return Parts(P, last, corr, left, floor, y, np.zeros(2, t), pull, best, errors)


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
    zero, turn = kind(0), kind(0 if positive else -1)
    if T.errors:
        for j in range(corr.shape[0]):
            c = corr[j] if corr[j] > turn * corr[j] else turn * corr[j]
            pull[j] = c * c / (left[j] if left[j] > floor[j] else floor[j])
    else:
        for j in range(corr.shape[0]):
            c = corr[j] if corr[j] > turn * corr[j] else turn * corr[j]
            pull[j] = c if left[j] < np.inf else zero
    play(pull, T.best)


@inner
def span(j, G, T, m):
    """Let atom j add its e to the span of m atoms: parts along it, what is left, and ⟨v, r⟩."""
    P, last, corr, left, y = T.P, T.last, T.corr, T.left, T.y
    k, scale, t = corr.shape[0], T.step[0], T.step[1]
    for a in range(padded(m)):
        y[a] = P[a, j] if a < m else 0.0
    for i in range(k):
        last[i] = G[j, i]
    for a in range(0, m, 8):
        y0, y1, y2, y3 = y[a], y[a + 1], y[a + 2], y[a + 3]
        y4, y5, y6, y7 = y[a + 4], y[a + 5], y[a + 6], y[a + 7]
        for i in range(k):
            p = y0 * P[a, i] + y1 * P[a + 1, i] + y2 * P[a + 2, i] + y3 * P[a + 3, i]
            q = y4 * P[a + 4, i] + y5 * P[a + 5, i] + y6 * P[a + 6, i] + y7 * P[a + 7, i]
            last[i] -= p + q
    for i in range(k):
        P[m, i] = scale * last[i]
        corr[i] -= t * P[m, i]
    if T.errors:
        for i in range(k):
            left[i] -= P[m, i] * P[m, i]


@inner
def renew(T, row, A, W, m):
    """Compute ⟨v, r⟩ of all atoms from the codes."""
    price(W.corr, row, A, m)
    for j in range(row.c.shape[0]):
        T.corr[j] = W.corr[j]


@inner
def correlation(j, row, A, W, m):
    """Return ⟨v, r⟩ of atom j, where g = G_Sj."""
    c, u, g = row.c[j], A.u, W.g
    for a in range(m):
        c -= u[a] * g[a]
    return c


@inner
def enter(j, part, c, row, A, W, T, m):
    """Let atom j into the set, with its part outside and its ⟨v, r⟩; return the set's size."""
    u, w, v = A.u, W.w, c / part
    border(j, part, A, w, m)
    T.step[0] = 1.0 / np.sqrt(part)
    T.step[1] = c * T.step[0]
    span(j, row.G, T, m)
    for a in range(m):
        u[a] -= w[a] * v
    u[m] = v
    return m + 1


@compiled
def solve(cov, G, sq, norms, most, target, positive, errors, floor, like, codes, error):
    """Pursue each row of cov (b, k) with the Gram G (k, k) and sq = ‖x‖² (b,).

    A row has at most `most` atoms, fewer once its squared error is at most `target`. Each is the
    one that pulls hardest, or lowers the error most if `errors`; they are compared in the dtype of
    `like`, where `floor` of ‖v‖² is rounding. Written are the codes, in compressed rows (ends,
    columns, values), and the squared errors (b,), NaN for a row that is given up. Return the most
    atoms of a row.
    """
    n, k = cov.shape
    A, W, T = active(most), work(k, 0, most), parts(k, width_for(k), most, errors, like)
    ends, columns, values = codes
    ends[0] = m = largest = 0
    whole, left = np.empty(k, like.dtype), T.left
    for j in range(k):
        whole[j] = G[j, j] if G[j, j] > 0.0 else np.inf
        T.floor[j] = floor * G[j, j]
    for i in range(n):
        row = Row(G, cov[i], sq[i], 0.0, positive)
        m, rest, stale = forget(A, m), sq[i], np.inf
        for j in range(k):
            left[j] = whole[j]
        fresh, hard = True, 0.0 < target < NEAR * row.sq
        while m < most and not hard and (target == 0.0 or rest > target):
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
            left[j] = np.inf
            fresh = part > FLOOR * G[j, j]
            hard = fresh and part <= HARD * G[j, j]
            fresh = fresh and not hard
            if fresh and positive:
                fresh = stays_positive(A.u, W.w, c / part, m)
            if fresh:
                m = enter(j, part, c, row, A, W, T, m)
                rest -= c * c / part
        error[i] = np.nan if hard else max(rest, 0.0)
        ends[i + 1] = emit(A.atoms, A.u, m, ends[i], columns, values)
        largest = max(largest, m)
    return largest
