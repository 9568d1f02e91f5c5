"""Products of rows: so few that BLAS is not worth its start, or its threads their stop."""

from __future__ import annotations

from gpudict.solvers.host.kernels.compiling import compiled


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
