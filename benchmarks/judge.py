"""The judge: objective and duality gap of any codes, in float64, from the formula, in plain NumPy.

It shares no line with the contestants. Rows go in blocks, so that it needs little memory.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

BLOCK = 4096


class Judgement(NamedTuple):
    """Objective summed over rows, largest gap of a row relative to ½‖x‖², non-zeros a row."""

    objective: float
    gap: float
    nonzeros: float


def judge(X: np.ndarray, V: np.ndarray, U: np.ndarray, alpha: float) -> Judgement:
    """Judge codes U (n, k) of the lasso with data X (n, d) and atoms V (k, d)."""
    V = V.astype(np.float64)
    objective, worst = 0.0, 0.0
    for low in range(0, len(X), BLOCK):
        x, u = (a[low : low + BLOCK].astype(np.float64) for a in (X, U))
        r = x - u @ V
        primal = 0.5 * (r * r).sum(axis=1) + alpha * np.abs(u).sum(axis=1)
        pull = np.abs(r @ V.T).max(axis=1)
        theta = r * np.minimum(1, alpha / np.maximum(pull, 1e-300))[:, None]
        dual = (x * theta).sum(axis=1) - 0.5 * (theta * theta).sum(axis=1)
        half = 0.5 * (x * x).sum(axis=1)
        objective += primal.sum()
        worst = max(worst, ((primal - dual) / np.where(half > 0, half, 1)).max())
    return Judgement(float(objective), float(worst), float(np.count_nonzero(U) / len(U)))


def squared_error(X: np.ndarray, V: np.ndarray, U: np.ndarray) -> float:
    """Return ‖X − U V‖² / ‖X‖², by which pursuits are judged."""
    X = X.astype(np.float64)
    R = X - U.astype(np.float64) @ V.astype(np.float64)
    return float((R * R).sum() / (X * X).sum())
