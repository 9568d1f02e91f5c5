"""The path of one row after the other, an event a step; see `events`.

Where an atom joins, M grows by a bordered row, and where one leaves it shrinks by a rank-one
update. One that depends on the set is barred until one leaves. Errors of M add up: the codes of the
lasso are brought to their optimum once more at the end, and their gap is a certificate. A path that
is no lasso's is given up where atoms nearly depend on each other, for another solver to follow.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpudict.solvers import constants
from gpudict.solvers.host.kernels.active import (
    Active,
    Row,
    Work,
    active,
    border,
    forget,
    leave,
    outside,
    price,
    times,
    work,
)
from gpudict.solvers.host.kernels.compiling import compiled, compiled_in_place, inner
from gpudict.solvers.host.kernels.events import Path, begin, crossing, events, segment
from gpudict.solvers.host.kernels.faces import slopes
from gpudict.solvers.host.kernels.lasso import bound, rounded
from gpudict.solvers.host.kernels.rows import emit
from gpudict.solvers.host.kernels.tournament import fold, strongest, top, width_for

SPAN = 64 * constants.EPS["float64"]  # of an atom's squared norm: with less outside it depends
_, HARD, _, NEAR = constants.PURSUIT["float64"]


class Rule(NamedTuple):
    """Where paths end.

    Attributes
    ----------
    positive : whether codes must not be negative
    lasso : whether λ = alpha is the end, and atoms leave
    most : atoms of a set, at the most; at the next event after so many a path that is not the
        lasso's ends
    target : squared error at which it ends, −∞ for none
    max_rounds : events of a row, at the most
    """

    positive: bool
    lasso: bool
    most: int
    target: float
    max_rounds: int


def space(k: int, most: int) -> tuple[Active, Work, Path]:
    """Return what `solve` works in, for k atoms and sets of `most`."""
    A, W, T = _space(k, most)
    return Active(*A), Work(*W), Path(*T)


@compiled
def _space(k, most):
    """Return its parts in plain tuples: to make named ones Numba calls Python, as `memory.fold`."""
    wide = width_for(k)
    split, a, b, free = np.zeros(k), np.zeros(k), np.zeros(k), np.zeros(k)
    fixed, slope = np.zeros(most + 8), np.zeros(most + 8)
    T = Path(split, a, b, free, fixed, slope, np.zeros(wide), np.zeros(wide // 2))
    return active(most)[:], work(k, wide, most)[:], T[:]


@inner
def largest_pull(row):
    """Return the largest pull of cov itself."""
    c, most = row.c, 0.0
    for j in range(c.shape[0]):
        most = max(most, c[j] if row.positive else abs(c[j]))
    return most


@inner
def join(j, sign, row, A, W, T, m):
    """Let atom j into the set, unless it depends on it; return the set's size, and its part."""
    part = outside(j, row, A, W, m)
    T.open[j] = 0.0
    if part > SPAN * row.G[j, j]:
        border(j, part, A, W.w, m)
        A.s[m] = sign
        m += 1
    return m, part


@inner
def drop(place, A, W, T, m):
    """Let the atom in that place go, and all be open that depended on the set; return its size."""
    free, atoms = T.open, A.atoms
    m = leave(place, A, W.w, m)
    for j in range(free.shape[0]):
        free[j] = 1.0
    for i in range(m):
        free[atoms[i]] = 0.0
    return m


@inner
def place_of(j, A, m):
    """Return the place of atom j in the set, or −1."""
    place = -1
    for i in range(m):
        place = i if A.atoms[i] == j else place
    return place


@inner
def codes_at(lam, row, A, W, m):
    """u = M(c − λ s), not negative where that must not be; return ‖x − uV‖²."""
    u, s, c, atoms, rest = A.u, A.s, row.c, A.atoms, row.sq
    rho = A.rho
    for i in range(m):
        rho[i] = c[atoms[i]] - lam * s[i]
    times(u, A.M, rho, m)
    for i in range(m):
        if row.positive and u[i] < 0.0:
            u[i] = 0.0
        rest -= u[i] * (c[atoms[i]] + lam * s[i])
    return rest


