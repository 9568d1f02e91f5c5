"""A plan carried out on several devices: a block of the rows on each, the codes where X is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gpudict.arrays.devices import blocks, moved, on_each
from gpudict.arrays.door import Array, device, from_host, is_numpy
from gpudict.arrays.rows import Rows
from gpudict.coding.on_device import joined
from gpudict.coding.plan import Plan
from gpudict.coding.request import Request
from gpudict.coding.solve import solve
from gpudict.solvers.records import Solution


def solve_on(
    devices: Sequence[Any],
    request: Request,
    plan: Plan,
    *,
    batch_size: int | None,
    n_jobs: int | None,
    sparse: bool,
) -> Solution:
    """Return what `solve` does, the rows being spread over the devices."""
    (n, _), k = request.X.shape, request.V.shape[0]
    cuts = blocks(n, len(devices))
    asked = [
        _there(request.of_rows(here), plan.of_rows(here), where)
        for here, where in zip(cuts, devices, strict=False)  # more devices than rows
    ]

    def block(request: Request, plan: Plan) -> Solution:
        plan = plan.at(request.X, k)
        return solve(request, plan, batch_size=batch_size, n_jobs=n_jobs, sparse=sparse)

    requests, plans = zip(*asked, strict=True)
    found = on_each(block, [part.X for part in requests], requests, plans)
    back = (_back(part, at.X, request.X) for part, at in zip(found, requests, strict=True))
    return joined(zip(cuts, back, strict=True), (n, k))


def _there(request: Request, plan: Plan, where: Any) -> tuple[Request, Plan]:
    """Return what is asked for some rows, on a device."""
    go: Callable[[Array], Array] = lambda a: moved(a, where)  # noqa: E731
    arrays = (None if a is None else go(a) for a in request)
    return Request(*arrays), plan._replace(penalty=plan.penalty.mapped(go))


def _back(found: Solution, at: Array, X: Array) -> Solution:
    """Return the solution of rows that are at one device where X is."""
    where, Z = device(X), found.Z
    if isinstance(Z, Rows):  # NumPy's, where the device is the host
        Z = Rows(*(moved(from_host(a, at) if is_numpy(a) else a, where) for a in Z))
    else:
        Z = moved(Z, where)
    return found._replace(Z=Z, gap=moved(found.gap, where), converged=moved(found.converged, where))
