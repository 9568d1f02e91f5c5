"""An active set of atoms and M, the inverse of its Gram, in O(m²) for each that comes or goes.

What `cuda/kernels/active.cuh` is, on the host. M is (most + 8) square, zero
beyond the m atoms of the set, as are all vectors over the set: the short loops run over whole
vectors of 8. `leave` puts the last atom in the place of the one that goes.

Structs cost nothing where their arrays are named before a loop, and loops have one exit: else Numba
counts references (4 % of the lasso, and more).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpudict.solvers.host.kernels.compiling import inner


class Row(NamedTuple):
    """½⟨u, G u⟩ − ⟨u, c⟩ + alpha‖u‖₁ over k atoms, and ‖x‖²: G (k, k) and c (k,)."""

    G: np.ndarray
    c: np.ndarray
    sq: float
    alpha: float
    positive: bool


class Active(NamedTuple):
    """The set's M; of its atoms the numbers, codes u, signs s, and slopes ρ = corr − alpha·s."""

    M: np.ndarray
    atoms: np.ndarray
    u: np.ndarray
    s: np.ndarray
    rho: np.ndarray


class Work(NamedTuple):
    """Vectors that are kept from row to row.

    Attributes
    ----------
    corr : (k,), c − G u
    free : (k,), of the bits of corr those that count where the strongest pull is looked for
    pull, best : the tournament of the atoms
    d, g, w : over the set: a direction, G_Sj of an atom j, and M g
    """

    corr: np.ndarray
    free: np.ndarray
    pull: np.ndarray
    best: np.ndarray
    d: np.ndarray
    g: np.ndarray
    w: np.ndarray


@inner
def padded(m):
    """Return m rounded up to whole vectors."""
    return (m + 7) & ~7


@inner
def times(out, M, x, m):
    """out = M x over the padded rows."""
    width = padded(m)
    for a in range(width):
        out[a] = 0.0
    for b in range(0, m, 4):
        x0, x1, x2, x3 = x[b], x[b + 1], x[b + 2], x[b + 3]
        for a in range(width):
            out[a] += x0 * M[b, a] + x1 * M[b + 1, a] + x2 * M[b + 2, a] + x3 * M[b + 3, a]


@inner
def rank_one(M, w, scale, m):
    """M += scale · w wᵀ."""
    width = padded(m)
    for b in range(m):
        x = scale * w[b]
        for a in range(width):
            M[b, a] += x * w[a]


@inner
def outside(j, row, A, work, m):
    """Return the squared length of atom j outside the span of the set; g = G_Sj and w = M g."""
    G, atoms, g, w = row.G, A.atoms, work.g, work.w
    for a in range(m):
        g[a] = G[j, atoms[a]]
    for a in range(m, padded(m + 1)):
        g[a] = w[a] = 0.0
    times(w, A.M, g, m)
    part = G[j, j]
    for a in range(m):
        part -= g[a] * w[a]
    return part


@inner
def border(j, part, A, w, m):
    """Let atom j into the set: M becomes the inverse of the larger Gram."""
    w[m] = -1.0
    rank_one(A.M, w, 1.0 / part, m + 1)
    w[m] = 0.0
    A.atoms[m] = j


@inner
def leave(out, A, w, m):
    """Let the atom in place `out` go; return m − 1."""
    M, atoms, u, s, rho = A.M, A.atoms, A.u, A.s, A.rho
    last = m - 1
    width = padded(m)
    for a in range(width):
        w[a] = M[out, a]
    rank_one(M, w, -1.0 / w[out], m)
    if out != last:
        for a in range(m):
            M[out, a] = M[last, a]
        M[out, out] = M[last, last]
        for a in range(m):
            M[a, out] = M[out, a]
        atoms[out], u[out], s[out], rho[out] = atoms[last], u[last], s[last], rho[last]
    for a in range(width):
        M[last, a] = w[a] = 0.0
    for a in range(m):
        M[a, last] = 0.0
    atoms[last] = 0
    u[last] = s[last] = rho[last] = 0.0
    return last


@inner
def forget(A, m):
    """Empty the set; return its size, 0."""
    M, atoms, u, s, rho = A.M, A.atoms, A.u, A.s, A.rho
    width = padded(m)
    for b in range(m):
        atoms[b] = 0
        u[b] = s[b] = rho[b] = 0.0
        for a in range(width):
            M[b, a] = 0.0
    return 0


@inner
def price(corr, row, A, m):
    """corr = c − Σ u_a G[S_a], over all atoms; four rows of G a pass, one left over by itself."""
    G, c, atoms, u = row.G, row.c, A.atoms, A.u
    k, first = c.shape[0], m % 4
    if first == 1:
        for j in range(k):
            corr[j] = c[j] - u[0] * G[atoms[0], j]
    else:
        for j in range(k):
            corr[j] = c[j]
        first = 0
    for a in range(first, m, 4):
        u0, u1, u2, u3 = u[a], u[a + 1], u[a + 2], u[a + 3]
        r0, r1, r2, r3 = atoms[a], atoms[a + 1], atoms[a + 2], atoms[a + 3]
        for j in range(k):
            corr[j] -= u0 * G[r0, j] + u1 * G[r1, j] + u2 * G[r2, j] + u3 * G[r3, j]


@inner
def active(most):
    """Return an empty set with space for `most` atoms."""
    space = most + 8
    u, s, rho = np.zeros((3, space))
    return Active(np.zeros((space, space)), np.zeros(space, np.int64), u, s, rho)


@inner
def work(k, width, most):
    """Return vectors for k atoms, a tournament of that width, and sets of `most` atoms."""
    d, g, w = np.zeros((3, most + 8))
    return Work(np.zeros(k), np.zeros(k, np.int64), np.zeros(width), np.zeros(width // 2), d, g, w)
