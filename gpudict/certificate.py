"""What users get to know of a code: a gap from the residual itself, in float64 where there is.

A solver steers by sums that cancel, in the dtype of the data: enough to stop by, and not a bound
near an exact fit. So the last word is said here. Rows of float32 that rounding stopped short of
their tolerance are finished in float64; their codes are rounded again, and judged again as they
are. Rows that a compiled solver leaves are finished by the portable one.
"""

from __future__ import annotations

from typing import Any

from gpudict import solvers
from gpudict._array import Array, array_namespace, few_shapes, float64_of, read, take
from gpudict.loop import Solution, run
from gpudict.penalties import L1
from gpudict.problem import Problem
from gpudict.quadratic import Quadratic, least_squares, rows
from gpudict.stopping import duality_gap

SHARE = 4  # of a batch is finished at a time: float64 takes twice the room of float32


def certified(found: Solution, q: Quadratic, problem: Problem) -> Solution:
    """Return the solution with its certificate; rows that fell short are finished where that helps.

    Those of float32 in float64, and those that a compiled solver leaves by the portable one.
    """
    fallback = getattr(problem.solver, "FALLBACK", None)
    if not isinstance(problem.penalty, L1):
        return found if fallback is None else _completed(found, q, problem, fallback)
    wide, own = float64_of(found.Z), found.Z.dtype
    q = q if wide is None or own == wide else cast(q, wide)
    found, missed = judged(found, q, problem)
    limited = found.n_iter >= problem.max_iter or hasattr(problem.solver, "APPROXIMATE")
    again = [problem.solver] if q.sq.dtype != own else []
    again += [solvers.find(fallback)] if fallback else []
    for solver in [] if limited else again:
        if missed:
            most = max(1, found.Z.shape[0] // SHARE)
            found, missed = finished(found, q, problem._replace(solver=solver), missed, most)
    return found


def _completed(found: Solution, q: Quadratic, problem: Problem, fallback: str) -> Solution:
    """Let the portable solver code the rows that the pursuit gave up: their gap is NaN."""
    xp = array_namespace(found.Z)
    lost = xp.isnan(found.gap)
    (number,) = read(xp.sum(xp.astype(lost, q.sq.dtype)))
    if not number:
        return found
    order, some = _first(lost, round(number))
    part, before, most = rows(q, some), take(found.Z, some), problem.max_iter
    solver, rule = solvers.find(fallback), problem.stop
    again = run(solver, part, problem.penalty, before, stop=rule, max_iter=most)
    return _merged(found, again, order, take(lost, some))


def judged(found: Solution, q: Quadratic, problem: Problem) -> tuple[Solution, int]:
    """Return the solution judged in the dtype of q, and how many rows fell short; one wait."""
    assert isinstance(problem.penalty, L1)
    xp, Z, penalty = array_namespace(found.Z), _like(found.Z, q), problem.penalty
    gap, limit = penalty.certificate(q, Z), 0.5 * problem.tol * q.sq
    short = ~(gap <= limit)  # so is what is no number
    value = penalty.value(Z)
    near = short & (value > 0) & (value <= limit)  # then the bound by least squares may do
    missed, some = read(*(xp.sum(xp.astype(rows_, q.sq.dtype)) for rows_ in (short, near)))
    if some:
        gap = xp.minimum(gap, penalty.above_least_squares(q, Z))
    return found._replace(gap=gap, converged=gap <= limit), round(missed)


def finished(
    found: Solution, q: Quadratic, problem: Problem, missed: int, most: int | None = None
) -> tuple[Solution, int]:
    """Solve the rows that did not converge once more, in the dtype of q, `most` at a time.

    A row's better code stays. Return also how many rows still fall short.
    """
    order, some = _first(~found.converged, missed)
    count = some.shape[0]
    size = count if most is None else most
    parts = [_again(found, q, problem, some[low : low + size]) for low in range(0, count, size)]
    again, left = _together([part for part, _ in parts]), sum(short for _, short in parts)
    old = take(found.gap, some)
    return _merged(found, again, order, (again.gap < old) | array_namespace(old).isnan(old)), left


def _again(found: Solution, q: Quadratic, problem: Problem, some: Array) -> tuple[Solution, int]:
    """Solve some rows from their codes, and judge the new ones as they are rounded.

    From zeros where the codes are worse than these.
    """
    xp, part = array_namespace(found.Z), rows(q, some)
    worth = take(found.gap, some) <= 0.5 * part.sq
    before = take(found.Z, some)
    before = xp.where(worth[:, None], before, xp.zeros_like(before))
    rule, most = duality_gap(0.5 * problem.tol), problem.max_iter
    again = run(problem.solver, part, problem.penalty, _like(before, q), stop=rule, max_iter=most)
    rounded = xp.astype(again.Z, before.dtype)
    return judged(again._replace(Z=rounded), part, problem)


def _together(parts: list[Solution]) -> Solution:
    xp = array_namespace(parts[0].Z)
    if len(parts) == 1:
        return parts[0]
    Z, gap, converged = (xp.concat([part[i] for part in parts], axis=0) for i in range(3))
    longest = max(parts, key=lambda part: part.n_iter)
    return Solution(Z, gap, converged, longest.n_iter, longest.history)


def _first(wanted: Array, number: int) -> tuple[Array, Array]:
    """Return the rows with those that are wanted first, in order, and these alone."""
    xp = array_namespace(wanted)
    order = xp.argsort(xp.astype(~wanted, xp.int32), stable=True)
    return order, order[: few_shapes(order, number, order.shape[0])]


def _merged(found: Solution, again: Solution, order: Array, better: Array) -> Solution:
    """Put the rows that are better in the place of those that come first in the order."""
    xp = array_namespace(found.Z)
    back, m = xp.argsort(order, stable=True), better.shape[0]

    def merged(old: Array, new: Array) -> Array:
        keep = better if new.ndim == 1 else better[:, None]
        new = xp.where(keep, new, take(old, order[:m]))
        return take(xp.concat([new, take(old, order[m:])], axis=0), back)

    Z, gap, converged = (merged(*pair) for pair in zip(found[:3], again[:3], strict=True))
    return Solution(Z, gap, converged, found.n_iter + again.n_iter, found.history + again.history)


def cast(q: Quadratic, dtype: Any) -> Quadratic:
    """Return the quadratic in another dtype, from the data itself where it is known."""
    xp = array_namespace(q.cov)
    if q.factors is not None:
        return least_squares(*(xp.astype(a, dtype) for a in q.factors))
    assert q.gram is not None
    return Quadratic(*(xp.astype(a, dtype) for a in (q.cov, q.sq, q.gram)))


def _like(Z: Array, q: Quadratic) -> Array:
    return array_namespace(Z).astype(Z, q.cov.dtype, copy=False)
