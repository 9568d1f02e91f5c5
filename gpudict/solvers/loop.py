"""The one iteration of the house, and the one place that waits for the device.

A check costs one wait: how many rows are done, the largest gap, and the largest width if the solver
wants to know it, in one transfer. When a tenth of the rows is done they leave, by an argsort of the
flags, which needs no wait, because their number is known.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from gpudict.arrays.door import Array, array_namespace, few_shapes, read, take
from gpudict.objective.quadratic import Quadratic, of_rows, relative_gap
from gpudict.solvers.base import IterativeSolver
from gpudict.solvers.records import Check, Solution
from gpudict.solvers.stopping import Rule, Verdict

COMPACT = 0.1  # share of finished rows worth a copy of the others


class _Part(NamedTuple):
    ids: Array | None
    Z: Array
    gap: Array
    converged: Array


def run(
    solver: IterativeSolver[Any, Any],
    q: Quadratic,
    penalty: Any,
    Z: Array,
    /,
    *,
    stop: Rule,
    max_iter: int,
    check_every: int | None = None,
) -> Solution:
    """Iterate `solver` on the quadratic plus the penalty, from Z, until every row is done.

    It waits for each check, and never for a solver that is direct. What is given is reduced for the
    solver, and its codes restored.
    """
    restored = penalty.restored
    q, penalty, Z = penalty.reduced(q, Z)
    every = solver.check_every if check_every is None else check_every
    xp = array_namespace(Z)
    state, n_iter = solver.allowed(solver.init(q, penalty, Z), max_iter), 0
    direct = solver.direct and solver.made(state) == 1
    max_iter = min(max_iter, 1) if direct else max_iter
    ids = None  # of the rows that are left, once some have gone
    parts: list[_Part] = []
    history: list[Check] = []
    verdict = None
    while n_iter < max_iter:
        state, n_iter, verdict = solver.step(q, penalty, state), n_iter + 1, None
        if direct or (n_iter % every and n_iter < max_iter):
            continue
        verdict = stop(solver, q, penalty, state)
        done, gap, width = _look(solver, q, state, verdict)
        rows = state.Z.shape[0]
        n_iter += solver.made(state) - 1 if done < rows else 0
        history.append(Check(n_iter, rows - done, gap))
        if done == rows:
            break
        state = solver.resized(state, width)
        left = few_shapes(state.Z, rows - done, rows)
        if penalty.separable and n_iter < max_iter and rows - left >= COMPACT * rows:
            ids = xp.arange(rows, device=Z.device) if ids is None else ids
            order = xp.argsort(xp.astype(verdict.done, xp.int32))
            stay, leave = order[:left], order[left:]
            parts.append(_part(ids, state, verdict, leave))
            ids, q, state = take(ids, stay), of_rows(q, stay), _rows(state, stay)
            penalty = penalty.of_rows(stay)
    if verdict is None:
        verdict = stop(solver, q, penalty, state)
    parts.append(_Part(ids, state.Z, verdict.gap, verdict.converged))
    Z, gap, converged = _in_order(parts)
    return Solution(restored(Z), gap, converged, n_iter, history)


def stepped(
    solver: IterativeSolver[Any, Any], q: Quadratic, penalty: Any, Z: Array, n: int
) -> Array:
    """Return what n steps from Z make of it: without a check, and so without a wait."""
    state = solver.init(q, penalty, Z)
    for _ in range(n):
        state = solver.step(q, penalty, state)
    return state.Z


def _look(
    solver: IterativeSolver[Any, Any], q: Quadratic, state: Any, verdict: Verdict
) -> tuple[int, float, int]:
    """Read back how many rows are done, the largest relative gap and the largest width."""
    xp = array_namespace(q.sq)
    done, width = xp.astype(verdict.done, xp.int32), solver.width(state)
    numbers = [xp.max(relative_gap(verdict.gap, q.sq)), xp.sum(done)]
    if width is not None:
        numbers.append(xp.max(xp.astype(width, xp.int32) * (1 - done)))
    gap, count, *widest = read(*numbers)
    return round(count), gap, round(widest[0]) if widest else 0


def _rows(state: Any, index: Array) -> Any:
    return type(state)(*(take(a, index) if getattr(a, "ndim", 0) else a for a in state))


def _part(ids: Array, state: Any, verdict: Verdict, index: Array) -> _Part:
    return _Part(*(take(a, index) for a in (ids, state.Z, verdict.gap, verdict.converged)))


def _in_order(parts: list[_Part]) -> tuple[Array, Array, Array]:
    if len(parts) == 1:
        return parts[0].Z, parts[0].gap, parts[0].converged
    xp = array_namespace(parts[0].Z)
    order = xp.argsort(xp.concat([p.ids for p in parts]))
    Z, gap, converged = (xp.concat([p[i] for p in parts], axis=0) for i in (1, 2, 3))
    return take(Z, order), take(gap, order), take(converged, order)
