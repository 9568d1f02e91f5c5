"""What is said of an alpha that leaves every code zero: above which one that is so."""

from __future__ import annotations

from gpudict.arrays.door import array_namespace, precise, read
from gpudict.arrays.rows import Rows
from gpudict.arrays.saying import say
from gpudict.coding.plan import Plan
from gpudict.coding.request import Request
from gpudict.solvers.base import IterativeSolver, Place
from gpudict.solvers.records import Solution


def warn_if_silent(found: Solution, request: Request, plan: Plan) -> None:
    """Warn if every code is zero, and X is not."""
    top = silent_up_to(found, request, plan)
    if top is not None:
        say_silent(top, "entry of X dictionaryᵀ")


def silent_up_to(found: Solution, request: Request, plan: Plan) -> float | None:
    """Return from which alpha on every code is zero, if every code is, else None.

    It is looked for where a solver ended at once.
    """
    solver, xp = plan.solver, array_namespace(request.X)
    first = solver.check_every if isinstance(solver, IterativeSolver) else 1
    at_once = (
        solver.place in (Place.ANYWHERE, Place.HOST, Place.HOST_MANY) and found.n_iter <= first
    )
    if not plan.penalty.certified or not at_once:  # a kernel of CUDA ends at once, always
        return None
    some = bool(len(found.Z.values)) if isinstance(found.Z, Rows) else bool(xp.any(found.Z != 0))
    if some:
        return None
    with precise(request.X):
        cov = request.cov
        cov = request.weighed @ xp.matrix_transpose(request.V) if cov is None else cov
        (top,) = read(xp.max(plan.penalty.pull(cov)))
    return top


def say_silent(top: float, what: str) -> None:
    """Say from where on codes are zero, if X is not."""
    if top > 0:
        say(
            f"alpha leaves every code zero, as it does from {top:.3g} on, the largest {what}. "
            "Pass a smaller one."
        )
