"""What is said of an alpha that leaves every code zero: above which one that is so."""

from __future__ import annotations

from gpudict.arrays.door import array_namespace
from gpudict.arrays.rows import Rows
from gpudict.arrays.saying import say_if_all
from gpudict.coding.alpha.largest import largest, tops
from gpudict.coding.plan import Plan
from gpudict.coding.request import Request
from gpudict.solvers.records import Solution


def warn_if_silent(found: Solution, request: Request, plan: Plan) -> None:
    """Warn if every code is zero, and X is not; of all batches where there are some."""
    say_silent(silent_up_to(found, request, plan), "entry of X dictionaryᵀ")


def silent_up_to(found: Solution, request: Request, plan: Plan) -> float | None:
    """Return from which alpha on every code is zero, if every code is, else None.

    It is looked for where every batch ended as if they were.
    """
    idle = plan.late or not plan.max_iter
    if not plan.penalty.certified or idle or not all(e.zeros for e in found.ended):
        return None
    if not isinstance(found.Z, Rows) and bool(array_namespace(found.Z).any(found.Z != 0)):
        return None
    if isinstance(found.Z, Rows) and found.Z.values.shape[0]:
        return None
    if request.cov is None:
        rows, penalty = request.weighed, plan.penalty
        return largest(tops(rows, request.V, positive=penalty.positive, penalty=penalty))
    return largest(plan.penalty.pull(request.cov))


def say_silent(top: float | None, what: str) -> None:
    """Say from where on codes are zero, if they are and X is not."""
    if top is None:
        say_if_all("")
    elif top > 0:
        say_if_all(
            f"alpha leaves every code zero, as it does from {top:.3g} on, the largest {what}. "
            "Pass a smaller one.",
            top,
        )
