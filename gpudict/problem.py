"""What a code is: the penalty, the solver that fits it, and when a row is done.

One value, `Problem`, carries the choice from the faces to the batches, so that nothing below asks
again which of the parameters were given.
"""

from __future__ import annotations

from types import ModuleType
from typing import NamedTuple

from gpudict import _check, solvers
from gpudict._array import Array, array_namespace
from gpudict.penalties import L1, Cardinality, Penalty
from gpudict.stopping import Rule, duality_gap, exhausted

TOLERANCE = {"float32": 1e-5, "float64": 1e-8}
STEPS = {"fista": 20_000, "ista": 200_000, "cd_sweep": 20_000, "pursuit": 10_000}
PURSUITS = (*solvers.PURSUITS, "lars")


class Problem(NamedTuple):
    """How to code a row: the solver, the penalty, when to stop, and the tolerance asked for."""

    solver: ModuleType
    penalty: Penalty
    stop: Rule
    tol: float
    max_iter: int


def penalty_of(
    shape: tuple[int, int],
    alpha: float | None,
    n_nonzero: int | None,
    target: float,
    positive: bool,
) -> Penalty:
    """Return the lasso's penalty or a pursuit's limits, for a dictionary of that shape (k, d)."""
    target = _check.number(target, "target_error")
    if alpha is not None and (n_nonzero is not None or target > 0):
        raise ValueError(
            "Both alpha and a limit for a pursuit (n_nonzero_coefs, target_error) came, and they "
            "are different problems. Pass alpha for the lasso, or the limits for 'omp' and 'lars'."
        )
    if alpha is not None:
        return L1(_check.number(alpha, "alpha"), positive)
    if n_nonzero is None and target == 0:
        raise ValueError(
            "Neither alpha nor n_nonzero_coefs nor target_error came, so nothing makes the codes "
            "sparse. Pass alpha for the lasso, or one of the others for a pursuit."
        )
    most = min(shape) if n_nonzero is None else _check.count(n_nonzero, "n_nonzero_coefs")
    return Cardinality(min(most, shape[0]), target, positive)


def choose(
    X: Array, k: int, penalty: Penalty, *, solver: str, tol: float | None, max_iter: int | None
) -> Problem:
    """Return the solver that fits the penalty and k atoms, with its rule, tolerance and limit."""
    limit = None if max_iter is None else _check.count(max_iter, "max_iter", minimum=0)
    lasso = tuple(n for n in solvers.names() if n not in (*solvers.PURSUITS, "least_squares"))
    pursuit = isinstance(penalty, Cardinality)
    _check.choice(solver, "solver", tuple(dict.fromkeys((*lasso, *PURSUITS))))
    if pursuit and solver not in ("cd", *PURSUITS):
        raise ValueError(
            f"solver={solver!r} solves the lasso, but n_nonzero_coefs or target_error came, the "
            "limits of a pursuit. Pass alpha instead of them, or the solver 'omp' or 'lars'."
        )
    if not pursuit and solver not in lasso:
        raise ValueError(
            f"solver={solver!r} is a pursuit, but alpha came, the weight of the lasso. Pass "
            "n_nonzero_coefs or target_error instead of it, or a solver such as 'cd'."
        )
    if isinstance(penalty, Cardinality):
        solver = "omp" if solver == "cd" else solver
        steps = STEPS["pursuit"] if limit is None else limit
        return Problem(solvers.find(solver, X, k), penalty, exhausted, 0.0, steps)
    if isinstance(penalty, L1) and penalty.alpha == 0 and not penalty.positive:
        solver = "least_squares"
    single = X.dtype == array_namespace(X).float32
    tol = (
        TOLERANCE["float32" if single else "float64"] if tol is None else _check.number(tol, "tol")
    )
    margin = 0.5 if single else 1.0  # a float32 gap reads low, and float64 judges it
    steps = STEPS.get(solver, 1000) if limit is None else limit
    return Problem(solvers.find(solver, X, k), penalty, duality_gap(margin * tol), tol, steps)
