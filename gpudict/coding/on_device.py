"""Sparse coding on any array: rows in batches that fit the memory, all rows of one in step.

NumPy's batches go to a pool of threads, since its operations outside the matrix product use one
core each.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import zip_longest

from gpudict.arrays.batches import in_batches
from gpudict.arrays.door import Array, array_namespace, at, device, float64_of, is_threaded
from gpudict.arrays.phases import phase
from gpudict.arrays.rows import Rows, stacked
from gpudict.arrays.threads import threads
from gpudict.coding.plan import Plan
from gpudict.coding.refinement import of_zeros, refined
from gpudict.coding.request import Request
from gpudict.objective.quadratic import Quadratic, diagonal
from gpudict.solvers.base import IterativeSolver, Place
from gpudict.solvers.loop import run
from gpudict.solvers.places import gram_limit
from gpudict.solvers.records import Check, Solution


def solve(request: Request, plan: Plan, size: int, *, n_jobs: int | None, sparse: bool) -> Solution:
    """Solve in batches of `size` rows; with `sparse` the codes are `Rows`."""
    X, shape = request.X, (request.X.shape[0], request.V.shape[0])
    gram = request.shared_gram(gram_limit(X))

    def batch(here: slice) -> Solution:
        rows, now = request.of_rows(here), plan.of_rows(here)
        found = untouched(rows, now) if plan.late else solved(rows.quadratic(gram), now, rows.init)
        zeros = may_be_zeros(found, plan, warm=rows.init is not None)
        found = found._replace(ended=plan.ended(rows.X.shape[0], found.n_iter, zeros=zeros))
        return found._replace(Z=Rows.of(found.Z)) if sparse else found

    workers = 1 if is_threaded(X) else min(threads(n_jobs), math.ceil(shape[0] / size))
    return joined(in_batches(batch, shape[0], size, X, workers), shape)


def solved(q: Quadratic, plan: Plan, init: Array | None) -> Solution:
    """Solve a batch, and refine what falls short."""
    xp, solver, penalty = array_namespace(q.cov), plan.solver, plan.penalty.astype(q.cov.dtype)
    assert isinstance(solver, IterativeSolver)
    Z = xp.zeros_like(q.cov)
    if init is not None:  # feasible, and no code for an atom that is zero
        Z = penalty.prox(xp.where(diagonal(q) > 0, init, Z), 0.0)
    start = None if init is None else Z
    with phase("rounds"):
        found = run(solver, q, penalty, Z, stop=plan.stop, max_iter=plan.max_iter)
    with phase("certificate"):
        return refined(found, q, plan, start)


def untouched(rows: Request, plan: Plan) -> Solution:
    """Return zeros for a batch of rows, for which there is no time."""
    (n, _), k, xp = rows.X.shape, rows.V.shape[0], array_namespace(rows.X)
    X = xp.astype(rows.X, float64_of(rows.X) or rows.X.dtype, copy=False)
    Z = xp.zeros((n, k), dtype=rows.X.dtype, device=device(rows.X))
    return Solution(Z, *of_zeros(xp.sum(X * X, axis=1), plan), 0, [])


def may_be_zeros(found: Solution, plan: Plan, *, warm: bool) -> bool:
    """Whether all codes of a batch may be zero: a solver ended at once, or came from others.

    A kernel of CUDA ends at once, always: there its certificate has told.
    """
    if found.ended:
        return bool(found.ended[0].zeros)
    solver = plan.solver
    assert isinstance(solver, IterativeSolver)
    return solver.place is Place.ANYWHERE and (warm or found.n_iter <= solver.check_every)


def joined(parts: Iterable[tuple[slice, Solution]], shape: tuple[int, int]) -> Solution:
    """Write each batch's solution in its place as it comes, or stack what is not zero of it."""
    Z = gap = converged = None
    histories, rows, ended, n_iter = [], [], (), 0
    for here, part in parts:
        if here == slice(0, shape[0]) and not isinstance(part.Z, Rows):
            return part
        if isinstance(part.Z, Rows):
            rows.append(part.Z)
        else:
            Z = _placed(Z, part.Z, here, shape)
        gap = _placed(gap, part.gap, here, shape[:1])
        converged = _placed(converged, part.converged, here, shape[:1])
        histories.append(part.history)
        ended += part.ended
        n_iter = max(n_iter, part.n_iter)
        del part  # or the next batch is solved beside it
    history = [_merged(checks) for checks in zip_longest(*histories)]
    codes = stacked(rows) if rows else Z
    return Solution(codes, gap, converged, n_iter, history, ended=ended)


def _placed(whole: Array | None, part: Array, here: slice, shape: tuple[int, ...]) -> Array:
    """Write a part into the whole array, which is made when its first part comes."""
    if whole is None:
        whole = array_namespace(part).empty(shape, dtype=part.dtype, device=device(part))
    return at(whole)[here, ...].set(part, copy=None)


def _merged(checks: tuple[Check | None, ...]) -> Check:
    real = [check for check in checks if check is not None]
    unfinished = sum(check.unfinished for check in real)
    return Check(max(c.iteration for c in real), unfinished, max(c.gap for c in real))
