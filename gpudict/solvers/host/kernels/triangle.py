"""The atoms that a pursuit has chosen: L⁻¹, where L is the Cholesky factor of their Gram.

The rows of L⁻¹ are unit vectors e_1, e_2, … of the span, as codes of the atoms, one a step. L⁻¹ and
its transpose are kept, so that both products with it run along rows; they are (most + 8) square and
zero above, or below, the diagonal, as is u beyond the set.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpudict.solvers.host.kernels.active import padded
from gpudict.solvers.host.kernels.compiling import inner


class Chosen(NamedTuple):
    """The set: L⁻¹ and L⁻ᵀ, the atoms' numbers and codes u, and t, the parts of x along each e.

    Of an atom j: g = G_Sj, its parts y = L⁻¹ g along each e, and w = L⁻ᵀ y.
    """

    inverse: np.ndarray
    turned: np.ndarray
    atoms: np.ndarray
    u: np.ndarray
    t: np.ndarray
    g: np.ndarray
    y: np.ndarray
    w: np.ndarray


@inner
def nothing_chosen(most):
    """Return an empty set with space for `most` atoms."""
    space = most + 8
    inverse, turned = np.zeros((space, space)), np.zeros((space, space))
    u, t, g, y, w = np.zeros((5, space))
    return Chosen(inverse, turned, np.zeros(space, np.int64), u, t, g, y, w)


@inner
def after(out, turned, x, m):
    """out = L⁻¹ x; four columns at a time, from the diagonal on."""
    width = padded(m)
    for a in range(width):
        out[a] = 0.0
    for b in range(0, m, 4):
        x0, x1, x2, x3 = x[b], x[b + 1], x[b + 2], x[b + 3]
        for a in range(b & ~7, width):
            p = x0 * turned[b, a] + x1 * turned[b + 1, a]
            out[a] += p + x2 * turned[b + 2, a] + x3 * turned[b + 3, a]


@inner
def before(out, inverse, x, m):
    """out = L⁻ᵀ x; four rows at a time, up to the diagonal."""
    for a in range(padded(m)):
        out[a] = 0.0
    for b in range(0, m, 4):
        x0, x1, x2, x3 = x[b], x[b + 1], x[b + 2], x[b + 3]
        for a in range(padded(b + 4)):
            p = x0 * inverse[b, a] + x1 * inverse[b + 1, a]
            out[a] += p + x2 * inverse[b + 2, a] + x3 * inverse[b + 3, a]


@inner
def products(g, v, V, atoms, m):
    """Let g be v's products with the chosen atoms; four at a time, for their speed."""
    for a in range(0, m, 4):
        v0, v1, v2, v3 = V[atoms[a]], V[atoms[a + 1]], V[atoms[a + 2]], V[atoms[a + 3]]
        g0 = g1 = g2 = g3 = 0.0
        for f in range(v.shape[0]):
            g0 += v[f] * v0[f]
            g1 += v[f] * v1[f]
            g2 += v[f] * v2[f]
            g3 += v[f] * v3[f]
        g[a], g[a + 1], g[a + 2], g[a + 3] = g0, g1, g2, g3
    for a in range(m, padded(m)):
        g[a] = 0.0


@inner
def add(r, x, v):
    """r += x v."""
    for f in range(r.shape[0]):
        r[f] += x * v[f]


@inner
def beyond(part, c, A, m):
    """Return an atom's squared length outside the span, and its ⟨v, r⟩, g being known.

    Of `part`, its squared length, and c = ⟨v, x⟩.
    """
    t, g, y = A.t, A.g, A.y
    after(y, A.turned, g, m)
    for a in range(padded(m)):
        along = y[a] if a < m else 0.0
        y[a] = along
        part -= along * along
        c -= along * t[a]
    return part, c


@inner
def stays_positive(A, v, m):
    """Whether no code is negative once the atom enters with code v, w being known."""
    u, w, positive = A.u, A.w, v >= 0.0
    for a in range(m):
        positive = positive and u[a] - w[a] * v >= 0.0
    return positive


@inner
def enter(j, part, c, A, m):
    """Let atom j into the set, w being known, with its part outside and its ⟨v, r⟩."""
    inverse, turned, u, w, v, scale = A.inverse, A.turned, A.u, A.w, c / part, 1.0 / np.sqrt(part)
    for a in range(padded(m)):
        u[a] -= w[a] * v
        inverse[m, a] = -scale * w[a]
    for a in range(m):
        turned[a, m] = -scale * w[a]
    inverse[m, m] = turned[m, m] = scale
    A.atoms[m], u[m], A.t[m] = j, v, c * scale
