"""Pursuits of one row after the other: of the atom that pulls hardest, or that lowers ‖r‖² most.

Orthogonal matching pursuit takes the atom of the largest |⟨v, r⟩|, orthogonal least squares that of
the largest ⟨v, r⟩²/n, by which it would lower ‖r‖², with n = ‖v‖² outside the span of those chosen
(Chen, Billings and Luo 1989, "Orthogonal least squares methods and their application to non-linear
system identification"; Rebollo-Neira and Lowe 2002, "Optimized orthogonal matching pursuit
approach"). Bounds of that are kept for all atoms in float32, see `bounds`. Those with the largest
are looked at in float64, one after the other, until no other atom can be worth more: mostly one.
Where more than LOOKS are, the bounds are made anew.

The codes are those of Batch-OMP (Rubinstein, Zibulevsky and Elad 2008, "Efficient implementation of
the K-SVD algorithm using Batch-OMP", algorithm 1, with L⁻¹ in place of L), in float64: atom j
enters with v = ⟨v_j, r⟩/n_j, and the others move by −w v, w = G_SS⁻¹ G_Sj. An atom in the span of
the set is barred, and so is one that would make a code negative where codes must not be.

Here ‖r‖² and L⁻¹ are carried along, which is exact enough as long as the atoms of the set are well
apart. A row with one that nearly depends on the others, or with a target near rounding, is given
up, for another solver to do.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from gpudict.solvers import constants
from gpudict.solvers.host.kernels.active import Row, padded, price
from gpudict.solvers.host.kernels.bounds import (
    EPS,
    UNIT,
    Bounds,
    bar,
    opened,
    rank,
    renewed,
    span,
    strongest,
    unbounded,
)
from gpudict.solvers.host.kernels.compiling import compiled, compiled_in_place, inner
from gpudict.solvers.host.kernels.gathered import dot
from gpudict.solvers.host.kernels.rows import emit
from gpudict.solvers.host.kernels.triangle import (
    Chosen,
    add,
    before,
    beyond,
    enter,
    nothing_chosen,
    products,
    stays_positive,
)

TINY, HARD, FLOOR, NEAR = constants.PURSUIT["float64"]
LOOKS = 8


class Data(NamedTuple):
    """Rows and atoms.

    Attributes
    ----------
    X, V : (b, d) and (k, d); both are (0, 0) if cov is given
    cov : (b, k), or (0, 0)
    G, norms : (k, k) and (k,), of the atoms; G may be (0, 0) if V is given
    sq : (b,), ‖x‖²
    prices, units, reach : X Vᵀ (b, k) in float32, the atoms of norm 1 and rows in units (b,), and
        what it may be off by
    """

    X: np.ndarray
    V: np.ndarray
    cov: np.ndarray
    G: np.ndarray
    norms: np.ndarray
    sq: np.ndarray
    prices: np.ndarray
    units: np.ndarray
    reach: float


class Space(NamedTuple):
    """The set, the bounds, prices in float64 (k,), a residual (d,), the best's part and ⟨v, r⟩."""

    A: Chosen
    T: Bounds
    exact: np.ndarray
    r: np.ndarray
    best: np.ndarray


def space(
    cosines: Any, norms: np.ndarray, largest: float, d: int, most: int, errors: bool
) -> Space:
    """Return what `solve` works in, for sets of `most` atoms with these cosines (k, k) and norms.

    An atom is worth its pull, or if `errors` what it takes away from ‖r‖².
    """
    A, T, *rest = _space(cosines, norms, largest, d, most, errors)
    return Space(Chosen(*A), Bounds(*T), *rest)


@compiled
def _space(cosines, norms, largest, d, most, errors):
    """Return its parts in plain tuples: to make named ones Numba calls Python, as `memory.fold`."""
    T = unbounded(cosines, norms, largest, most, errors)
    exact, r, best = np.zeros(norms.shape[0]), np.zeros(d), np.zeros(2)
    return nothing_chosen(most)[:], T[:], exact, r, best


@inner
def moment(i, j, data):
    """Return ⟨v, x⟩ of row i and atom j."""
    return dot(data.V[j], data.X[i]) if data.V.shape[0] > 0 else data.cov[i, j]


@inner
def outside(j, c, data, A, m):
    """Return the squared length of atom j outside the span of the set, and ⟨v, r⟩; c = ⟨v, x⟩."""
    G, V, atoms, g = data.G, data.V, A.atoms, A.g
    if G.shape[0] > 0:
        for a in range(padded(m)):
            entry = G[j, atoms[a]]
            g[a] = entry if a < m else 0.0
    else:
        products(g, V[j], V, atoms, m)
    return beyond(data.norms[j] ** 2, c, A, m)


