"""What `encode` is asked for, before any row is seen; and how it is carried out for an array."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

from gpudict.arrays import check, per_row
from gpudict.arrays.batches import memory_error_saying
from gpudict.arrays.devices import chosen
from gpudict.arrays.door import Array
from gpudict.arrays.per_entry import observed
from gpudict.coding.budget import shapes
from gpudict.coding.plan import Plan, penalty_of
from gpudict.coding.request import Request
from gpudict.coding.silence import silent_up_to
from gpudict.coding.solve import solve
from gpudict.coding.spread import solve_on
from gpudict.objective.penalties.contract import RowPenalty
from gpudict.solvers.records import Solution


class Asked(NamedTuple):
    """The parameters of `encode` that are the same for all rows."""

    penalty: RowPenalty | None
    n_nonzero_coefs: int | None
    target_error: float
    positive: bool
    solver: str
    tol: float | None
    max_iter: int | None
    batch_size: int | None
    n_jobs: int | None
    sparse_output: bool
    devices: Any
    until: float = math.inf
    missing: str | None = None

    @classmethod
    def of_lasso(
        cls, *, solver: str, positive: bool, max_iter: int | None, n_jobs: int | None
    ) -> Asked:
        """Return what is asked where nothing but the lasso's own parameters came."""
        return cls(None, None, 0.0, positive, solver, None, max_iter, None, n_jobs, False, None)


class Part(NamedTuple):
    """Codes of some rows, an array or `Rows`; `top` is from where on they are zero, if they are."""

    found: Solution
    top: float | None


def coded(
    X: Array, V: Array, alpha: Any, init: Array | None, asked: Asked, entry_weight: Any = None
) -> Part:
    """Check what came, and code the rows of an array."""
    wide = asked.n_nonzero_coefs is None and asked.target_error == 0
    X, weight = observed(X, entry_weight, asked.missing)
    X, V = check.samples_and_atoms(X, V, wide=wide)
    if init is not None:
        init = check.matrix(init, "init", like=X)
        check.shaped(init, "init", (X.shape[0], V.shape[0]), "a code has an entry for each atom")
    sparse = check.sparse_output(asked.sparse_output, X)
    request = Request(X, V, init, weight=weight)
    places = chosen(asked.devices, X)
    with memory_error_saying(lambda: shapes(request), X, tried=""):
        one, each = per_row.alphas(alpha, X)
        given = asked.penalty and asked.penalty.fitted(X, V.shape[0])
        penalty = penalty_of(V.shape, one, *asked[1:4], each, given)
        plan = Plan.of(
            X,
            V.shape[0],
            penalty,
            solver=asked.solver,
            tol=asked.tol,
            max_iter=asked.max_iter,
            until=asked.until,
            weighted=weight is not None,
        )
        code = partial(solve_on, places) if places else solve
        found = code(request, plan, batch_size=asked.batch_size, n_jobs=asked.n_jobs, sparse=sparse)
        return Part(found, silent_up_to(found, request, plan))
