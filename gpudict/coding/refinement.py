"""What becomes of a solver's rows: judged, and where they fall short, solved once more.

A solver steers by sums that cancel, in the dtype of the data: enough to stop by, and not a bound
near an exact fit. So the last word is said here, from the residual itself, in float64 where there
is. Rows that rounding stopped short of their tolerance are solved once more in float64, those that
a compiled solver leaves by its fallback. Codes are rounded again to the dtype of the data, and
judged again as they are; of a row's codes the better stay.
"""

from __future__ import annotations

from typing import Any

from gpudict.arrays.door import Array, array_namespace, few_shapes, float64_of, read, take
from gpudict.coding.plan import Plan
from gpudict.objective.quadratic import (
    Quadratic,
    by_factors,
    exact,
    least_squares,
    of_rows,
    to_judge,
)
from gpudict.solvers.base import IterativeSolver, Kind
from gpudict.solvers.loop import run
from gpudict.solvers.places import gram_limit
from gpudict.solvers.records import Solution
from gpudict.solvers.registry import portable_solver
from gpudict.solvers.stopping import duality_gap

SHARE = 4  # of a batch is finished at a time: float64 takes twice the memory of float32


def refined(found: Solution, q: Quadratic, plan: Plan, init: Array | None = None) -> Solution:
    """Return the solution with its certificate; rows that fell short are finished where that helps.

    The penalty of the plan is that of these rows, and so are the codes that they started from.
    """
    if not plan.penalty.certified:
        return found if _fallback(plan) is None else _completed(found, q, plan)
    n, quick = found.Z.shape[0], None
    if not plan.penalty.reduces:
        quick = plan.solver.certificate(q, plan.penalty, found.Z)
    if quick is None:
        return _refined(found, q, plan, init)
    found, missed, first = _within(found, plan, *quick)
    if not missed:
        return found._replace(ended=plan.ended(n, found.n_iter, zeros=first == 0))
    order, some = _first(~found.converged, missed)
    part = found._replace(Z=take(found.Z, some))
    start = None if init is None else take(init, some)
    part = _refined(part, of_rows(q, some), plan.of_rows(some), start)
    found = found._replace(n_iter=0, history=[])  # which the part has
    xp = array_namespace(some)
    return _merged(found, part, order, xp.ones_like(some, dtype=xp.bool))


def _within(found: Solution, plan: Plan, gap: Array, sq: Array) -> tuple[Solution, int, float]:
    """Return the solution with these gaps, how many rows fall short and the first gap; one wait."""
    converged, xp = gap <= 0.5 * plan.tol * sq, array_namespace(gap)  # no number is not
    count, first = read(xp.sum(xp.astype(converged, gap.dtype)), gap[0])
    return found._replace(gap=gap, converged=converged), gap.shape[0] - round(count), first


def of_zeros(sq: Array, plan: Plan) -> tuple[Array, Array]:
    """Return a bound for codes of zeros of rows with these ‖x‖², and whether they converged, (n,).

    No objective is below 0.
    """
    infinite = array_namespace(sq).full_like(sq, float("inf"))
    return (0.5 * sq, sq <= 0) if plan.penalty.certified else (infinite, sq < 0)


def _refined(found: Solution, q: Quadratic, plan: Plan, init: Array | None) -> Solution:
    codes, wide = found.Z.dtype, float64_of(found.Z)
    q = q if wide is None or q.sq.dtype == wide else to_judge(q, wide)
    plan = plan._replace(penalty=plan.penalty.astype(q.sq.dtype))
    going = not (plan.limited and found.n_iter >= plan.max_iter)
    going = going and plan.solver.kind is not Kind.APPROXIMATE
    found, missed = judged(found, q, plan, closely=going)
    for solver in _again(plan, narrow=q.sq.dtype != codes):
        if missed and going:
            found, missed = _finished(found, q, plan.by(solver), missed)
    if not missed or plan.solver.kind is Kind.APPROXIMATE:
        return found
    return _guarded(found, q, plan, init)


def _again(plan: Plan, *, narrow: bool) -> list[IterativeSolver[Any, Any]]:
    """Return the solvers of the rows that fall short, one after the other."""
    solver = plan.solver
    if plan.late:
        return []
    chain = [solver] if narrow and isinstance(solver, IterativeSolver) else []
    while (fallback := _fallback(plan)) is not None:
        chain, plan = [*chain, fallback], plan.by(fallback)
    return chain


def _fallback(plan: Plan) -> IterativeSolver[Any, Any] | None:
    """Return the solver that finishes what the plan's leaves, if there is one for its penalty."""
    name = plan.solver.fallback
    solver = None if name is None else portable_solver(name)
    return solver if solver is not None and solver.solves(plan.penalty.form) else None


