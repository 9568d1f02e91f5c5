"""Products of rows of which BLAS is not worth its start: of few rows, or of few entries in them."""

from __future__ import annotations

import numpy as np

from gpudict.solvers.host.kernels.compiling import compiled, compiled_in_place


@compiled
def products(X, V, upper, out):
    """Write ⟨X_i, V_j⟩ into out[i, j], for X (n, d) and V (k, d); with `upper` for j ≥ i."""
    (n, d), k = X.shape, len(V)
    for i in range(0, n, 2):
        j = min(i + 1, n - 1)
        for e in range(i if upper else 0, k, 4):
            f, g, h = min(e + 1, k - 1), min(e + 2, k - 1), min(e + 3, k - 1)
            r0 = r1 = r2 = r3 = s0 = s1 = s2 = s3 = 0.0
            for x in range(d):
                r, s = X[i, x], X[j, x]
                v0, v1, v2, v3 = V[e, x], V[f, x], V[g, x], V[h, x]
                r0 += r * v0
                r1 += r * v1
                r2 += r * v2
                r3 += r * v3
                s0 += s * v0
                s1 += s * v1
                s2 += s * v2
                s3 += s * v3
            out[i, e], out[i, f], out[i, g], out[i, h] = r0, r1, r2, r3
            out[j, e], out[j, f], out[j, g], out[j, h] = s0, s1, s2, s3


@compiled
def scarce(X, turned, out):
    """Write X V into out (n, k), for V (d, k), by the entries of X (n, d) that are not zero."""
    (n, d), k = X.shape, turned.shape[1]
    places = np.empty(d + 1, np.int64)
    for i in range(n):
        m = 0
        for f in range(d):
            places[m] = f
            m += X[i, f] != 0.0
        for j in range(k):
            out[i, j] = 0.0
        whole = m - m % 4
        for p in range(0, whole, 4):
            e, f, g, h = places[p], places[p + 1], places[p + 2], places[p + 3]
            x0, x1, x2, x3 = X[i, e], X[i, f], X[i, g], X[i, h]
            for j in range(k):
                both = x0 * turned[e, j] + x1 * turned[f, j]
                out[i, j] += both + (x2 * turned[g, j] + x3 * turned[h, j])
        for p in range(whole, m):
            f = places[p]
            x0 = X[i, f]
            for j in range(k):
                out[i, j] += x0 * turned[f, j]


@compiled_in_place
def squares(X, out):
    """Write ‖x‖² of each row of X (n, d)."""
    for i in range(X.shape[0]):
        total = 0.0
        for f in range(X.shape[1]):
            total += X[i, f] * X[i, f]
        out[i] = total
