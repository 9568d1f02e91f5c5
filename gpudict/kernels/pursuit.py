"""Orthogonal matching pursuit of one row after the other: Batch-OMP with the inverse of the Gram.

Atom j enters with the code v = q_j / δ, where δ is its squared length outside the span of the set,
and the others move by −w v, w = M G_Sj: then q is 0 on the set again, and ‖r‖² has fallen by v q_j
(Rubinstein, Zibulevsky and Elad 2008, "Efficient implementation of the K-SVD algorithm using
Batch-OMP", algorithm 1, with M = G_SS⁻¹ in place of a Cholesky factor). An atom in the span of the
set is barred, and so is one that would make a code negative where codes must not be.

Here ‖r‖² and M are carried along, which is exact enough as long as the atoms of the set are well
apart. A row with one that nearly depends on the others, or with a target near rounding, is given
up, for another solver to do.
"""

from __future__ import annotations

import numpy as np

from gpudict.kernels.active import border, compiled, forget, inner, outside, price
from gpudict.kernels.rows import emit
from gpudict.kernels.tournament import fold, strongest, width_for

EPS = float(np.finfo(np.float64).eps)
FLOOR = 64 * EPS  # of an atom's squared norm: with less outside the span it is barred
HARD = 1e-6  # of the same, with less the row is given up
NEAR = 1e-10  # of ‖x‖², a target below it too
TINY = 8 * EPS  # of ‖x‖‖v‖: a pull that is rounding


@inner
def stays_positive(u, w, v, m):
    """Whether no code is negative once the atom enters with code v."""
    positive = v >= 0.0
    for a in range(m):
        positive = positive and u[a] - w[a] * v >= 0.0
    return positive


@compiled
def solve(C, G, sq, norms, most, target, positive, codes, rest):
    """Pursue each row of C (b, k) with the Gram G (k, k) and sq = ‖x‖² (b,).

    A row has at most `most` atoms, fewer once its squared error is at most `target`. Written are
    the codes, in compressed rows (ends, columns, values), and the squared errors, rest (b,), NaN
    for a row that is given up. Return the most atoms of a row.
    """
    n, k = C.shape
    room = most + 8
    M = np.zeros((room, room))
    S = np.zeros(room, np.int64)
    u, s, rho, g, w = np.zeros((5, room))
    q, pull, barred = np.zeros(k), np.zeros(width_for(k)), np.zeros(k, np.bool_)
    best = np.zeros(pull.shape[0] // 2)
    ends, columns, values = codes
    ends[0] = m = largest = 0
    for i in range(n):
        m, rest[i] = forget(M, S, u, s, rho, m), sq[i]
        barred[:] = False
        fresh, hard = True, 0.0 < target < NEAR * sq[i]
        while m < most and not hard and (target == 0.0 or rest[i] > target):
            if fresh:
                price(q, C, i, G, S, u, m)
                fold(pull, best, q, S, m, positive)
            j = strongest(pull, best, 0.0)
            if j < 0 or abs(q[j]) <= TINY * np.sqrt(sq[i]) * norms[j]:
                break
            fresh = False
            if barred[j]:
                continue
            barred[j] = True
            part = outside(j, G, M, S, g, w, m)
            fresh = part > FLOOR * G[j, j]
            hard = fresh and part <= HARD * G[j, j]
            if fresh and not hard:
                v = q[j] / part
                fresh = not positive or stays_positive(u, w, v, m)
            if fresh and not hard:
                border(j, M, S, w, part, m)
                for a in range(m):
                    u[a] -= w[a] * v
                u[m], m = v, m + 1
                rest[i] -= v * q[j]
        rest[i] = np.nan if hard else max(rest[i], 0.0)
        ends[i + 1] = emit(S, u, m, ends[i], columns, values)
        largest = max(largest, m)
    return largest