def _completed(found: Solution, q: Quadratic, plan: Plan) -> Solution:
    """Let the fallback code the rows that a pursuit gave up: their gap is NaN."""
    solver = _fallback(plan)
    assert solver is not None
    xp = array_namespace(found.Z)
    lost = xp.isnan(found.gap)
    number = _count(lost)
    if not number:
        return found
    order, some = _first(lost, number)
    start = _like(take(found.Z, some), q)
    part, plan = of_rows(q, some), plan.of_rows(some)
    again = run(solver, part, plan.penalty, start, stop=plan.stop, max_iter=plan.max_iter)
    again = again._replace(Z=xp.astype(again.Z, found.Z.dtype, copy=False))
    return _merged(found, again, order, take(lost, some))


def judged(found: Solution, q: Quadratic, plan: Plan, *, closely: bool) -> tuple[Solution, int]:
    """Return the solution judged in the dtype of q, and how many rows fell short.

    Where they are judged closely, those that do are given the better bound, which costs more.
    """
    xp, Z = array_namespace(found.Z), _like(found.Z, q)
    gap, limit = plan.penalty.certificate(q, Z), 0.5 * plan.tol * q.sq
    missed = _count(~(gap <= limit))  # so is what is no number
    if missed and closely:
        order, some = _first(~(gap <= limit), missed)
        better = xp.concat([_closer(q, Z, plan, cut) for cut in _cuts(some, q)])
        gap = xp.concat([xp.minimum(take(gap, some), better), take(gap, order[some.shape[0] :])])
        gap = take(gap, xp.argsort(order, stable=True))
        missed = _count(~(gap <= limit))
    return found._replace(gap=gap, converged=gap <= limit), missed


def _closer(q: Quadratic, Z: Array, plan: Plan, some: Array) -> Array:
    return plan.penalty.of_rows(some).closer(_part(q, some), take(Z, some))


def _part(q: Quadratic, some: Array) -> Quadratic:
    """Return the quadratic of some rows, with the products that judging does without."""
    part = of_rows(q, some)
    if part.factors is None or part.cov.dtype == part.sq.dtype:
        return part
    shared = len(part.factors) == 2 and part.cov.shape[1] <= gram_limit(part.cov)
    return (least_squares if shared else by_factors)(*part.factors)


def _guarded(found: Solution, q: Quadratic, plan: Plan, init: Array | None) -> Solution:
    """Let no row that did not converge be worse than zeros, or than the codes it started from."""
    xp = array_namespace(found.Z)
    for other in (xp.zeros_like(found.Z), init):
        if other is not None:
            other = xp.astype(other, found.Z.dtype, copy=False)
            worse = ~(_objective(q, plan, found.Z) <= _objective(q, plan, other)) & ~found.converged
            Z = xp.where(worse[:, None], other, found.Z)
            gap = xp.where(worse, plan.penalty.certificate(q, _like(Z, q)), found.gap)
            found = found._replace(Z=Z, gap=gap, converged=gap <= 0.5 * plan.tol * q.sq)
    return found


def _objective(q: Quadratic, plan: Plan, Z: Array) -> Array:
    return 0.5 * exact(q, _like(Z, q))[2] + plan.penalty.value(_like(Z, q))


def _count(rows: Array) -> int:
    xp = array_namespace(rows)
    return round(read(xp.sum(xp.astype(rows, xp.int32)))[0])


def _cuts(some: Array, q: Quadratic) -> list[Array]:
    """Return the rows in parts of a share of a batch, for which there is memory."""
    number = some.shape[0]
    size = max(1, q.sq.shape[0] // SHARE)
    return [some[low : min(low + size, number)] for low in range(0, number, size)]


def _finished(found: Solution, q: Quadratic, plan: Plan, missed: int) -> tuple[Solution, int]:
    """Solve the rows that did not converge once more, in the dtype of q, a share at a time.

    A row's better code stays. Return also how many rows still fall short.
    """
    order, some = _first(~found.converged, missed)
    parts = [_once_more(found, q, plan, cut) for cut in _cuts(some, q)]
    again, left = _together([part for part, _ in parts]), sum(short for _, short in parts)
    old = take(found.gap, some)
    return _merged(found, again, order, (again.gap < old) | array_namespace(old).isnan(old)), left


def _once_more(found: Solution, q: Quadratic, plan: Plan, some: Array) -> tuple[Solution, int]:
    """Solve some rows from their codes, and judge the new ones as they are rounded.

    From zeros where the codes are worse than these.
    """
    xp, part, plan = array_namespace(found.Z), _part(q, some), plan.of_rows(some)
    worth = take(found.gap, some) <= 0.5 * part.sq
    start = take(found.Z, some)
    start = xp.where(worth[:, None], start, xp.zeros_like(start))
    rule, solver = duality_gap(0.5 * plan.tol), plan.solver
    assert isinstance(solver, IterativeSolver)
    again = run(solver, part, plan.penalty, _like(start, q), stop=rule, max_iter=plan.max_iter)
    rounded = xp.astype(again.Z, start.dtype)
    return judged(again._replace(Z=rounded), part, plan, closely=True)


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


def _like(Z: Array, q: Quadratic) -> Array:
    return array_namespace(Z).astype(Z, q.sq.dtype, copy=False)
