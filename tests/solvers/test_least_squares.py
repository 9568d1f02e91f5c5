"""Without a penalty a code is the one of least norm, and with positive codes NNLS."""

from __future__ import annotations

import numpy as np
import pytest

import gpudict
from gpudict.objective import quadratic
from gpudict.objective.penalties.least_squares import LeastSquares
from tests.support import oracles, problems
from tests.support.problems import near_copies
from tests.support.solving import usable


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


DEPENDENT = {
    "equal": ([[1.0, -1]], [[1.0, 0], [1, 0]]),
    "opposite": ([[1.0, 2]], [[1.0, 0], [-1, 0]]),
    "scaled": ([[1.0, 1, 2]], [[1.0, 0, 0], [2, 0, 0], [0, 1, 0], [0, 0, 0]]),
    "nearly opposite": ([[1.0, 1]], [[1.0, 0], [-1, 1e-3]]),
}


@pytest.mark.parametrize("name", DEPENDENT)
@pytest.mark.parametrize("solver", ["cd", "working_set", "lars", "fista", "face_walk"])
def test_nnls_of_dependent_atoms_is_certified(name: str, solver: str):
    optimize = pytest.importorskip("scipy.optimize")
    X, V = (np.array(a) for a in DEPENDENT[name])
    s = gpudict.encode(X, V, alpha=0, positive=True, solver=solver)
    assert s.converged.all()
    error = optimize.nnls(V.T, X[0])[1] ** 2
    assert 2 * oracles.lasso_objective(X, V, s.Z, 0)[0] <= error + 1e-8 * (X**2).sum()


@pytest.mark.parametrize("solver", ["cd", *usable("active_set", "working_set", "lars")])
def test_no_solver_stops_where_the_set_seems_dependent(solver: str):
    """The compiled set takes an atom for dependent, with 1e-12 of its square outside."""
    X, V = np.array([[1.0, 1]]), np.array([[1.0, 0], [-1, 1e-6]])
    found = gpudict.encode(X, V, alpha=1e-7, solver=solver)
    assert oracles.lasso_objective(X, V, found.Z, 1e-7)[0] < 0.181


@pytest.mark.parametrize(("dtype", "distance"), [("f4", 1e-3), ("f8", 1e-6), ("f8", 1e-8)])
def test_least_squares_with_near_copies(dtype, distance):
    X, V = (a.astype(dtype) for a in near_copies(distance))
    found = gpudict.encode(X, V, alpha=0)
    rest = np.abs(X - found.Z @ V).max()
    best = np.linalg.lstsq(V.T, X.T, rcond=None)[0].T
    assert rest <= 4 * np.abs(X - best @ V).max() + 1e-12
    assert found.converged.all()
