"""When a row is done. A rule is a function (q, penalty, state) -> Verdict, computed on the device.

Rules decide, the loop waits: nothing here reads a value back. A row can be done in two ways. It
has reached what was asked (`reached`), or its solver says that it can do no more (`settled`): the
end of a path, a full support, a code that no longer moves in its dtype.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from gpudict._array import Array, array_namespace
from gpudict.penalties import Penalty
from gpudict.quadratic import Quadratic


class Verdict(NamedTuple):
    """For each row: done, whether what was asked is reached, and its gap; all (n,)."""

    done: Array
    reached: Array
    gap: Array


Rule = Callable[[Any, Quadratic, Penalty, Any], Verdict]


def duality_gap(tol: float) -> Rule:
    """Return the rule gap ≤ tol·½‖x‖²: the one that serves every certified penalty."""

    def rule(solver: Any, q: Quadratic, penalty: Penalty, state: Any) -> Verdict:
        own = "gap" in state._fields  # a compiled solver's
        gap = state.gap if own else penalty.gap(q, state.Z, state.corr)
        reached = gap <= 0.5 * tol * q.sq
        return Verdict(reached | solver.settled(state), reached, gap)

    return rule


def exhausted(solver: Any, q: Quadratic, penalty: Any, state: Any) -> Verdict:
    """Rule of the pursuits, which know themselves when a row has what it may have.

    A row has reached what was asked if its squared error, `state.rest`, is at most the target;
    without one, in any case. A row that was given up has NaN there, and in its gap, else inf.
    """
    done, xp = solver.settled(state), array_namespace(q.sq)
    reached = done & (state.rest <= penalty.target) if penalty.target else done
    gap = xp.full_like(q.sq, float("inf"))
    own = hasattr(solver, "FALLBACK")
    return Verdict(done, reached, xp.where(xp.isnan(state.rest), state.rest, gap) if own else gap)
