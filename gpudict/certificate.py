"""What users get to know of a code: a gap from the residual itself, in float64 where there is.

A solver steers by sums that cancel, in the dtype of the data: enough to stop by, and not a bound
near an exact fit. So the last word is said here. Rows of float32 that rounding stopped short of
their tolerance are finished in float64; their codes are rounded again, and judged again as they
are.
"""

from __future__ import annotations

from typing import Any

from gpudict._array import Array, array_namespace, few_shapes, float64_of, read, take
from gpudict.loop import Solution, run
from gpudict.penalties import L1
from gpudict.problem import Problem
from gpudict.quadratic import Quadratic, least_squares, rows
from gpudict.stopping import duality_gap

SHARE = 4  # of a batch is finished at a time: float64 takes twice the room of float32


def certified(found: Solution, q: Quadratic, problem: Problem) -> Solution:
    """Return the solution with its certificate; float32 rows that fell short are finished."""
    if not isinstance(problem.penalty, L1):
        return found
    wide, own = float64_of(found.Z), found.Z.dtype
    q = q if wide is None or own == wide else cast(q, wide)
    found, missed = judged(found, q, problem)
    limited = found.n_iter >= problem.max_iter or hasattr(problem.solver, "APPROXIMATE")
    if not missed or limited or q.sq.dtype == own:
        return found
    return finished(found, q, problem, missed, max(1, found.Z.shape[0] // SHARE))


def judged(found: Solution, q: Quadratic, problem: Problem) -> tuple[Solution, int]:
    """Return the solution judged in the dtype of q, and how many rows fell short; one wait."""
    assert isinstance(problem.penalty, L1)
    xp, Z, penalty = array_namespace(found.Z), _like(found.Z, q), problem.penalty
    gap, limit = penalty.certificate(q, Z), 0.5 * problem.tol * q.sq
    short = gap > limit
    value = penalty.value(Z)
    near = short & (value > 0) & (value <= limit)  # then the bound by least squares may do
    missed, some = read(*(xp.sum(xp.astype(rows_, q.sq.dtype)) for rows_ in (short, near)))
    if some:
        gap = xp.minimum(gap, penalty.above_least_squares(q, Z))
    return found._replace(gap=gap, converged=gap <= limit), round(missed)


def finished(
    found: Solution, q: Quadratic, problem: Problem, missed: int, most: int | None = None
) -> Solution:
    """Solve the rows that did not converge once more, in the dtype of q, `most` at a time."""
    xp = array_namespace(found.Z)
    n = found.Z.shape[0]
    order = xp.argsort(xp.astype(found.converged, xp.int32), stable=True)
    some = order[: few_shapes(order, missed, n)]
    count = some.shape[0]
    size = count if most is None else most
    parts = [_again(found, q, problem, some[low : low + size]) for low in range(0, count, size)]
    again = parts[0] if len(parts) == 1 else _together(parts)
    better = again.gap < take(found.gap, some)
    back = xp.argsort(order, stable=True)

    def merged(old: Array, new: Array) -> Array:
        keep = better if new.ndim == 1 else better[:, None]
        new = xp.where(keep, new, take(old, some))
        return take(xp.concat([new, take(old, order[some.shape[0] :])], axis=0), back)

    Z, gap, converged = (merged(*pair) for pair in zip(found[:3], again[:3], strict=True))
    return Solution(Z, gap, converged, found.n_iter + again.n_iter, found.history + again.history)


def _again(found: Solution, q: Quadratic, problem: Problem, some: Array) -> Solution:
    """Solve some rows from their codes, and judge the new ones as they are rounded."""
    part, before = rows(q, some), take(found.Z, some)
    rule, most = duality_gap(0.5 * problem.tol), problem.max_iter
    again = run(problem.solver, part, problem.penalty, _like(before, q), stop=rule, max_iter=most)
    rounded = array_namespace(before).astype(again.Z, before.dtype)
    return judged(again._replace(Z=rounded), part, problem)[0]


def _together(parts: list[Solution]) -> Solution:
    xp = array_namespace(parts[0].Z)
    Z, gap, converged = (xp.concat([part[i] for part in parts], axis=0) for i in range(3))
    longest = max(parts, key=lambda part: part.n_iter)
    return Solution(Z, gap, converged, longest.n_iter, longest.history)


def cast(q: Quadratic, dtype: Any) -> Quadratic:
    """Return the quadratic in another dtype, from the data itself where it is known."""
    xp = array_namespace(q.cov)
    if q.factors is not None:
        return least_squares(*(xp.astype(a, dtype) for a in q.factors))
    assert q.gram is not None
    return Quadratic(*(xp.astype(a, dtype) for a in (q.cov, q.sq, q.gram)))


def _like(Z: Array, q: Quadratic) -> Array:
    return array_namespace(Z).astype(Z, q.cov.dtype, copy=False)
