"""The judge: objective and duality gap of any codes, in float64, from the formula, in plain NumPy.

It shares no line with the contestants. Rows go in blocks, so that it needs little memory.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

BLOCK = 4096
LOOSE = 1e-5


class Judgement(NamedTuple):
    """Of all rows: the objective, the gaps relative to ½‖x‖², and the non-zeros of a row.

    Of the gaps, the largest, the median, and how many are above LOOSE.
    """

    objective: float
    gap: float
    median_gap: float
    loose: int
    nonzeros: float


def judge(
    X: np.ndarray, V: np.ndarray, U: np.ndarray, alpha: float, positive: bool = False
) -> Judgement:
    """Judge codes U (n, k) of the lasso, or that with U ≥ 0, with data X (n, d), atoms V (k, d).

    Codes that are below zero where they must not be have an infinite objective and gap.
    """
    V = V.astype(np.float64)
    objective, gaps = 0.0, []
    for low in range(0, len(X), BLOCK):
        x, u = (a[low : low + BLOCK].astype(np.float64) for a in (X, U))
        r = x - u @ V
        primal = 0.5 * (r * r).sum(axis=1) + alpha * np.abs(u).sum(axis=1)
        if positive:
            primal[u.min(axis=1) < 0] = np.inf
        inner = r @ V.T
        pull = inner.max(axis=1) if positive else np.abs(inner).max(axis=1)
        theta = r * np.minimum(1, alpha / np.maximum(pull, 1e-300))[:, None]
        dual = (x * theta).sum(axis=1) - 0.5 * (theta * theta).sum(axis=1)
        half = 0.5 * (x * x).sum(axis=1)
        objective += primal.sum()
        gaps.append((primal - dual) / np.where(half > 0, half, 1))
    gap = np.concatenate(gaps)
    loose = int(np.count_nonzero(gap > LOOSE))
    nonzeros = float(np.count_nonzero(U) / len(U))
    return Judgement(float(objective), float(gap.max()), float(np.median(gap)), loose, nonzeros)


def squared_error(X: np.ndarray, V: np.ndarray, U: np.ndarray) -> float:
    """Return ‖X − U V‖² / ‖X‖², by which pursuits are judged."""
    X = X.astype(np.float64)
    R = X - U.astype(np.float64) @ V.astype(np.float64)
    return float((R * R).sum() / (X * X).sum())


def cost(X: np.ndarray, V: np.ndarray, alpha: float) -> float:
    """Return the objective a row of X (n, d) over atoms V (k, d), with the best codes.

    scikit-learn finds those; that they are the best, to 1e-6 of ½‖x‖², is looked at here.
    """
    from sklearn.decomposition import sparse_encode

    X, V = (np.asarray(a, dtype=np.float64) for a in (X, V))
    U = sparse_encode(X, V, algorithm="lasso_cd", alpha=alpha, max_iter=100_000)
    verdict = judge(X, V, U, alpha)
    if verdict.gap > 1e-6:
        raise RuntimeError(f"the judge's codes have a gap of {verdict.gap:.1e} of ½‖x‖²")
    return verdict.objective / len(X)