@inner
def follow(row, A, W, T, rule, lam):
    """Follow the path from λ, where its first atom joins, to its end.

    Return the size of the set, ‖x − uV‖², the events, whether that was the end, and whether it is
    left for another solver to find.
    """
    a, b, split, u, most = T.a, T.b, T.split, A.u, A.u.shape[0] - 8
    j = strongest(T.event, T.best, 0.0)
    sign, place = 1.0 if split[j] > 0.0 else -1.0, -1
    m, turn, rest, done, hard, going = 0, 0, row.sq, False, False, True
    while going:
        before = m
        if not done and place >= 0:
            m = drop(place, A, W, T, m)
        elif not done and m == most:
            hard = True
        elif not done:
            m, part = join(j, sign, row, A, W, T, m)
            hard = not rule.lasso and SPAN * row.G[j, j] < part <= HARD * row.G[j, j]
        rest = codes_at(lam, row, A, W, m)
        if m > before:
            u[before] = 0.0  # of the atom that has just joined
        done = done or rest <= rule.target
        going = not done and not hard and turn < rule.max_rounds
        if going:
            turn += 1
            segment(row, A, W, T, m)
            events(row, A, T, lam, rule.lasso or rule.positive, m)
            event = top(T.best)
            j = max(strongest(T.event, T.best, 0.0), 0)  # if there is none, this is the end
            place = place_of(j, A, m)
            up, down = crossing(a[j], 1.0 - b[j], lam), crossing(-a[j], 1.0 + b[j], lam)
            sign = 1.0 if up >= down or row.positive else -1.0
            done = event <= row.alpha or (m == rule.most and not rule.lasso)
            lam = max(event, row.alpha)
    return m, rest, turn, done, hard


@inner
def certified(row, A, W, norms, largest, terms, ended, m):
    """Bring the codes at the end of a path to the optimum of their face once more; return the gap.

    In between the correlation is made anew, and so errors of M have no part in it.
    """
    u, d, s = A.u, W.d, A.s
    for again in range(2 if ended else 1):
        for i in range(m if again else 0):
            u[i] += d[i] if (u[i] + d[i]) * s[i] >= 0.0 else 0.0
        price(W.corr, row, A, m)
        slopes(row, A, W.corr, m)
        times(d, A.M, A.rho, m)
    fold(W.pull, W.best, W.corr, row.positive, A.atoms, m)
    return bound(top(W.best), row, A, W.corr, norms, largest, terms, m)


@compiled_in_place
def solve(
    cov, G, sq, norms, alphas, noise, rule, single, terms, places, codes, gaps, rounds, ended
):
    """Follow the path of each row of cov (b, k) with the Gram G (k, k) and sq = ‖x‖² (b,).

    It ends at λ = alphas (b,), or by the rule; `noise` (k,) perturbs cov, and `places` are from
    `space`. Written are the codes, in compressed rows (ends, columns, values), of the lasso the
    bounds on objective − optimum, else the squared errors, (b,), NaN for a row that is given up;
    the events (b,), and whether the path ended, (b,).
    """
    (A, W, T), (ends, columns, values) = places, codes
    ends[0] = m = 0
    largest = 0.0
    for j in range(norms.shape[0]):
        largest = max(largest, norms[j])
    for i in range(cov.shape[0]):
        row = Row(G, cov[i], sq[i], alphas[i], rule.positive)
        m, rest, rounds[i] = forget(A, m), row.sq, 0
        begin(row, T, noise)
        lam, hard = top(T.best), 0.0 < rule.target < NEAR * row.sq
        ended[i] = lam <= row.alpha or largest_pull(row) <= row.alpha or row.sq <= rule.target
        if not ended[i] and not hard:
            m, rest, rounds[i], ended[i], hard = follow(row, A, W, T, rule, lam)
        if rule.lasso:
            gaps[i] = certified(row, A, W, norms, largest, terms, ended[i], m)
            gaps[i] += rounded(row, A, W.corr, norms, m) if single else 0.0
        else:
            gaps[i] = np.nan if hard else max(rest, 0.0)
        ends[i + 1] = emit(A.atoms, A.u, m, ends[i], columns, values)
