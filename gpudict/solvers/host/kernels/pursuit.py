"""Orthogonal matching pursuit of one row after the other: Batch-OMP with the inverse of the Gram.

Atom j enters with the code v = corr_j / δ, where δ is its squared length outside the span of the
set, and the others move by −w v, w = M G_Sj: then corr is 0 on the set again, and ‖r‖² has fallen
by v corr_j (Rubinstein, Zibulevsky and Elad 2008, "Efficient implementation of the K-SVD algorithm
using Batch-OMP", algorithm 1, with M = G_SS⁻¹ in place of a Cholesky factor). An atom in the span
of the set is barred, and so is one that would make a code negative where codes must not be.

Here ‖r‖² and M are carried along, which is exact enough as long as the atoms of the set are well
apart. A row with one that nearly depends on the others, or with a target near rounding, is given
up, for another solver to do.
"""

from __future__ import annotations

import numpy as np

from gpudict.solvers import constants
from gpudict.solvers.host.kernels.active import (
    Row,
    active,
    border,
    forget,
    outside,
    price,
    work,
)
from gpudict.solvers.host.kernels.compiling import compiled, inner
from gpudict.solvers.host.kernels.rows import emit
from gpudict.solvers.host.kernels.tournament import fold, strongest, width_for

TINY, HARD, FLOOR, NEAR = constants.PURSUIT["float64"]


@inner
def stays_positive(u, w, v, m):
    """Whether no code is negative once the atom enters with code v."""
    positive = v >= 0.0
    for a in range(m):
        positive = positive and u[a] - w[a] * v >= 0.0
    return positive


@compiled
def solve(cov, G, sq, norms, most, target, positive, codes, errors):
    """Pursue each row of cov (b, k) with the Gram G (k, k) and sq = ‖x‖² (b,).

    A row has at most `most` atoms, fewer once its squared error is at most `target`. Written are
    the codes, in compressed rows (ends, columns, values), and the squared errors (b,), NaN for a
    row that is given up. Return the most atoms of a row.
    """
    n, k = cov.shape
    A, W = active(most), work(k, width_for(k), most)
    corr, u, w, barred = W.corr, A.u, W.w, np.zeros(k, np.bool_)
    ends, columns, values = codes
    ends[0] = m = largest = 0
    for i in range(n):
        row = Row(G, cov[i], sq[i], 0.0, positive)
        m, error = forget(A, m), sq[i]
        barred[:] = False
        fresh, hard = True, 0.0 < target < NEAR * row.sq
        while m < most and not hard and (target == 0.0 or error > target):
            if fresh:
                price(corr, row, A, m)
                fold(W.pull, W.best, corr, positive, A.atoms, m)
            j = strongest(W.pull, W.best, 0.0)
            if j < 0 or abs(corr[j]) <= TINY * np.sqrt(row.sq) * norms[j]:
                break
            fresh = False
            if barred[j]:
                continue
            barred[j] = True
            part = outside(j, row, A, W, m)
            fresh = part > FLOOR * G[j, j]
            hard = fresh and part <= HARD * G[j, j]
            if fresh and not hard:
                v = corr[j] / part
                fresh = not positive or stays_positive(u, w, v, m)
            if fresh and not hard:
                border(j, part, A, w, m)
                for a in range(m):
                    u[a] -= w[a] * v
                u[m], m = v, m + 1
                error -= v * corr[j]
        errors[i] = np.nan if hard else max(error, 0.0)
        ends[i + 1] = emit(A.atoms, u, m, ends[i], columns, values)
        largest = max(largest, m)
    return largest
