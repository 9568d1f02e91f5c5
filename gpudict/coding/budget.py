"""What a row takes while it is coded, and so how many rows make a batch.

A solver says how many numbers its step holds at once for a row; a certificate holds a few dense
rows in float64. The counts are upper bounds where supports are no larger than usual, and no more
than three times what is really held.
"""

from __future__ import annotations

from gpudict.arrays.door import bytes_each, float64_of, is_launch_bound
from gpudict.arrays.memory import sorting, workspace
from gpudict.coding.plan import Plan
from gpudict.coding.request import Request
from gpudict.solvers.base import DENSE, SUPPORT, IterativeSolver
from gpudict.solvers.places import gram_limit

FEATURES = 4  # rows of length d, in float64


def rows_a_batch(request: Request, plan: Plan, sparse: bool) -> int:
    """Return how many rows fit the workspace, beside all the codes and three Grams of all atoms."""
    X, (n, d), k = request.X, request.X.shape, request.V.shape[0]
    shared = 3 * k * (k if k <= gram_limit(X) else d)
    space = workspace(X, bytes_each(X) * (shared + (0 if sparse else n * k)))
    rows = max(1, space // bytes_a_row(request, plan))
    if rows >= n or not is_launch_bound(X):
        return rows
    return 1 << (rows.bit_length() - 1)  # so that a little less memory makes no other batches


def bytes_a_row(request: Request, plan: Plan) -> int:
    """Return the bytes that a row takes while it is solved and certified, at most.

    Where supports are no larger than usual, that is: beyond it some solvers work in parts.
    """
    X, (k, d), solver, penalty = request.X, request.V.shape, plan.solver, plan.penalty
    weighted = request.weight is not None
    alone = weighted or k > gram_limit(X)  # no Gram has the products of atoms
    gathered = d * (1 + weighted) if alone else 0  # numbers of one
    numbers = 0
    if isinstance(solver, IterativeSolver):
        numbers = solver.numbers_per_row(k, min(k, penalty.support or SUPPORT), gathered)
    item = bytes_each(X)
    sorted_ = (item * DENSE + sorting(X)) * k  # while there are no small Grams
    judged = 8 * DENSE * k if penalty.certified and float64_of(X) is not None else 0
    most: int = max(item * numbers, sorted_, judged) + 8 * FEATURES * d
    return most


def needs(request: Request, plan: Plan) -> str:
    """Say what a row needs and what can be done, where memory was not enough for it."""
    X, (k, d) = request.X, request.V.shape
    row, grams = bytes_a_row(request, plan), bytes_each(X) * min(k * k, k * d)
    solved = f"and to solve a row takes about {row:,} beside {grams:,} for the atoms"
    return shapes(request, f"if they are dense, {solved}")


def shapes(request: Request, rest: str = "if they are dense") -> str:
    """Say what came and what its codes take, and what can be done."""
    X, (n, d), k = request.X, request.X.shape, request.V.shape[0]
    return (
        f"X {(n, d)} and V {(k, d)} came, whose codes take {bytes_each(X) * n * k:,} bytes {rest}. "
        "Pass sparse_output=True, fewer atoms or fewer rows at a time, or free memory."
    )
