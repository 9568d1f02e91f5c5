"""What a row takes while it is coded, and so how many rows make a batch.

A solver says how many numbers its step holds at once for a row; a certificate holds a few dense
rows in float64. The counts are upper bounds where supports are no larger than usual, and no more
than three times what is really held.
"""

from __future__ import annotations

from gpudict._array import Array, array_namespace, float64_of, is_launch_bound, workspace
from gpudict.penalties import L1, Cardinality
from gpudict.problem import Problem
from gpudict.quadratic import SUPPORT, gram_limit

DENSE = 8  # rows of length k that a certificate, and a solver that says nothing, holds at once
FEATURES = 4  # rows of length d, in float64


def rows_a_batch(X: Array, V: Array, problem: Problem, sparse: bool) -> int:
    """Return how many rows fit the workspace, beside all the codes and three Grams of all atoms."""
    (n, k), item = (X.shape[0], V.shape[0]), bytes_each(X)
    shared = 3 * k * k if k <= gram_limit(X) else 3 * k * V.shape[1]
    room = workspace(X, item * (shared + (0 if sparse else n * k)))
    rows = max(1, room // bytes_a_row(X, V, problem))
    if rows >= n or not is_launch_bound(X):
        return rows
    return 1 << (rows.bit_length() - 1)  # so that a little less memory makes no other batches


def bytes_a_row(X: Array, V: Array, problem: Problem) -> int:
    """Return the bytes that a row takes while it is solved and certified, at most.

    Where supports are no larger than usual, that is: beyond it some solvers work in parts.
    """
    (k, d), limits = V.shape, problem.penalty
    most = SUPPORT
    if isinstance(limits, Cardinality) and not limits.target:
        most = limits.n_nonzero
    room = getattr(problem.solver, "room", None)
    numbers = DENSE * k if room is None else int(room(k, min(k, most)))
    numbers += most * d if room is not None and k > gram_limit(X) else 0  # atoms, gathered
    wide = 8 * DENSE * k if isinstance(limits, L1) and float64_of(X) is not None else 0
    most_bytes: int = max(bytes_each(X) * numbers, wide) + 8 * FEATURES * d
    return most_bytes


def needs(X: Array, V: Array, problem: Problem) -> str:
    """Say what a row needs and what can be done, where memory was not enough for it."""
    (n, d), k, item = X.shape, V.shape[0], bytes_each(X)
    row, grams = bytes_a_row(X, V, problem), item * min(k * k, k * d)
    return (
        f"X {(n, d)} and V {(k, d)} came, whose codes take {item * n * k:,} bytes if they are "
        f"dense, and to solve a row takes about {row:,} beside {grams:,} for the atoms. "
        "Pass sparse_output=True, fewer atoms or fewer rows at a time, or free memory."
    )


def bytes_each(X: Array) -> int:
    """Return the bytes of a number of X."""
    return int(array_namespace(X).finfo(X.dtype).bits) // 8
