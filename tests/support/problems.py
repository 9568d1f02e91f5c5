"""Random coding problems with the things that break solvers: ties, zeros, dependence, scales."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Coding(NamedTuple):
    """X (n, d), V (k, d), alpha and the sign of the codes."""

    X: np.ndarray
    V: np.ndarray
    alpha: float
    positive: bool


def unit(V):
    """Return V with rows of norm 1, zero rows as they are."""
    norm = np.linalg.norm(V, axis=1, keepdims=True)
    return V / np.where(norm > 0, norm, 1)


def coding(seed: int, *, most: int = 16) -> Coding:
    """Return problem number `seed`."""
    rng = np.random.default_rng(seed)
    n, d, k = rng.integers(1, 8), rng.integers(1, most), rng.integers(1, most)
    V = unit(rng.standard_normal((k, d)))
    X = rng.standard_normal((n, d))
    if seed % 3 == 0:  # planted: sparse codes and little noise
        U = rng.standard_normal((n, k)) * (rng.random((n, k)) < 0.3)
        X = U @ V + 0.01 * X
    if k > 2 and seed % 4 == 0:
        V[1], V[2] = V[0], -V[0]  # equal and opposite atoms
    if k > 3 and seed % 7 == 0:
        V[3] = 0
    if seed % 5 == 0:
        X[0] = 0
    if seed % 11 == 0:
        V = V * rng.uniform(0.1, 10, size=(k, 1))  # atoms need not have norm 1
    top = np.abs(X @ V.T).max() or 1.0
    alpha = top * rng.choice([1e-3, 0.03, 0.1, 0.3, 0.9, 1.1])
    return Coding(X, V, float(alpha), bool(seed % 2))


def signal(n=40, d=12, k=10, seed=0):
    """Return data that a dictionary of k atoms explains, and a random unit start."""
    rng = np.random.default_rng(seed)
    U = rng.standard_normal((n, k)) * (rng.random((n, k)) < 0.4)
    X = U @ unit(rng.standard_normal((k, d))) + 0.05 * rng.standard_normal((n, d))
    return X, unit(rng.standard_normal((k, d)))


def on_the_sphere(seed):
    """Return data and a start from which scikit-learn's atoms stay of norm 1."""
    rng = np.random.default_rng(seed)
    n, d, k = 80 + 20 * seed, 12, 8
    U = rng.standard_normal((n, k)) * (rng.random((n, k)) < 0.5)
    X = U @ unit(rng.standard_normal((k, d))) + 0.3 * rng.standard_normal((n, d))
    return X, unit(rng.standard_normal((k, d)))


def small(dtype, seed=8):
    """A problem with equal, opposite and zero atoms and a zero row, well away from degeneracy."""
    rng = np.random.default_rng(seed)
    V = unit(rng.standard_normal((9, 7)))
    V[4], V[5], V[6] = V[0], -V[1], 0
    X = rng.standard_normal((5, 7))
    X[3] = 0
    return X.astype(dtype), V.astype(dtype)


def planted(n, k, d, support, dtype):
    """Data whose codes have about `support` atoms, a dictionary and the codes."""
    rng = np.random.default_rng(0)
    V = unit(rng.standard_normal((k, d)))
    U = rng.standard_normal((n, k)) * (rng.random((n, k)) < support / k)
    X = U @ V + 0.1 / np.sqrt(d) * rng.standard_normal((n, d))
    return tuple(a.astype(dtype) for a in (X, V, U))


def near_copies(distance, seed=0):
    """Four atoms and a near copy of each, and six samples."""
    rng = np.random.default_rng(seed)
    base = rng.standard_normal((4, 8))
    V = unit(np.vstack([base, base + distance * rng.standard_normal((4, 8))]))
    return unit(rng.standard_normal((6, 8))), V
