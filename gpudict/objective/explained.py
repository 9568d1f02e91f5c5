"""How much of the variance of data components explain, one after the other.

Sparse components are not orthogonal, so variances of their scores overlap. What component j adds is
what the projection on the first j has more than that on those before it: tr(X_jᵀX_j) of Shen and
Huang (2008), Sparse principal component analysis via regularized low rank matrix approximation,
section 2.3. All together they are the share that least squares on the components leaves out.
"""

from __future__ import annotations

from gpudict.arrays.door import Array, array_namespace, divisor, float64_of, precise


def shares(features: Array, components: Array, /) -> Array:
    """Return the share that each component (k, d) adds, (k,), of centred features (d, n).

    Components are of norm 1, or zero.
    """
    xp, dtype = array_namespace(features), float64_of(features) or features.dtype
    with precise(features):
        wide = xp.astype(components, dtype, copy=False)
        Q = xp.astype(_enlarging(wide), features.dtype, copy=False)
        seen = xp.matrix_transpose(features) @ Q
    total = xp.sum(features * features, dtype=dtype)
    least = float(xp.finfo(dtype).smallest_normal)
    found = xp.sum(seen * seen, axis=0, dtype=dtype) / (total + least)
    return xp.astype(found, components.dtype, copy=False)


def _enlarging(V: Array) -> Array:
    """Return what each atom (k, d) enlarges the span of those before it by: columns (d, k).

    Of length 1 and orthogonal, or 0 where it is nothing but rounding: so says the QR of them
    over √eps·I, whose columns depend on each other never.
    """
    xp, k = array_namespace(V), V.shape[0]
    if not hasattr(xp, "linalg"):
        return _one_by_one(V)
    root = float(xp.finfo(V.dtype).eps) ** 0.5
    own = xp.eye(k, dtype=V.dtype, device=V.device) * root
    Q, _ = xp.linalg.qr(xp.concat([xp.matrix_transpose(V), own]))
    return Q[:-k, :]


def _one_by_one(V: Array) -> Array:
    """Return the columns by Gram and Schmidt, each made twice."""
    xp = array_namespace(V)
    cut = max(V.shape) * float(xp.finfo(V.dtype).eps)
    Q = xp.zeros_like(V[:1, :])
    for j in range(V.shape[0]):
        v = V[j : j + 1, :]
        for _ in range(2):
            v = v - (v @ xp.matrix_transpose(Q)) @ Q
        left = xp.sqrt(xp.sum(v * v))
        Q = xp.concat([Q, xp.where(left > cut, v / divisor(left), xp.zeros_like(v))])
    return xp.matrix_transpose(Q[1:, :])
