"""What every solver promises, on every backend and dtype, for every penalty it fits.

Same place and dtype out as in, inputs untouched, the answer of the oracle to the certificate, and
one wait a check.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import oracles
import problems
import pytest
from conftest import BackendCase, counted_waits, host

from gpudict import quadratic, solvers
from gpudict._array import array_namespace, batched_solve, device, on_host
from gpudict.loop import run
from gpudict.penalties import L1, Cardinality, UnitBall, UnitSphere
from gpudict.stopping import duality_gap, exhausted

LASSO = ("working_set", "lars", "fista", "ista", "cd_sweep")
COMPILED = ("active_set", "batch_omp", "sphere_blocks")  # on the host alone
WARPS = ("warp_active_set", "warp_working_set", "warp_omp")  # in gpu/test_kernels.py
COUPLED = ("sphere_sweep", "sphere_mm")
TOL = {"float32": 1e-5, "float64": 1e-9}


def small(dtype, seed=8):
    """A problem with equal, opposite and zero atoms and a zero row, well away from degeneracy."""
    rng = np.random.default_rng(seed)
    V = problems.unit(rng.standard_normal((9, 7)))
    V[4], V[5], V[6] = V[0], -V[1], 0
    X = rng.standard_normal((5, 7))
    X[3] = 0
    return X.astype(dtype), V.astype(dtype)


def solve(name, X, V, penalty, stop, **options):
    """Run a solver from zero on arrays of any library."""
    q = quadratic.least_squares(X, V)
    return run(
        solvers.find(name), q, penalty, array_namespace(X).zeros_like(q.cov), stop=stop, **options
    )


def test_names_are_the_files():
    """A solver is found by its file name alone, and the contract below misses none."""
    others = {"cd", "omp", "threshold", "least_squares", *WARPS}
    assert set(solvers.names()) == {*LASSO, *COMPILED[:2], *others}
    assert solvers.find("cd") is solvers.find("working_set")
    assert solvers.find("cd", np.ones(1)) is solvers.find("active_set")
    assert solvers.find("omp", np.ones(1)) is solvers.find("batch_omp")
    assert solvers.find("omp", np.ones(1), 10**4) is solvers.find("omp")
    with pytest.raises(
        ValueError, match=r"Unknown solver 'sgd': pass one of cd, active_set, batch_omp, cd_sweep"
    ):
        solvers.find("sgd")


def refused(name, like):
    """Whether it is a compiled solver, and this array, which is not on the host, is refused."""
    if name not in COMPILED or on_host(like):
        return False
    with pytest.raises(ValueError, match=f"solver='{name}' is compiled.*Pass one of cd, omp"):
        solvers.find(name, like, 9)
    return True


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("name", [*LASSO, "active_set"])
def test_lasso(backend: BackendCase, dtype: str, name: str, positive: bool):
    X, V = small(dtype)
    dX, dV = backend.asarray(X), backend.asarray(V)
    if refused(name, dX):
        return
    tol = TOL[dtype]
    found = solve(name, dX, dV, L1(0.3, positive), duality_gap(tol / 2), max_iter=5000)
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
@pytest.mark.parametrize("name", ["omp", "batch_omp", "lars"])
def test_pursuits(backend: BackendCase, dtype: str, name: str, positive: bool):
    X, V = small(dtype)
    dX, dV = backend.asarray(X), backend.asarray(V)
    if refused(name, dX):
        return
    found = solve(name, dX, dV, Cardinality(3, positive=positive), exhausted, max_iter=100)
    assert str(found.Z.dtype).endswith(dtype)
    U = host(found.Z)
    assert found.n_iter <= V.shape[0]  # an atom is tried once
    assert (np.count_nonzero(U, axis=1) <= 3).all()
    assert not positive or (U >= 0).all()
    assert np.isinf(host(found.gap)).all()
    if not positive:
        oracle = oracles.lars if name == "lars" else oracles.omp
        close = {"float32": 1e-4, "float64": 1e-9}[dtype]
        plain = np.delete(V, [4, 5, 6], axis=0).astype(float)  # ties have more than one answer
        for x, u in zip(X.astype(float), U, strict=True):
            best = oracle(x, plain, 3) @ plain if x.any() else 0 * x
            np.testing.assert_allclose(u @ V, best, atol=close)


def test_a_singular_system_spoils_no_other(backend: BackendCase, dtype: str):
    """Libraries differ: some raise, for all systems of a batch, where one is singular."""
    A = np.stack([np.eye(3), np.ones((3, 3)), 2 * np.eye(3)]).astype(dtype)
    found = batched_solve(backend.asarray(A), backend.asarray(np.ones((3, 3), dtype)))
    np.testing.assert_array_equal(host(found)[[0, 2]], [[1] * 3, [0.5] * 3])
    assert not np.isfinite(host(found)[1]).all()


def test_threshold(backend: BackendCase, dtype: str):
    X, V = small(dtype)
    found = solve("threshold", backend.asarray(X), backend.asarray(V), L1(0.3), None, max_iter=1)
    for out in (found.Z, found.gap, found.converged):
        assert device(out) == device(backend.asarray(X))
    pull = X @ V.T
    np.testing.assert_allclose(
        host(found.Z), np.sign(pull) * np.maximum(np.abs(pull) - 0.3, 0), atol=1e-6
    )


SPHERES, BALLS = (UnitSphere(), UnitSphere(True)), (UnitBall(), UnitBall(True))


@pytest.mark.parametrize(
    ("name", "penalty"),
    [*product(COUPLED, (*SPHERES, *BALLS)), *product(["sphere_blocks"], SPHERES)],
)
def test_dictionary_update(backend: BackendCase, dtype: str, name: str, penalty):
    """From a feasible start the objective never rises, and what comes out is feasible."""
    if refused(name, backend.asarray(np.ones(1))):
        return
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
    state = solvers.find(name).init(q, penalty, backend.asarray(np.ascontiguousarray(V.T)))
    A, B = (a.astype(float) for a in (U.T @ U, U.T @ X))
    slack = 1e-5 if dtype == "float32" else 1e-13
    before = oracles.dictionary_objective(A, B, V.astype(float))
    for _ in range(6):
        state = solvers.find(name).step(q, penalty, state)
        new = host(state.Z).T
        after = oracles.dictionary_objective(A, B, new.astype(float))
        assert after <= before + slack * abs(before)
        assert (host(penalty.value(state.Z)) == 0).all()
        np.testing.assert_allclose(new[2], V[2], atol=1e-6)
        before = after
    assert state.Z.dtype == q.cov.dtype
    assert device(state.Z) == device(q.cov)


@pytest.mark.parametrize("name", [*LASSO, "omp"])
def test_waits_are_counted(name: str):
    """One wait a check, whatever lies between; the working set also reads its start."""
    import array_api_strict as xp

    X, V = (xp.asarray(a, device=xp.Device("device1")) for a in small("float64"))
    penalty = Cardinality(4) if name == "omp" else L1(0.05)
    start = 1 if name == "working_set" else 0
    with counted_waits() as waits:
        stop = exhausted if name == "omp" else duality_gap(0.0)
        found = solve(name, X, V, penalty, stop, max_iter=60, check_every=20)
    assert len(waits) == len(found.history) + start, waits
    with counted_waits() as waits:
        solve(name, X, V, penalty, None, max_iter=7)
    assert len(waits) == start, waits


@pytest.mark.parametrize("name", COUPLED)
def test_dictionary_updates_never_wait(name: str):
    import array_api_strict as xp

    X, V = (xp.asarray(a, device=xp.Device("device1")) for a in problems.signal())
    U = xp.matrix_transpose(V @ xp.matrix_transpose(X))
    with counted_waits() as waits:
        q = quadratic.statistics(X, U)
        run(solvers.find(name), q, UnitSphere(), xp.matrix_transpose(V), stop=None, max_iter=20)
    assert waits == []


def test_fista_waits_exactly_ten_times():
    import array_api_strict as xp

    X, V = (xp.asarray(a, device=xp.Device("device1")) for a in small("float64"))
    with counted_waits() as waits:
        solve("fista", X, V, L1(1e-6), duality_gap(1e-300), max_iter=100, check_every=10)
    assert len(waits) == 10


@pytest.mark.parametrize("name", [*LASSO, "omp"])
def test_finished_rows_leave(name: str):
    """Rows leave as they finish and come back in order, whatever the order they finished in."""
    rng = np.random.default_rng(0)
    V = problems.unit(rng.standard_normal((20, 10)))
    n = 24
    X = rng.standard_normal((n, 10)) * np.where(np.arange(n) % 3 == 0, 1e-3, 1)[:, None]
    penalty = Cardinality(6, target=0.5) if name == "omp" else L1(0.2)
    rule = exhausted if name == "omp" else duality_gap(1e-6)

    def some(rows):
        return solve(name, rows, V, penalty, rule, max_iter=20_000, check_every=1)

    found = some(X)
    left = [check.unfinished for check in found.history]
    assert left[0] > left[len(left) // 2] >= left[-1] == 0
    alone = np.concatenate([some(X[i : i + 1]).Z for i in range(n)])
    np.testing.assert_allclose(found.Z, alone, atol=1e-2)


def test_fista_restarts():
    """Momentum that points uphill is dropped, so a strongly convex problem ends soon."""
    rng = np.random.default_rng(0)
    V = problems.unit(rng.standard_normal((30, 60)) + 0.5)
    X = rng.standard_normal((20, 60))
    found = solve("fista", X, V, L1(0.01), duality_gap(1e-13), max_iter=5000)
    assert found.converged.all()
    assert found.n_iter <= 400
