"""One solver run from zero, as its kind is run."""

from __future__ import annotations

from gpudict.arrays.door import array_namespace
from gpudict.coding.plan import Plan
from gpudict.coding.request import Request
from gpudict.coding.solve import solve as coded
from gpudict.objective import quadratic
from gpudict.solvers import places
from gpudict.solvers.base import IterativeSolver, Place, RowSolver
from gpudict.solvers.loop import run
from gpudict.solvers.registry import all_solvers

TOL = {"float32": 1e-5, "float64": 1e-9}


def solve(name, X, V, penalty, stop, **options):
    """Run a solver from zero: a solver of rows through coding, any other by the loop alone."""
    solver = all_solvers()[name]
    if isinstance(solver, RowSolver):
        tol = TOL[f"float{array_namespace(X).finfo(X.dtype).bits}"]
        plan = Plan(solver, penalty, stop, tol, options["max_iter"])
        return coded(Request(X, V), plan)
    assert isinstance(solver, IterativeSolver)
    q = quadratic.least_squares(X, V)
    zero = array_namespace(X).zeros_like(q.cov)
    return run(solver, q, penalty, zero, stop=stop, **options)


def usable(*names: str) -> tuple[str, ...]:
    """Return the solvers of these names without the compiled ones, where those are not wanted."""
    solvers = all_solvers()
    return tuple(n for n in names if places.allowed() or solvers[n].place is Place.ANYWHERE)
