"""Inverses and bases of the atoms: what an exact least-squares answer or bound needs.

Formed on the host in float64, from V where it is known: its Gram squares the condition number.
"""

from __future__ import annotations

import numpy as np

from gpudict.arrays.door import Array, array_namespace, asarray_like, batched_solve, to_host
from gpudict.objective.quadratic import Quadratic


def ridge(q: Quadratic, strength: float, /) -> Array:
    """Return the minimiser (n, k) of the quadratic plus ½·strength·‖Z‖²; of least norm for 0."""
    xp = array_namespace(q.cov)
    if strength == 0:
        W = whitening(q)
        return (q.cov @ W) @ xp.matrix_transpose(W)
    assert q.gram is not None
    shrunk = q.gram + strength * xp.eye(q.gram.shape[0], dtype=q.cov.dtype, device=q.cov.device)
    solved = batched_solve(shrunk[None, :, :], xp.matrix_transpose(q.cov)[None, :, :])
    return xp.matrix_transpose(solved[0, :, :])


def whitening(q: Quadratic, /) -> Array:
    """Return W (k, r) with W Wᵀ = gram⁺: ‖corr·W‖ is the length of r projected on the atoms."""
    if q.factors is not None:
        return array_namespace(q.cov).matrix_transpose(pseudo_inverse(q.factors[1]))
    assert q.gram is not None
    values, vectors = np.linalg.eigh(to_host(q.gram).astype(np.float64))
    kept = values > values.max(initial=0) * len(values) * np.finfo(np.float64).eps
    return asarray_like(vectors[:, kept] / np.sqrt(values[kept]), q.cov)


def pseudo_inverse(V: Array, /) -> Array:
    """Return V⁺ (d, k), without what is rounding in V's dtype."""
    xp = array_namespace(V)
    cut = max(V.shape) * float(xp.finfo(V.dtype).eps) / 4
    return asarray_like(np.linalg.pinv(to_host(V).astype(np.float64), rcond=cut), V)


def basis(V: Array, /) -> tuple[Array, float, float]:
    """Return orthonormal columns (d, r) that span the atoms, scaled to norm 1; and two doubts.

    How far, relative, rounding may turn the span, and how long what is outside it may be of an
    atom of norm 1, which is taken for rounding.
    """
    host = to_host(V).astype(np.float64)
    size = np.abs(host).max(axis=1, keepdims=True)
    host = host / np.where(size > 0, size, 1)
    norm = np.linalg.norm(host, axis=1, keepdims=True)
    host = host / np.where(norm > 0, norm, 1)
    first = np.take_along_axis(host, (host != 0).argmax(axis=1)[:, None], axis=1)
    host = np.unique(np.where(first < 0, -host, host), axis=0)  # else copies look like rounding
    host = host[(host != 0).any(axis=1)]
    _, values, rows = np.linalg.svd(host, full_matrices=False)
    cut = max(V.shape) * np.finfo(np.float64).eps * values.max(initial=0)
    kept = values > cut
    if kept.sum() == V.shape[1]:
        return asarray_like(np.eye(V.shape[1]), V), 0.0, 0.0
    turned = cut / values[kept].min() if kept.any() else 0.0
    return asarray_like(rows[kept, :].T, V), float(turned), 0.0 if kept.all() else float(cut)
