"""The memories of online learning: what a coded batch adds to them, in place."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gpudict.solvers.host.kernels.compiling import compiled, inner


class Memory(NamedTuple):
    """Sums of past batches: A = UᵀU (k, k), B = UᵀX (k, d), the squares of the features (d,).

    Of them the share `keep` stays, and of a batch `share` is added; keep = 1 costs nothing.
    """

    A: np.ndarray
    B: np.ndarray
    squares: np.ndarray
    keep: float
    share: float


class Told(NamedTuple):
    """Numbers of a batch.

    Attributes
    ----------
    cost, nonzeros : summed by the weights
    gap : the largest, relative
    typical : the geometric mean of ‖x‖²
    unused : how many atoms have less than a share of that in A
    """

    cost: float
    nonzeros: float
    gap: float
    typical: float
    unused: int


@inner
def square(i, X):
    """Return ‖x‖² of row i."""
    total = 0.0
    for f in range(X.shape[1]):
        total += X[i, f] * X[i, f]
    return total


@inner
def cost_of(i, codes, X, V, alpha, r):
    """Return ½‖x − uV‖² + alpha‖u‖₁ of row i; r (d,) becomes its residual."""
    ends, columns, values = codes
    size = total = 0.0
    for f in range(X.shape[1]):
        r[f] = X[i, f]
    for p in range(ends[i], ends[i + 1]):
        v, j = values[p], columns[p]
        size += abs(v)
        for f in range(X.shape[1]):
            r[f] -= v * V[j, f]
    for f in range(X.shape[1]):
        total += r[f] * r[f]
    return 0.5 * total + alpha * size


@inner
def decay(memory):
    """Keep the share of it that stays."""
    if memory.keep != 1.0:
        A, B, squares = memory.A, memory.B, memory.squares
        for i in range(len(A)):
            for j in range(len(A)):
                A[i, j] *= memory.keep
            for f in range(len(squares)):
                B[i, f] *= memory.keep
        for f in range(len(squares)):
            squares[f] *= memory.keep


@inner
def add(recent, long, X, weight, codes):
    """Keep a share of both memories, and add the sums of a batch, by the weights of its rows."""
    A, B, squares = recent.A, recent.B, recent.squares
    A2, B2, squares2 = long.A, long.B, long.squares
    ends, columns, values = codes
    decay(recent)
    decay(long)
    for i in range(len(X)):
        one, two = recent.share * weight[i], long.share * weight[i]
        for f in range(X.shape[1]):
            squares[f] += one * X[i, f] * X[i, f]
            squares2[f] += two * X[i, f] * X[i, f]
        for p in range(ends[i], ends[i + 1]):
            v, w, j = one * values[p], two * values[p], columns[p]
            for f in range(X.shape[1]):
                B[j, f] += v * X[i, f]
                B2[j, f] += w * X[i, f]
            A[j, j] += v * values[p]
            A2[j, j] += w * values[p]
            for q in range(p + 1, ends[i + 1]):
                c = columns[q]
                A[j, c] += v * values[q]
                A[c, j] = A[j, c]
                A2[j, c] += w * values[q]
                A2[c, j] = A2[j, c]


@compiled
def fold(recent, long, X, weight, codes, gaps, V, alpha, least):
    """Add rows X (b, d), coded by the atoms V (k, d), to both memories; V is not written.

    Codes are compressed rows (ends, columns, values). Unused is what has at most the share `least`
    of a typical ‖x‖² in the recent A. What is returned are the fields of `Told`: for Numba to make
    one calls Python, and an interrupt that is heard there ends the process.
    """
    cost = nonzeros = gap = count = logs = 0.0
    r, unused = np.empty(X.shape[1]), 0
    for i in range(len(X)):
        sq = square(i, X)
        cost += weight[i] * cost_of(i, codes, X, V, alpha, r)
        nonzeros += weight[i] * (codes[0][i + 1] - codes[0][i])
        gap = max(gap, 2.0 * gaps[i] / (sq if sq > 0.0 else 1.0))
        if sq > 0.0:
            count += weight[i]
            logs += weight[i] * np.log(sq)
    add(recent, long, X, weight, codes)
    typical = np.exp(logs / count) if count > 0.0 else 0.0
    for j in range(len(V)):
        unused += recent.A[j, j] <= least * typical
    return cost, nonzeros, gap, typical, unused
