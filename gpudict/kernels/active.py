"""An active set S of atoms and M, the inverse of its Gram, in O(m²) for each that comes or goes.

M is (most + 8) square, zero beyond the m atoms of the set, as are all vectors over the set: the
short loops run over whole vectors of 8. `leave` puts the last atom in the place of the one that
goes. Vectors that belong to the atoms, their codes u, signs s and ρ, move along.
"""

from __future__ import annotations

from numba import njit

FAST = {"reassoc", "contract", "arcp", "nsz"}  # NaN and infinity keep their meaning

inner = njit(inline="always", fastmath=FAST, error_model="numpy")


def compiled(function):
    """Compile the function when it is first called; kept in a cache where one can be written."""
    how = {"nogil": True, "fastmath": FAST, "error_model": "numpy"}
    try:
        return njit(cache=True, **how)(function)
    except RuntimeError:  # no folder can be written
        return njit(**how)(function)


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
def outside(j, G, M, S, g, w, m):
    """Return the squared length of atom j outside the span of S; g = G_Sj and w = M g."""
    for a in range(m):
        g[a] = G[j, S[a]]
    for a in range(m, padded(m + 1)):
        g[a] = w[a] = 0.0
    times(w, M, g, m)
    rest = G[j, j]
    for a in range(m):
        rest -= g[a] * w[a]
    return rest


@inner
def border(j, M, S, w, rest, m):
    """Let atom j into the set: M becomes the inverse of the larger Gram."""
    w[m] = -1.0
    rank_one(M, w, 1.0 / rest, m + 1)
    w[m] = 0.0
    S[m] = j


@inner
def leave(out, M, S, u, s, rho, w, m):
    """Let the atom in place `out` go; return m − 1."""
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
        S[out], u[out], s[out], rho[out] = S[last], u[last], s[last], rho[last]
    for a in range(width):
        M[last, a] = w[a] = 0.0
    for a in range(m):
        M[a, last] = 0.0
    S[last] = 0
    u[last] = s[last] = rho[last] = 0.0
    return last


@inner
def forget(M, S, u, s, rho, m):
    """Empty the set; return its size, 0."""
    width = padded(m)
    for b in range(m):
        S[b] = 0
        u[b] = s[b] = rho[b] = 0.0
        for a in range(width):
            M[b, a] = 0.0
    return 0


@inner
def price(q, C, i, G, S, u, m):
    """q = c − Σ u_a G[S_a], over all atoms; four rows of G a pass."""
    k = C.shape[1]
    for j in range(k):
        q[j] = C[i, j]
    for a in range(0, m, 4):
        u0, u1, u2, u3 = u[a], u[a + 1], u[a + 2], u[a + 3]
        r0, r1, r2, r3 = S[a], S[a + 1], S[a + 2], S[a + 3]
        for j in range(k):
            q[j] -= u0 * G[r0, j] + u1 * G[r1, j] + u2 * G[r2, j] + u3 * G[r3, j]
