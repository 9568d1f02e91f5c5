"""What a code is: the penalty, the solver that fits it, and when a row is done.

One value, `Plan`, carries the choice from the faces to the batches, so that nothing below asks
again which of the parameters were given.
"""

from __future__ import annotations

import math
import time
from typing import Any, NamedTuple

from gpudict.arrays import parameters
from gpudict.arrays.door import Array, array_namespace
from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.objective.penalties.contract import RowPenalty
from gpudict.objective.penalties.l1 import L1
from gpudict.objective.penalties.least_squares import LeastSquares
from gpudict.solvers.base import Solver
from gpudict.solvers.records import Ended, Status
from gpudict.solvers.registry import FASTEST, find
from gpudict.solvers.stopping import Rule, duality_gap, exhausted, in_time

USUAL = 1000  # rounds that scikit-learn's functions ask for, unless the user does
TOLERANCE = {"float32": 1e-5, "float64": 1e-8}


class Plan(NamedTuple):
    """How to code a row: the solver and its name as asked for, the penalty, when it is done.

    `until` is when the time is over, of the clock `time.perf_counter`; `weighted` is whether
    entries of rows have weights.
    """

    solver: Solver[Any]
    penalty: RowPenalty
    stop: Rule
    tol: float
    max_iter: int
    name: str = FASTEST
    until: float = math.inf
    weighted: bool = False

    @classmethod
    def of(
        cls,
        X: Array,
        k: int,
        penalty: RowPenalty,
        *,
        solver: str,
        tol: float | None,
        max_iter: int | None,
        until: float = math.inf,
        weighted: bool = False,
    ) -> Plan:
        """Return the plan for rows like X over k atoms, with the solver that the name stands for.

        `weighted` says that entries of X have weights.

        Raises
        ------
        TypeError, ValueError
            A parameter can't be used, or solver and penalty do not fit.
        """
        limit = None if max_iter is None else parameters.count(max_iter, "max_iter", minimum=0)
        if weighted and not penalty.weighable:
            raise ValueError(
                "Entries of X have weights or are missing, and with a penalty of the kind "
                f"{type(penalty).__name__} that is not solved. Pass alpha, or n_nonzero_coefs."
            )
        chosen = find(solver, penalty, X, k, weighted=weighted)
        limit = chosen.max_iter if limit is None else limit
        if not penalty.certified:
            rule = in_time(exhausted, until)
            return cls(chosen, penalty, rule, 0.0, limit, solver, until, weighted)
        single = X.dtype == array_namespace(X).float32
        usual = TOLERANCE["float32" if single else "float64"]
        tol = usual if tol is None else parameters.number(tol, "tol")
        margin = 0.5 if single else 1.0  # a float32 gap reads low, and float64 judges it
        rule = in_time(duality_gap(margin * tol), until)
        return cls(chosen, penalty, rule, tol, limit, solver, until, weighted)

    @property
    def late(self) -> bool:
        """Whether the time is over."""
        return time.perf_counter() > self.until

    def ended(self, rows: int, n_iter: int, *, zeros: bool) -> tuple[Ended]:
        """Return how so many rows ended, after so many rounds."""
        limited = n_iter >= self.max_iter or not self.penalty.certified
        missed = Status.LIMIT if limited else Status.ROUNDING
        return (Ended(rows, Status.TIME if self.late else missed, zeros),)

    @property
    def limited(self) -> bool:
        """Whether fewer rounds are asked for than the solver makes unasked, or scikit-learn's."""
        return self.max_iter < min(self.solver.max_iter, USUAL)

    def by(self, solver: Solver[Any]) -> Plan:
        """Return the plan for another solver, which has its own limit unless one was asked for."""
        limit = self.max_iter if self.limited else solver.max_iter
        return self._replace(solver=solver, max_iter=limit)

    def at(self, X: Array, k: int) -> Plan:
        """Return the plan for rows on another device: by the solver that the name stands for there.

        Raises
        ------
        ValueError
            It stands for none there.
        """
        plan = self.having(self.penalty.at(X, k))
        solver = find(self.name, plan.penalty, X, k, weighted=self.weighted)
        return plan if solver is self.solver else plan.by(solver)

    def of_rows(self, index: Array | slice) -> Plan:
        """Return the plan of some rows."""
        return self.having(self.penalty.of_rows(index))

    def having(self, penalty: RowPenalty) -> Plan:
        """Return the plan with another form of its penalty."""
        return self if penalty is self.penalty else self._replace(penalty=penalty)


def penalty_of(
    shape: tuple[int, int],
    alpha: float | None,
    n_nonzero: int | None,
    target: float,
    positive: bool,
    each: Array | None = None,
    given: RowPenalty | None = None,
) -> RowPenalty:
    """Return the lasso's penalty or a pursuit's limits, for a dictionary of that shape (k, d).

    `each` are alphas of the rows, checked, in place of one for all. A penalty that is `given` in
    place of all else is that one.
    """
    target, positive = parameters.number(target, "target_error"), bool(positive)
    lasso, pursuit = alpha is not None or each is not None, n_nonzero is not None or target > 0
    if given is not None:
        if lasso or pursuit or positive:
            raise ValueError(
                "penalty came, and alpha, a limit for a pursuit or a sign of the codes beside it, "
                "which a penalty says itself. Pass, for instance, only "
                "penalty=ElasticNet(alpha, ridge, positive=True)."
            )
        return given
    if lasso and pursuit:
        raise ValueError(
            "Both alpha and a limit for a pursuit (n_nonzero_coefs, target_error) came, and they "
            "are different problems. Pass alpha for the lasso, or the limits for a pursuit."
        )
    if each is not None:
        return L1(each, positive)
    if alpha is not None:
        weight = parameters.number(alpha, "alpha")
        return LeastSquares() if weight == 0 and not positive else L1(weight, positive)
    if n_nonzero is None and target == 0:
        raise ValueError(
            "Neither alpha nor n_nonzero_coefs nor target_error came, so nothing makes the codes "
            "sparse. Pass alpha for the lasso, or one of the others for a pursuit."
        )
    most = min(shape) if n_nonzero is None else parameters.count(n_nonzero, "n_nonzero_coefs")
    return Cardinality(min(most, shape[0]), target, positive)
