"""Codes by scikit-learn's algorithms, reported and warned of as it does."""

from __future__ import annotations

from gpudict.arrays import check, parameters
from gpudict.arrays.door import Array, array_namespace, read
from gpudict.arrays.rows import Rows
from gpudict.coding.plan import Plan, penalty_of
from gpudict.coding.request import Request
from gpudict.coding.silence import warn_if_silent
from gpudict.coding.solve import solve
from gpudict.objective.quadratic import relative_gap
from gpudict.solvers.base import Kind
from gpudict.solvers.records import Solution
from gpudict.translation.reporting import Reporter
from gpudict.translation.words import (
    LASSO,
    algorithms,
    default_sparsity,
    is_pursuit,
    pursuits,
    warn,
)


def encoded(
    request: Request,
    algorithm: str,
    *,
    n_nonzero_coefs: int | None = None,
    alpha: float | None = None,
    max_iter: int = 1000,
    n_jobs: int | None = None,
    verbose: int = 0,
    positive: bool = False,
    sparse_output: bool = False,
) -> Solution:
    """Return the solution for a request, with a sparse matrix of codes if it is asked for."""
    X, shape = request.X, request.V.shape
    sparse = check.sparse_output(sparse_output, X)
    penalty = penalty_of(shape, *_limits(algorithm, n_nonzero_coefs, alpha, shape), positive)
    plan = Plan.of(
        X,
        shape[0],
        penalty,
        solver=algorithm.removeprefix(LASSO),
        tol=None,
        max_iter=max_iter if penalty.certified else None,
        weighted=request.weight is not None,
    )
    found = solve(request, plan, n_jobs=n_jobs, sparse=sparse)
    warn_if_silent(found, request, plan)
    if plan.solver.kind is not Kind.APPROXIMATE:
        _warn_of_missed(X, found, certified=penalty.certified)
    if verbose:
        Reporter(verbose).solution(algorithm, found)
    rows = isinstance(found.Z, Rows)
    return found._replace(Z=found.Z.matrix(shape[0], found.gap)) if rows else found


def _limits(
    algorithm: str, n_nonzero: int | None, alpha: float | None, shape: tuple[int, int]
) -> tuple[float | None, int | None, float]:
    """Return alpha, n_nonzero_coefs and target_error as `encode` wants them."""
    parameters.choice(algorithm, "algorithm", algorithms())
    alpha = None if alpha is None else parameters.number(alpha, "alpha")
    if not is_pursuit(algorithm):
        return (1.0 if alpha is None else alpha), None, 0.0
    if algorithm in pursuits() and n_nonzero is None and alpha:
        return None, None, alpha
    return None, default_sparsity(*shape) if n_nonzero is None else n_nonzero, 0.0


def _warn_of_missed(X: Array, found: Solution, *, certified: bool) -> None:
    """Warn of the rows that did not converge, if there are any."""
    xp = array_namespace(X)
    (count,) = read(xp.sum(xp.astype(~found.converged, xp.int32)))
    if count and not certified:
        warn(
            f"{count:.0f} of {X.shape[0]} codes did not reach the squared error that was asked "
            "for, with all the atoms that help.",
            "Ask for a larger one, or for a number of atoms, or pass more atoms.",
        )
    elif count:
        sq = xp.astype(xp.sum(X * X, axis=1), found.gap.dtype)
        (gap,) = read(xp.max(relative_gap(found.gap, sq)))
        warn(
            f"{count:.0f} of {X.shape[0]} codes did not converge in {found.n_iter} iterations; the "
            f"largest duality gap is {gap:.1e} of ½‖x‖²."
        )
