"""Updates of atoms on the sphere: blocks are the sweep, and MM reaches beyond three of them."""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from gpudict.objective import quadratic
from gpudict.objective.penalties.columns import UnitSphere
from gpudict.objective.quadratic import statistics
from gpudict.solvers.loop import stepped
from gpudict.solvers.registry import find, portable_solver
from tests.support import oracles, problems


class TestSweep:
    """In blocks of atoms it is the sweep, atom after atom."""

    @pytest.mark.compiled
    @pytest.mark.parametrize("penalty", [UnitSphere(), UnitSphere(True)])
    @pytest.mark.parametrize("k", [1, 32, 33, 75])
    def test_blocks(self, k, penalty, dtype):
        rng = np.random.default_rng(k)
        X, V = (a.astype(dtype) for a in problems.signal(n=90, d=12, k=k))
        U = (rng.standard_normal((90, k)) * (rng.random((90, k)) < 0.3)).astype(dtype)
        U[:, k // 2] = 0
        q, Z = quadratic.statistics(X, U), penalty.prox(np.ascontiguousarray(V.T), 0.0)
        ways = [find("sphere_sweep", penalty, like) for like in (None, X)]
        one, two = (stepped(way, q, penalty, Z, 2) for way in ways)
        assert ways[0] is not ways[1]
        np.testing.assert_allclose(two, one, atol=1e-12 if dtype == "float64" else 1e-4)


def test_mm_reaches_beyond_three_sweeps():
    """20 majorise-minimise steps leave less than three exact sweeps do (the design's choice)."""
    X, V = problems.signal(n=400, d=16, k=24)
    U = gpudict.encode(X, V, alpha=0.1).Z
    q, A, B = statistics(X, U), U.T @ U, U.T @ X

    def value(name, steps):
        Z = stepped(portable_solver(name), q, UnitSphere(), V.T, steps)
        return oracles.dictionary_objective(A, B, Z.T)

    best = value("sphere_sweep", 300)
    assert value("sphere_mm", 20) - best <= value("sphere_sweep", 3) - best
