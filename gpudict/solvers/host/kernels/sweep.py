"""The atoms of the dictionary in turn, each to its optimum on the sphere.

Two at a time: of all others they need B − A V, whose loop reads each row of V once for both.
"""

from __future__ import annotations

import numpy as np

from gpudict.solvers import constants
from gpudict.solvers.host.kernels.compiling import compiled, inner

EPS = constants.EPS["float64"]


@inner
def placed(b, atom, positive):
    """Write into `atom` the point of the sphere nearest to b; leave it if b is zero.

    With `positive`, of the sphere's part without negative entries: the unit vector of the largest
    entry if none is positive.
    """
    size, largest, total = 0.0, 0, 0.0
    for f in range(b.shape[0]):
        size = max(size, b[f] if positive else abs(b[f]))
        largest = f if b[f] > b[largest] else largest
    if size > 0.0:  # first to size 1: squares must not vanish
        for f in range(b.shape[0]):
            b[f] = (max(b[f], 0.0) if positive else b[f]) / size
            total += b[f] * b[f]
        for f in range(b.shape[0]):
            atom[f] = b[f] / np.sqrt(total)
    elif positive:
        for f in range(b.shape[0]):
            atom[f] = 1.0 if f == largest else 0.0


@inner
def near(i, j, A, index, some):
    """List the atoms that share samples with i or j, and their weights, up to a multiple of 4."""
    count = 0
    for c in range(A.shape[0]):
        if A[i, c] != 0.0 or A[j, c] != 0.0:
            index[count], some[0, count], some[1, count] = c, A[i, c], A[j, c]
            count += 1
    while count & 3:
        index[count], some[0, count], some[1, count] = 0, 0.0, 0.0
        count += 1
    return count


@inner
def others(R, S, index, some, count, V):
    """R −= Σ some[0] V[index], and S −= Σ some[1] V[index], four atoms a pass."""
    for p in range(0, count, 4):
        e, f, g, h = index[p], index[p + 1], index[p + 2], index[p + 3]
        r0, r1, r2, r3 = some[0, p], some[0, p + 1], some[0, p + 2], some[0, p + 3]
        s0, s1, s2, s3 = some[1, p], some[1, p + 1], some[1, p + 2], some[1, p + 3]
        for x in range(R.shape[0]):
            v0, v1, v2, v3 = V[e, x], V[f, x], V[g, x], V[h, x]
            R[x] -= r0 * v0 + r1 * v1 + r2 * v2 + r3 * v3
            S[x] -= s0 * v0 + s1 * v1 + s2 * v2 + s3 * v3


@inner
def turned(j, weight, R, V, moved, positive, single):
    """Bring atom j to its optimum, for R, its row of B − A V; `moved` is by how much."""
    for x in range(R.shape[0]):
        R[x] += weight * V[j, x]
        moved[x] = V[j, x]
    placed(R, V[j], positive)
    for x in range(R.shape[0]):
        V[j, x] = float(np.float32(V[j, x])) if single else V[j, x]
        moved[x] = V[j, x] - moved[x]


@inner
def used(A, atoms):
    """List the atoms that some code uses; return their number."""
    largest, count = 0.0, 0
    for j in range(A.shape[0]):
        largest = max(largest, A[j, j])
    for j in range(A.shape[0]):
        if A[j, j] > EPS * largest:
            atoms[count] = j
            count += 1
    return count


@compiled
def update(A, B, V, positive, single):
    """Update the atoms of V (k, d) in turn, in place, for A (k, k) and B (k, d).

    One that no code uses stays. They are rounded to float32 if `single`.
    """
    k, d = V.shape
    R, S, moved = np.empty(d), np.empty(d), np.empty(d)
    atoms, index, some = np.empty(k, np.int64), np.empty(k + 4, np.int64), np.empty((2, k + 4))
    last = used(A, atoms) - 1
    for p in range(0, last + 1, 2):
        i, j = atoms[p], atoms[min(p + 1, last)]
        for x in range(d):
            R[x], S[x] = B[i, x], B[j, x]
        others(R, S, index, some, near(i, j, A, index, some), V)
        turned(i, A[i, i], R, V, moved, positive, single)
        if i != j:
            for x in range(d):
                S[x] -= A[j, i] * moved[x]
            turned(j, A[j, j], S, V, moved, positive, single)
