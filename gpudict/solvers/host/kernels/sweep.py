"""Some atoms of the dictionary in turn, each to its optimum on the sphere."""

from __future__ import annotations

import numpy as np

from gpudict.solvers.host.kernels.compiling import compiled, inner


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


@compiled
def update(low, A, R, V, used, positive):
    """Update the atoms from `low` on, in V (k, d), for R (b, d), their rows of B − A V."""
    count, d = R.shape
    moved, b = np.zeros((count, d)), np.empty(d)
    for a in range(count):
        j = low + a
        if not used[j]:
            continue
        for f in range(d):
            b[f] = R[a, f] + A[j, j] * V[j, f]
        for c in range(a):
            weight = A[j, low + c]
            for f in range(d):
                b[f] -= weight * moved[c, f]
        for f in range(d):
            moved[a, f] = V[j, f]
        placed(b, V[j], positive)
        for f in range(d):
            moved[a, f] = V[j, f] - moved[a, f]
