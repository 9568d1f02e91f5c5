"""Faces of the lasso of a row: the walk to the optimum of one, and the entry of atoms into another.

A face is an active set with signs; ρ = corr − alpha·s on it is how far it is off its optimum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpudict.solvers.constants import LASSO
from gpudict.solvers.host.kernels.active import border, leave, outside, times
from gpudict.solvers.host.kernels.compiling import inner

FLOOR = LASSO["float64"].FLOOR


class Entrants(NamedTuple):
    """Atoms that are listed to enter, and the codes that they enter with."""

    atoms: np.ndarray
    u: np.ndarray


@inner
def first_zero(A, d, m):
    """Return how far along d, at most 1, and the place of the code that is zero there, or −1."""
    u, s = A.u, A.s
    t = 1.0
    place = -1
    for a in range(m):
        if (u[a] + d[a]) * s[a] <= 0.0:
            here = -u[a] / d[a] if d[a] != 0.0 else 0.0
            if place < 0 or here < t:
                t = here
                place = a
    return t, place


@inner
def walk(A, W, m):
    """Go to the optimum of the face; return how many atoms are left in the set."""
    u, rho, d = A.u, A.rho, W.d
    place = 0
    while m > 0 and place >= 0:
        times(d, A.M, rho, m)
        t, place = first_zero(A, d, m)
        for a in range(m):
            u[a] += t * d[a]
            rho[a] *= 1.0 - t
        if place >= 0:
            m = leave(place, A, W.w, m)
    return m


@inner
def give_way(sign, A, W, m):
    """Move u along the dependence of an atom on S to the first zero; return its place and how far.

    Along (−w, 1) nothing changes but the ℓ₁ norm, and that falls. The place is −1 if there is none.
    """
    u, s, d, w = A.u, A.s, W.d, W.w
    t = np.inf
    place = -1
    for a in range(m):
        d[a] = -sign * w[a]
        if d[a] * s[a] < 0.0 and -u[a] / d[a] < t:
            t = -u[a] / d[a]
            place = a
    if place >= 0:
        for a in range(m):
            u[a] += t * d[a]
    return place, t


@inner
def enter(listed, count, row, A, W, m):
    """Let the listed atoms into the set, with a code or with 0 and the sign of their pull.

    One in the span of S changes places with the atom that its entry drives to zero first.
    """
    entrants, codes, G, alpha = listed.atoms, listed.u, row.G, row.alpha
    corr, w, u, s, rho = W.corr, W.w, A.u, A.s, A.rho
    e = 0
    while e < count:
        j, code = entrants[e], codes[e]
        sign = 1.0 if (code if code != 0.0 else corr[j]) > 0.0 else -1.0
        part = outside(j, row, A, W, m)
        place, t = -1, 0.0
        if part > FLOOR * G[j, j]:
            border(j, part, A, w, m)
            u[m], s[m], rho[m] = code, sign, corr[j] - alpha * sign
            m += 1
        else:
            place, t = give_way(sign, A, W, m)
        if place < 0:
            e += 1
        else:  # and try again
            m = leave(place, A, w, m)
            codes[e] += sign * t
    return m


@inner
def slopes(row, A, corr, m):
    """ρ = corr_S − alpha·s; return its largest entry."""
    atoms, s, rho = A.atoms, A.s, A.rho
    off = 0.0
    for a in range(m):
        rho[a] = corr[atoms[a]] - row.alpha * s[a]
        off = max(off, abs(rho[a]))
    return off


@inner
def slopes_of_start(row, A, m):
    """ρ = c_S − G_SS u − alpha·s, for codes that are not priced yet."""
    G, c, atoms, u, s, rho = row.G, row.c, A.atoms, A.u, A.s, A.rho
    for a in range(m):
        pull = c[atoms[a]] - row.alpha * s[a]
        for b in range(m):
            pull -= u[b] * G[atoms[a], atoms[b]]
        rho[a] = pull
