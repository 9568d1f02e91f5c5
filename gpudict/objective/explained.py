"""How much of the variance of data components explain, one after the other.

Sparse components are not orthogonal, so variances of their scores overlap. What component j adds is
what the projection on the first j has more than that on those before it: tr(X_jᵀX_j) of Shen and
Huang (2008), Sparse principal component analysis via regularized low rank matrix approximation,
section 2.3. All together they are the share that least squares on the components leaves out.
"""

from __future__ import annotations

import numpy as np

from gpudict.arrays.door import (
    Array,
    array_namespace,
    asarray_like,
    float64_of,
    precise,
    read,
    to_host,
)


def shares(features: Array, components: Array, /) -> Array:
    """Return the share that each component (k, d) adds, (k,), of centred features (d, n)."""
    xp, dtype = array_namespace(features), float64_of(features) or features.dtype
    directions, numbers = _enlarging(to_host(components).astype(np.float64))
    with precise(features):
        seen = xp.matrix_transpose(features) @ asarray_like(directions, features)
    parts = xp.sum(seen * seen, axis=0, dtype=dtype)
    (total,) = read(xp.sum(features * features, dtype=dtype))
    found = np.zeros(components.shape[0])
    found[numbers] = to_host(parts) / (total or 1.0)
    return asarray_like(found, components)


def _enlarging(V: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Return orthonormal columns (d, r), and of which atoms each is what the span grows by."""
    norms = np.linalg.norm(V, axis=1)
    numbers = np.flatnonzero(norms).tolist()
    cut = max(V.shape) * np.finfo(np.float64).eps
    while True:
        first = numbers[: V.shape[1]]
        Q, R = np.linalg.qr(V[first].T)
        flat = np.abs(np.diag(R)) <= cut * norms[first]
        if not flat.any():
            return Q, first
        del numbers[int(np.argmax(flat))]
