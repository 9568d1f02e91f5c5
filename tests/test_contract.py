"""What every solver promises, on every backend and dtype, for every penalty it fits.

The solvers are those of the registry, so a new one is held to this by being there. Same place and
dtype out as in, inputs untouched, the answer of the oracle to the certificate, and one wait a
check. Those that are compiled for CUDA run it in gpu/test_kernels.py.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import oracles
import problems
import pytest
from conftest import BackendCase, counted_waits, host

from gpudict.arrays.door import array_namespace, batched_solve, device, on_host
from gpudict.coding.plan import Plan
from gpudict.coding.request import Request
from gpudict.coding.solve import solve as coded
from gpudict.objective import quadratic
from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.objective.penalties.columns import UnitBall, UnitSphere
from gpudict.objective.penalties.l1 import L1
from gpudict.solvers.base import IterativeSolver, Kind, Place, RowSolver
from gpudict.solvers.loop import run
from gpudict.solvers.registry import all_solvers, coders, find, portable_solver
from gpudict.solvers.stopping import duality_gap, exhausted

TOL = {"float32": 1e-5, "float64": 1e-9}
HERE = [s for s in coders() if s.place in (Place.ANYWHERE, Place.HOST)]
LASSO = [s.name for s in HERE if s.solves(L1) and s.kind is Kind.CERTIFIED]
PURSUITS = [s.name for s in HERE if s.solves(Cardinality)]
PORTABLE = [s.name for s in HERE if s.place is Place.ANYWHERE and s.kind is not Kind.APPROXIMATE]
UPDATES = [s for s in all_solvers().values() if s.kind is Kind.UPDATE]


def small(dtype, seed=8):
    """A problem with equal, opposite and zero atoms and a zero row, well away from degeneracy."""
    rng = np.random.default_rng(seed)
    V = problems.unit(rng.standard_normal((9, 7)))
    V[4], V[5], V[6] = V[0], -V[1], 0
    X = rng.standard_normal((5, 7))
    X[3] = 0
    return X.astype(dtype), V.astype(dtype)


def solve(name, X, V, penalty, stop, **options):
    """Run a solver from zero: a solver of rows through coding, any other by the loop alone."""
    solver = all_solvers()[name]
    if isinstance(solver, RowSolver):
        plan = Plan(solver, penalty, stop, TOL[f"float{finfo(X).bits}"], options["max_iter"])
        return coded(Request(X, V), plan)
    assert isinstance(solver, IterativeSolver)
    q = quadratic.least_squares(X, V)
    zero = array_namespace(X).zeros_like(q.cov)
    return run(solver, q, penalty, zero, stop=stop, **options)


def finfo(X):
    return array_namespace(X).finfo(X.dtype)


def refused(name, like, penalty):
    """Whether it is a solver of the host, and this array, which is not there, is refused."""
    if all_solvers()[name].place is not Place.HOST or on_host(like):
        return False
    with pytest.raises(ValueError, match=f"solver='{name}' is compiled.*Pass one of cd, omp"):
        find(name, penalty, like, 9)
    return True


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("name", LASSO)
def test_lasso(backend: BackendCase, dtype: str, name: str, positive: bool):
    X, V = small(dtype)
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
    X, V = small(dtype)
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


COLUMNS = (UnitSphere(), UnitSphere(True), UnitBall(), UnitBall(True))


@pytest.mark.parametrize(
    ("name", "penalty"), [(s.name, p) for s, p in product(UPDATES, COLUMNS) if s.solves(p)]
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


@pytest.mark.parametrize("name", PORTABLE)
def test_waits_are_counted(name: str):
    """One wait a check, whatever lies between; the working set also reads its start."""
    import array_api_strict as xp

    X, V = (xp.asarray(a, device=xp.Device("device1")) for a in small("float64"))
    pursuit = all_solvers()[name].kind is Kind.PURSUIT
    penalty = Cardinality(4) if pursuit else L1(0.05)
    start = 1 if name == "working_set" else 0
    with counted_waits() as waits:
        stop = exhausted if pursuit else duality_gap(0.0)
        found = solve(name, X, V, penalty, stop, max_iter=60, check_every=20)
    assert len(waits) == len(found.history) + start, waits
    with counted_waits() as waits:
        solve(name, X, V, penalty, None, max_iter=7)
    assert len(waits) == start, waits


@pytest.mark.parametrize("name", [s.name for s in UPDATES if s.place is Place.ANYWHERE])
def test_dictionary_updates_never_wait(name: str):
    import array_api_strict as xp

    X, V = (xp.asarray(a, device=xp.Device("device1")) for a in problems.signal())
    U = xp.matrix_transpose(V @ xp.matrix_transpose(X))
    with counted_waits() as waits:
        q = quadratic.statistics(X, U)
        run(portable_solver(name), q, UnitSphere(), xp.matrix_transpose(V), stop=None, max_iter=20)
    assert waits == []


def test_fista_waits_exactly_ten_times():
    import array_api_strict as xp

    X, V = (xp.asarray(a, device=xp.Device("device1")) for a in small("float64"))
    with counted_waits() as waits:
        solve("fista", X, V, L1(1e-6), duality_gap(1e-300), max_iter=100, check_every=10)
    assert len(waits) == 10


@pytest.mark.parametrize("name", PORTABLE)
def test_finished_rows_leave(name: str):
    """Rows leave as they finish and come back in order, whatever the order they finished in."""
    rng = np.random.default_rng(0)
    V = problems.unit(rng.standard_normal((20, 10)))
    n = 24
    X = rng.standard_normal((n, 10)) * np.where(np.arange(n) % 3 == 0, 1e-3, 1)[:, None]
    pursuit = all_solvers()[name].kind is Kind.PURSUIT
    penalty = Cardinality(6, target=0.5) if pursuit else L1(0.2)
    rule = exhausted if pursuit else duality_gap(1e-6)

    def some(rows):
        return solve(name, rows, V, penalty, rule, max_iter=20_000, check_every=1)

    found = some(X)
    left = [check.unfinished for check in found.history]
    assert left[0] > left[len(left) // 2] >= left[-1] == 0
    alone = np.concatenate([some(X[i : i + 1]).Z for i in range(n)])
    np.testing.assert_allclose(found.Z, alone, atol=1e-2)


@pytest.mark.parametrize("name", [n for n in PORTABLE if all_solvers()[n].solves(L1)])
def test_an_alpha_a_row_leaves_with_its_row(name: str):
    """Where rows finish early, those that go on keep their own alpha."""
    rng = np.random.default_rng(0)
    V, X = problems.unit(rng.standard_normal((20, 10))), rng.standard_normal((24, 10))
    alphas = np.where(np.arange(24) % 3 == 0, 10.0, np.linspace(0.1, 0.5, 24))
    rule = duality_gap(1e-9)
    found = solve(name, X, V, L1(alphas), rule, max_iter=100_000, check_every=1)
    for i, alpha in enumerate(alphas):
        judged = oracles.lasso_gap(X[i : i + 1], V, found.Z[i : i + 1], alpha)
        assert judged <= 1.01e-9 * 0.5 * (X[i] @ X[i]) + 1e-15


def test_fista_restarts():
    """Momentum that points uphill is dropped, so a strongly convex problem ends soon."""
    rng = np.random.default_rng(0)
    V = problems.unit(rng.standard_normal((30, 60)) + 0.5)
    X = rng.standard_normal((20, 60))
    found = solve("fista", X, V, L1(0.01), duality_gap(1e-13), max_iter=5000)
    assert found.converged.all()
    assert found.n_iter <= 400