@inner
def worth(i, j, part, c, data, T, largest, positive):
    """Return what atom j is worth in the units of the bounds, 0 if its pull is rounding."""
    size, norm, unit = c if positive else abs(c), data.norms[j], T.state[UNIT]
    value = size / (unit * largest)
    if T.errors:
        value = (size / unit) ** 2 / max(part, FLOOR * norm * norm)
    return value if size > TINY * np.sqrt(data.sq[i]) * norm else 0.0


@inner
def found(i, data, places, largest, positive, looks, m):
    """Return the atom that is worth most, −1 if none is worth anything, −2 after so many looks."""
    A, T, best = places.A, places.T, places.best
    first, looked, again, top = -1, 0, False, 0.0
    j = strongest(T, 0.0)
    while j >= 0 and looked < looks:
        part, c = outside(j, moment(i, j, data), data, A, m)
        value = worth(i, j, part, c, data, T, largest, positive)
        if value > top or (value == top and first > j):
            first, top, best[0], best[1] = j, value, part, c
        looked, last = looked + 1, j
        j = -1 if again else strongest(T, top * (1.0 - 8.0 * EPS))
        if j < 0 and first >= 0 and last != first:  # what is known of it is needed
            j, again = first, True
            looked -= 1
    return first if j < 0 else -2


@inner
def priced(i, data, places, m):
    """Make the bounds anew from the codes; return whether an atom has a pull beyond rounding."""
    A, T, exact, r, V = places.A, places.T, places.exact, places.r, data.V
    if V.shape[0] > 0:
        for f in range(r.shape[0]):
            r[f] = data.X[i, f]
        for a in range(m):
            add(r, -A.u[a], V[A.atoms[a]])
        for j in range(V.shape[0]):
            exact[j] = dot(V[j], r)
    else:
        price(exact, Row(data.G, data.cov[i], 0.0, 0.0, False), A, m)
    return renewed(T, exact, data.norms) > TINY * np.sqrt(data.sq[i])


@inner
def entered(j, data, places, positive, m):
    """Let the atom that was found enter, if it may; return the set's size, or −1 if it is hard."""
    A, part, c, whole = places.A, places.best[0], places.best[1], data.norms[j] ** 2
    bar(places.T, j)
    fresh = part > FLOOR * whole
    hard = fresh and part <= HARD * whole
    if fresh:
        before(A.w, A.inverse, A.y, m)
        fresh = not positive or stays_positive(A, c / part, m)
    if hard:
        m = -1
    elif fresh:
        enter(j, part, c, A, m)
        m += 1
    return m


@compiled_in_place
def solve(data, largest, most, target, positive, places, codes, error):
    """Pursue each row of the data; `largest` is the largest norm of an atom.

    A row has at most `most` atoms, fewer once its squared error is at most `target`; `places` are
    from `space`, which says how they are chosen. Written are the codes, in compressed rows (ends,
    columns, values), and the squared errors (b,), NaN for a row that is given up. Return the most
    atoms of a row.
    """
    A, T, best, (ends, columns, values) = places.A, places.T, places.best, codes
    u, sq, units, every = A.u, data.sq, data.units, data.norms.shape[0] + 1
    ends[0] = m = rounds = 0
    for i in range(sq.shape[0]):
        for a in range(u.shape[0]):
            u[a] = 0.0
        m, rest, looks, ranked = 0, sq[i], LOOKS, False
        going, hard = units[i] > 0.0, 0.0 < target < NEAR * sq[i]
        opened(T, data.prices[i], units[i], data.reach)
        while going and m < most and not hard and (target == 0.0 or rest > target):
            if not ranked:
                rank(T, positive)
            j = found(i, data, places, largest, positive, looks, m)
            if j == -2:
                going, looks, ranked = priced(i, data, places, m), every, False
            elif j < 0:
                going = False
            else:
                old, looks = m, LOOKS
                m = entered(j, data, places, positive, m)
                hard, ranked = m < 0, m > old
                if hard:
                    m = old
                elif m > old:
                    rest -= best[1] * best[1] / best[0]
                    if m < most and (target == 0.0 or rest > target):
                        span(j, best[0], best[1], A.y, data.norms, T, positive, old)
        error[i] = np.nan if hard else max(rest, 0.0)
        ends[i + 1] = emit(A.atoms, u, m, ends[i], columns, values)
        rounds = max(rounds, m)
    return rounds
