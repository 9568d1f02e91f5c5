"""FISTA: its momentum, and its waits."""

from __future__ import annotations

import numpy as np

from gpudict.objective.penalties.l1 import L1
from gpudict.solvers.stopping import duality_gap
from tests.support import problems
from tests.support.counting import counted_waits
from tests.support.solving import solve


def test_fista_waits_exactly_ten_times():
    import array_api_strict as xp

    X, V = (xp.asarray(a, device=xp.Device("device1")) for a in problems.small("float64"))
    with counted_waits() as waits:
        solve("fista", X, V, L1(1e-6), duality_gap(1e-300), max_iter=100, check_every=10)
    assert len(waits) == 10


def test_fista_restarts():
    """Momentum that points uphill is dropped, so a strongly convex problem ends soon."""
    rng = np.random.default_rng(0)
    V = problems.unit(rng.standard_normal((30, 60)) + 0.5)
    X = rng.standard_normal((20, 60))
    found = solve("fista", X, V, L1(0.01), duality_gap(1e-13), max_iter=5000)
    assert found.converged.all()
    assert found.n_iter <= 400
