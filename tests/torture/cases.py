"""Lasso problems that break solvers, by kind of matrix and by size; see `KINDS`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tests.support.problems import unit

SIZES = (1, 2, 3, 5, 10, 50)  # 0 is refused: test_refusals
SAMPLES = 2
SHARES = (1e-13, 1e-8, 1e-3, 0.1, 0.5, 1.0, 1.5)  # of the largest pull
Shape = tuple[int, int]
Kind = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


class Case(NamedTuple):
    """X (n, d), an alpha for each row, and V (k, d)."""

    X: np.ndarray
    V: np.ndarray
    alphas: np.ndarray


def _normal(rng: np.random.Generator, k: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    return rng.standard_normal((SAMPLES, d)), unit(rng.standard_normal((k, d)))


def normal(rng, k):
    return _normal(rng, k, max(1, k // 2))


def tall(rng, k):
    return _normal(rng, k, 2 * k)


def many(rng, k):
    """k ≫ d."""
    return _normal(rng, 4 * k, k) if k < 50 else _normal(rng, k, 6)


def planted(rng, k):
    X, V = _normal(rng, k, k)
    U = rng.standard_normal((SAMPLES, k)) * (rng.random((SAMPLES, k)) < 0.3)
    return U @ V + 1e-3 * X, V


def equal(rng, k):
    """Each atom twice or more, and their opposites."""
    X, V = _normal(rng, k, max(2, k // 3))
    return X, V[rng.integers(0, max(1, k // 2), k)] * rng.choice([-1, 1], (k, 1))


def nearly_parallel(rng, k):
    """Pairs to 1 − 1e-15."""
    X, V = _normal(rng, k, k + 1)
    near = V + 3e-8 * rng.standard_normal(V.shape)
    return X, np.concatenate([V[: (k + 1) // 2], near[: k // 2]])


def opposed(rng, k):
    """Pairs to −1 + 1e-8: codes of large mass."""
    X, V = _normal(rng, k, k + 1)
    near = -V + 1e-4 * rng.standard_normal(V.shape)
    return X, np.concatenate([V[: (k + 1) // 2], near[: k // 2]])


def zeros(rng, k):
    X, V = _normal(rng, k, k)
    V[::2] = 0
    X[0] = 0
    return X, V


def rank_one(rng, k):
    X, V = _normal(rng, k, k)
    return X, np.outer(rng.choice([-2.0, 0.5, 1, 4], k), V[0])


def constant(rng, k):
    return np.full((SAMPLES, k), 2.0), np.ones((k, k))


def spectra(rng, k):
    """Smooth bumps that overlap."""
    d = max(2, 2 * k // 3)
    grid, centres = np.linspace(0, 1, d), rng.random((k, 1))
    V = unit(np.exp(-((grid - centres) ** 2) / 0.02) + 0.05)
    return (rng.random((SAMPLES, k)) * (rng.random((SAMPLES, k)) < 0.3)) @ V + 0.01, V


def decays(rng, k):
    """Exponential decays: no two of them far apart."""
    t, rates = np.linspace(0, 5, k + 2), np.sort(rng.uniform(0.1, 5, (k, 1)))
    V = unit(np.exp(-rates * t))
    return rng.random((SAMPLES, k)) @ V + 1e-3 * rng.standard_normal((SAMPLES, k + 2)), V


def graded(rng, k):
    """Atoms whose norms differ by many orders."""
    X, V = _normal(rng, k, k)
    return X, V * 10.0 ** rng.uniform(-8, 8, (k, 1))


def ties(rng, k):
    """Whole numbers: many pulls are equal."""
    d = max(1, k // 2)
    return rng.integers(-2, 3, (SAMPLES, d)).astype(float), rng.integers(-1, 2, (k, d)).astype(
        float
    )


def large(rng, k):
    X, V = _normal(rng, k, k)
    return 2.0**40 * X, 2.0**-30 * V


KINDS: dict[str, Kind] = {f.__name__: f for f in (
    normal, tall, many, planted, equal, nearly_parallel, opposed, zeros, rank_one, constant,
    spectra, decays, graded, ties, large,
)}  # fmt: skip


def case(kind: str, size: int, dtype: str, seed: int = 0) -> Case:
    """Return a case: each sample with alphas from tiny to above the largest pull."""
    rng = np.random.default_rng([seed, size, sorted(KINDS).index(kind)])
    X, V = (a.astype(dtype) for a in KINDS[kind](rng, size))
    top = np.abs(X.astype(float) @ V.astype(float).T).max(axis=1)
    top = np.where(top > 0, top, 1.0)
    shares = SHARES if size < 50 else SHARES[::3]
    alphas = (top[:, None] * np.array(shares)).reshape(-1).astype(dtype).astype(float)
    return Case(np.repeat(X, len(shares), axis=0), V, alphas)
