"""A plan carried out for a request, where the arrays are."""

from __future__ import annotations

from gpudict.arrays import parameters
from gpudict.arrays.batches import memory_error_saying
from gpudict.arrays.door import precise
from gpudict.arrays.phases import phase
from gpudict.coding import on_device, on_host
from gpudict.coding.budget import needs, rows_a_batch
from gpudict.coding.plan import Plan
from gpudict.coding.request import Request
from gpudict.solvers.base import RowSolver
from gpudict.solvers.records import Solution


def solve(
    request: Request,
    plan: Plan,
    *,
    batch_size: int | None = None,
    n_jobs: int | None = None,
    sparse: bool = False,
) -> Solution:
    """Return the codes of the rows with their certificates; with `sparse` they are `Rows`.

    `batch_size` is for solvers that see batches; None is as many rows as the memory has space for.
    """
    X, n_jobs = request.X, parameters.jobs(n_jobs)
    with phase("coding"), memory_error_saying(lambda: needs(request, plan), X):
        if isinstance(plan.solver, RowSolver):
            return on_host.solve(request, plan, n_jobs=n_jobs, sparse=sparse)
        size = rows_a_batch(request, plan, sparse) if batch_size is None else batch_size
        with precise(X):
            return on_device.solve(request, plan, size, n_jobs=n_jobs, sparse=sparse)
