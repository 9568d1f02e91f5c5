"""Without a penalty a code is the one of least norm, and with positive codes NNLS."""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from gpudict.objective import quadratic
from gpudict.objective.penalties.least_squares import LeastSquares
from tests.support import oracles, problems
from tests.support.problems import near_copies


@pytest.mark.parametrize(("n", "d", "k"), [(5, 8, 4), (5, 4, 9), (1, 3, 3)])
def test_alpha_zero_is_least_squares(n, d, k):
    """The gap is then exactly the suboptimality, and the code the one of least norm."""
    rng = np.random.default_rng(0)
    X, V = rng.standard_normal((n, d)), problems.unit(rng.standard_normal((k, d)))
    s = gpudict.encode(X, V, alpha=0)
    np.testing.assert_allclose(s.Z, np.linalg.lstsq(V.T, X.T, rcond=None)[0].T, atol=1e-10)
    assert s.converged.all()
    q = quadratic.least_squares(X, V)
    U = rng.standard_normal((n, k))
    best = oracles.lasso_objective(X, V, s.Z, 0)
    gap = LeastSquares().gap(q, U, quadratic.correlation(q, U))
    np.testing.assert_allclose(gap, oracles.lasso_objective(X, V, U, 0) - best, rtol=1e-9)


def test_alpha_zero_with_positive_codes_is_nnls():
    scipy = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(1)
    X, V = rng.standard_normal((8, 12)), problems.unit(rng.standard_normal((7, 12)))
    s = gpudict.encode(X, V, alpha=0, positive=True)
    best = np.array([scipy.nnls(V.T, x)[0] for x in X])
    np.testing.assert_allclose(s.Z, best, atol=1e-8)
    assert s.converged.all()


@pytest.mark.parametrize(("dtype", "distance"), [("f4", 1e-3), ("f8", 1e-6), ("f8", 1e-8)])
def test_least_squares_with_near_copies(dtype, distance):
    X, V = (a.astype(dtype) for a in near_copies(distance))
    found = gpudict.encode(X, V, alpha=0)
    rest = np.abs(X - found.Z @ V).max()
    best = np.linalg.lstsq(V.T, X.T, rcond=None)[0].T
    assert rest <= 4 * np.abs(X - best @ V).max() + 1e-12
    assert found.converged.all()
