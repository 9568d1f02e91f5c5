"""The path of a row between two events, and which event is the next; see `portable.lars`.

On the active set S with signs s, u(λ) = M(c − λ s), M = G_SS⁻¹, and the correlation c − G u(λ) is
a + λ b. Both vectors are made anew for each event, by one sweep through the rows of G in S, so that
no error adds up but that of M. The event is the largest λ' ≤ λ at which an atom would join or
leave.

Events are decided by `split`, which is cov but for a few rounding errors, an own one for each atom:
so that no two come at once. The codes are of cov itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpudict.solvers import constants
from gpudict.solvers.host.kernels.active import times
from gpudict.solvers.host.kernels.compiling import inner
from gpudict.solvers.host.kernels.tournament import halved

RATE = 32 * constants.EPS["float64"]  # below it a rate is rounding


class Path(NamedTuple):
    """Where a row is on its path.

    Attributes
    ----------
    split : (k,), cov as it decides events
    a, b : (k,), the correlation is a + λ b
    open : (k,), 1, or 0 for an atom of the set and one that depends on it
    fixed, slope : over the set, u of split is fixed − λ slope
    event, best : the tournament of events
    """

    split: np.ndarray
    a: np.ndarray
    b: np.ndarray
    open: np.ndarray
    fixed: np.ndarray
    slope: np.ndarray
    event: np.ndarray
    best: np.ndarray


@inner
def begin(row, T, noise):
    """Perturb cov, and hold the tournament of the first atom."""
    split, event, free, c = T.split, T.event, T.open, row.c
    turn = 0.0 if row.positive else -1.0
    for j in range(c.shape[0]):
        x = c[j] * (1.0 + noise[j])
        split[j] = x
        event[j] = x if x > turn * x else turn * x
        free[j] = 1.0
    halved(event, T.best)


@inner
def segment(row, A, W, T, m):
    """Solve for the path on the set, and for the correlation of all atoms along it."""
    G, atoms, s, g = row.G, A.atoms, A.s, W.g
    split, a, b, fixed, slope = T.split, T.a, T.b, T.fixed, T.slope
    k = split.shape[0]
    for i in range(g.shape[0]):
        g[i] = split[atoms[i]] if i < m else 0.0
    times(fixed, A.M, g, m)
    times(slope, A.M, s, m)
    for j in range(k):
        a[j] = split[j]
        b[j] = 0.0
    for i in range(0, m, 2):
        f0, f1, d0, d1 = fixed[i], fixed[i + 1], slope[i], slope[i + 1]
        r0, r1 = atoms[i], atoms[i + 1]
        for j in range(k):
            a[j] -= f0 * G[r0, j] + f1 * G[r1, j]
            b[j] += d0 * G[r0, j] + d1 * G[r1, j]


@inner
def crossing(height, rate, lam):
    """Return the λ' ≤ λ at which λ'·rate = height, 0 where that never happens.

    The distance to the event, λ·rate − height, is not negative now and shrinks with λ only if the
    rate is positive.
    """
    at = height / (rate if rate > RATE else 1.0)
    at = at if at < lam else lam
    return at if at > 0.0 and rate > RATE else 0.0


@inner
def events(row, A, T, lam, leaves, m):
    """Hold the tournament of the atoms' next events: those that join, and those that leave."""
    a, b, free, event, fixed, slope = T.a, T.b, T.open, T.event, T.fixed, T.slope
    atoms, s, G = A.atoms, A.s, row.G
    other = 0.0 if row.positive else 1.0
    for j in range(a.shape[0]):
        up, down = crossing(a[j], 1.0 - b[j], lam), crossing(-a[j], 1.0 + b[j], lam)
        event[j] = free[j] * (up if up > other * down else other * down)
    for i in range(m if leaves else 0):
        inward = -s[i] * G[atoms[i], atoms[i]]  # in units of the other rates
        event[atoms[i]] = crossing(inward * fixed[i], inward * slope[i], lam)
    halved(event, T.best)
