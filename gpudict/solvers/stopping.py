"""When a row is done. A rule is a function (solver, q, penalty, state) -> Verdict, on the device.

Rules decide, the loop waits: nothing here reads a value back. A row can be done in two ways. It
has reached what was asked (`converged`), or its solver says that it can do no more (`settled`): the
end of a path, a full support, a code that no longer moves in its dtype.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from gpudict.arrays.door import Array, array_namespace
from gpudict.objective.quadratic import Quadratic
from gpudict.solvers.base import IterativeSolver


class Verdict(NamedTuple):
    """For each row: done, whether what was asked is reached, and its gap; all (n,)."""

    done: Array
    converged: Array
    gap: Array


Rule = Callable[[IterativeSolver[Any, Any], Quadratic, Any, Any], Verdict]


def duality_gap(tol: float) -> Rule:
    """Return the rule gap ≤ tol·½‖x‖²: the one that serves every certified penalty."""

    def rule(solver: IterativeSolver[Any, Any], q: Quadratic, penalty: Any, state: Any) -> Verdict:
        gap = solver.gap(q, penalty, state)
        converged = gap <= 0.5 * tol * q.sq
        return Verdict(converged | solver.settled(state), converged, gap)

    return rule


def exhausted(solver: IterativeSolver[Any, Any], q: Quadratic, penalty: Any, state: Any) -> Verdict:
    """Rule of the pursuits, which know themselves when a row has what it may have.

    A row has reached what was asked if its squared error is at most the target; without one, in any
    case. The gap of a row that was given up is NaN, like its error, and inf for all others.
    """
    done, error, xp = solver.settled(state), solver.error(state), array_namespace(q.sq)
    converged = done & (error <= penalty.target) if penalty.target else done
    gap = xp.full_like(q.sq, float("inf"))
    if solver.fallback is not None:
        gap = xp.where(xp.isnan(error), error, gap)
    return Verdict(done, converged, gap)


def in_time(rule: Rule, until: float) -> Rule:
    """Return the rule by which every row is done, too, once a time of `time.perf_counter` is over.

    What did not converge until then has not.
    """
    if until == math.inf:
        return rule

    def timed(solver: IterativeSolver[Any, Any], q: Quadratic, penalty: Any, state: Any) -> Verdict:
        verdict = rule(solver, q, penalty, state)
        late = time.perf_counter() > until
        return verdict._replace(done=verdict.done | late) if late else verdict

    return timed


def still(Z: Array, previous: Array) -> Array:
    """Whether each row of Z differs from the previous one by rounding alone, (n,) bool."""
    xp = array_namespace(Z)
    moved = xp.max(xp.abs(Z - previous), axis=1)
    return moved <= 2 * float(xp.finfo(Z.dtype).eps) * xp.max(xp.abs(Z), axis=1)
