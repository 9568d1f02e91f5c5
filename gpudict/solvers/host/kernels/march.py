"""The lasso of one row, an atom at a time: for sets so small that to price all atoms costs little.

A round lets the one atom in that pulls hardest. The set is at its optimum then, so only that atom
is off, by its slope ρ_j = corr_j − alpha·s_j, and the way to the optimum of the face needs no
product: it is d = ρ_j M_j. An atom whose code would change its sign on the way leaves, and what is
left of the way follows the new M_j. What is larger, or depends on the set, is left to `settle`.

The strongest pull is found without a branch. Floats above zero have the order of their bits as
integers, so the largest of |corr_j|, its last bits replaced by j, is a maximum that says where it
is: to the digits that it lost, and those are added to what bounds the pulls.
"""

from __future__ import annotations

import numpy as np

from gpudict.solvers.host.kernels.active import border, leave, outside, padded, price
from gpudict.solvers.host.kernels.compiling import inner
from gpudict.solvers.host.kernels.faces import FLOOR, first_zero

AHEAD = 2**17  # atoms of the set times k², up to which one enters at a time
ALL_BITS = np.int64(2**63 - 1)  # but for the sign


@inner
def bits_of(k, positive):
    """Return the last bits, for the number of one of k atoms, and what else counts of a pull.

    That is all but the sign; and the sign if positive, so that no pull is below zero.
    """
    numbers = 1
    while numbers < k:
        numbers = 2 * numbers + 1
    return numbers, ~numbers if positive else ~numbers & ALL_BITS


@inner
def hardest(corr, free, numbers):
    """Return the bits of the strongest pull, with the atom's number in the last; 0 if none pulls.

    Of atom j those of free[j] count.
    """
    top = 0
    for j in range(corr.shape[0]):
        bits = (np.float64(corr[j]).view(np.int64) & free[j]) | j
        top = max(top, bits)
    return top if top > numbers else 0


@inner
def ceiling(top, numbers):
    """Return what no pull is above, with the digits that the strongest lost."""
    return np.int64(top | numbers).view(np.float64)


@inner
def walk_in(own, slope, A, W, opened, m):
    """Go to the optimum, off which is the atom in place `own` alone; return the set's size."""
    free, d, M, atoms, u = W.free, W.d, A.M, A.atoms, A.u
    place = 0
    while place >= 0:
        for a in range(padded(m)):
            d[a] = slope * M[own, a]
        t, place = first_zero(A, d, m)
        for a in range(m):
            u[a] += t * d[a]
        slope *= 1.0 - t
        if place >= 0:
            free[atoms[place]] = opened
            m = leave(place, A, W.w, m)
            if place == own:
                place = -1
            elif own == m:
                own = place
    return m


@inner
def march(row, A, W, bits, least, max_rounds):
    """Solve the row from an empty set, while that is small.

    Return the size of the set, the rounds, what no pull of the others is above, and whether the
    end is reached: no other atom pulls beyond `least`, or the rounds ended. Corr is priced.
    """
    (numbers, opened), G, c, corr, free = bits, row.G, row.c, W.corr, W.free
    atoms, u, s = A.atoms, A.u, A.s
    k, most = c.shape[0], A.u.shape[0] - 8
    for j in range(k):
        corr[j] = c[j]
    m, turn, top, goes_on, ended = 0, 0, 0, True, False
    while goes_on:
        top = hardest(corr, free, numbers)
        j = top & numbers
        ended = top == 0 or not (corr[j] if row.positive else abs(corr[j])) > least
        ended |= turn == max_rounds
        turn += turn < max_rounds
        goes_on = not ended and m < most and (m + 1) * k * k <= AHEAD
        if goes_on:
            sign = 1.0 if corr[j] > 0.0 else -1.0
            slope = corr[j] - row.alpha * sign
            if m == 0 and G[j, j] > 0.0:  # as below, without sums over a set
                A.M[0, 0] = 1.0 / G[j, j]
                atoms[0], u[0], s[0], free[j] = j, slope * A.M[0, 0], sign, 0
                m = 1
            else:
                part = outside(j, row, A, W, m)
                goes_on = part > FLOOR * G[j, j]
                if goes_on:
                    border(j, part, A, W.w, m)
                    u[m], s[m], free[j] = 0.0, sign, 0
                    m = walk_in(m, slope, A, W, opened, m + 1)
            if goes_on:
                price(corr, row, A, m)
    for a in range(m):
        free[atoms[a]] = opened
    return m, turn, ceiling(top, numbers), ended
