"""What every solver promises, on every backend and dtype, for every penalty it fits.

The solvers are those of the registry, so a new one is held to this by being there. Same place and
dtype out as in, inputs untouched, the answer of the oracle to the certificate. Those that are
compiled for CUDA run it in tests/gpu/test_kernels.py; how often they wait is in test_loop.py.
"""

from __future__ import annotations

import functools
from itertools import product

import numpy as np
import pytest

from gpudict.arrays.door import array_namespace, device, on_host
from gpudict.objective import quadratic
from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.objective.penalties.columns import UnitBall, UnitSphere
from gpudict.objective.penalties.l1 import L1
from gpudict.solvers.base import IterativeSolver, Kind, Place
from gpudict.solvers.registry import all_solvers, coders, find
from gpudict.solvers.stopping import duality_gap, exhausted
from tests.support import oracles, problems
from tests.support.backends import BackendCase, host
from tests.support.solving import TOL, solve

HOST = (Place.HOST, Place.HOST_MANY)
HERE = [s for s in coders() if s.place in (Place.ANYWHERE, *HOST)]
LASSO = [
    pytest.param(s.name, marks=[pytest.mark.slow] * (s.place is Place.HOST_MANY))  # to compile it
    for s in HERE
    if s.solves(L1) and s.kind is Kind.CERTIFIED
]
PURSUITS = [s.name for s in HERE if s.solves(Cardinality)]
UPDATES = [
    s
    for s in all_solvers().values()
    if s.kind is Kind.UPDATE and s.place is not Place.CUDA and s.name != "sphere_ksvd"
]  # for which the codes are given


def refused(name, like, penalty):
    """Whether it is a solver of the host, and this array, which is not there, is refused."""
    if all_solvers()[name].place not in HOST or on_host(like):
        return False
    with pytest.raises(
        ValueError, match=f"solver='{name}' is compiled.*Pass one of the solvers '(cd|sphere)"
    ):
        find(name, penalty, like, 9)
    return True


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("name", LASSO)
def test_lasso(backend: BackendCase, dtype: str, name: str, positive: bool):
    X, V = problems.small(dtype)
    dX, dV = backend.asarray(X), backend.asarray(V)
    penalty, tol = L1(0.3, positive), TOL[dtype]
    if refused(name, dX, penalty):
        return
    found = solve(name, dX, dV, penalty, duality_gap(tol / 2), max_iter=5000)
    for out in (found.Z, found.gap, found.converged):
        assert array_namespace(out) is array_namespace(dX)
        assert device(out) == device(dX)
    assert found.Z.dtype == dX.dtype
    np.testing.assert_array_equal(host(dX), X)
    np.testing.assert_array_equal(host(dV), V)
    U = host(found.Z)
    assert host(found.converged).all()
    assert not U[3].any()
    assert not U[:, 6].any()
    assert not positive or (U >= 0).all()
    sq = 0.5 * (X.astype(float) ** 2).sum(axis=1)
    assert (oracles.lasso_gap(X, V, U, 0.3, positive) <= tol * sq + 1e-15).all()


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("name", PURSUITS)
def test_pursuits(backend: BackendCase, dtype: str, name: str, positive: bool):
    X, V = problems.small(dtype)
    dX, dV = backend.asarray(X), backend.asarray(V)
    penalty = Cardinality(3, positive=positive)
    if refused(name, dX, penalty):
        return
    found = solve(name, dX, dV, penalty, exhausted, max_iter=100)
    assert str(found.Z.dtype).endswith(dtype)
    U = host(found.Z)
    assert found.n_iter <= V.shape[0]  # an atom is tried once
    assert (np.count_nonzero(U, axis=1) <= 3).all()
    assert not positive or (U >= 0).all()
    assert np.isinf(host(found.gap)).all()
    path = name in ("lars", "homotopy")
    if not positive or not path:
        greedy = oracles.ols if name.endswith("ols") else oracles.omp
        oracle = oracles.lars if path else functools.partial(greedy, positive=positive)
        close = {"float32": 1e-4, "float64": 1e-9}[dtype]
        # ties have more than one answer, but where codes are positive an opposite is no tie
        plain = np.delete(V, [4, 6] if positive else [4, 5, 6], axis=0).astype(float)
        for x, u in zip(X.astype(float), U, strict=True):
            best = oracle(x, plain, 3) @ plain if x.any() else 0 * x
            np.testing.assert_allclose(u @ V, best, atol=close)


def test_threshold(backend: BackendCase, dtype: str):
    X, V = problems.small(dtype)
    dX, dV = backend.asarray(X), backend.asarray(V)
    found = solve("threshold", dX, dV, L1(0.3), duality_gap(0.0), max_iter=1)
    for out in (found.Z, found.gap, found.converged):
        assert device(out) == device(backend.asarray(X))
    pull = X @ V.T
    np.testing.assert_allclose(
        host(found.Z), np.sign(pull) * np.maximum(np.abs(pull) - 0.3, 0), atol=1e-6
    )


COLUMNS = (UnitSphere(), UnitSphere(True), UnitBall(), UnitBall(True))


@pytest.mark.parametrize(
    ("name", "penalty"), [(s.name, p) for s, p in product(UPDATES, COLUMNS) if s.solves(type(p))]
)
def test_dictionary_update(backend: BackendCase, dtype: str, name: str, penalty):
    """From a feasible start the objective never rises, and what comes out is feasible."""
    solver = all_solvers()[name]
    if refused(name, backend.asarray(np.ones(1)), penalty):
        return
    assert isinstance(solver, IterativeSolver)
    X, V = problems.signal(n=30, d=6, k=5, seed=1)
    V = np.abs(V) if penalty.positive else V
    rng = np.random.default_rng(2)
    U = rng.standard_normal((30, 5)) * (rng.random((30, 5)) < 0.5)
    U[:, 2] = 0  # an atom that no code uses
    if penalty.positive:
        X = -np.abs(X)  # the unconstrained optimum of an atom has no positive entry
        U = np.abs(U)
    X, V, U = (a.astype(dtype) for a in (X, problems.unit(V), U))
    q = quadratic.statistics(backend.asarray(X), backend.asarray(U))
    state = solver.init(q, penalty, backend.asarray(np.ascontiguousarray(V.T)))
    A, B = (a.astype(float) for a in (U.T @ U, U.T @ X))
    slack = 1e-5 if dtype == "float32" else 1e-13
    before = oracles.dictionary_objective(A, B, V.astype(float))
    for _ in range(6):
        state = solver.step(q, penalty, state)
        new = host(state.Z).T
        after = oracles.dictionary_objective(A, B, new.astype(float))
        assert after <= before + slack * abs(before)
        assert (host(penalty.value(state.Z)) == 0).all()
        np.testing.assert_allclose(new[2], V[2], atol=1e-6)
        before = after
    assert state.Z.dtype == q.cov.dtype
    assert device(state.Z) == device(q.cov)
