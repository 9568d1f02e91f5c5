"""The contract on a device that is not the host: numbers of NumPy, the place of X, and no waits.

CuPy and PyTorch on a GPU run it where there is one, and what stands for them everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gpudict
from gpudict.arrays import door
from gpudict.arrays.door import array_namespace, device
from gpudict.objective import quadratic
from gpudict.objective.penalties.cardinality import Cardinality
from gpudict.objective.penalties.columns import UnitSphere
from gpudict.objective.penalties.l1 import L1
from gpudict.solvers.registry import portable_solver
from tests.support import oracles, problems
from tests.support.backends import host, lacks
from tests.support.devices import PLACES, Place

TOL = {"float32": 2e-3, "float64": 1e-7}


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Each place in turn, skipped with the reason where it is not to be had."""
    found, real = request.param, door.backend_of
    if why := lacks(found.case.requires) or found.case.lacks():
        pytest.skip(why)
    if found.near:
        far = {"launch_bound": lambda x: True, "on_host": lambda x: False}
        row = real(array_namespace(found.case.asarray(np.ones(1))))
        swap = {row: row._replace(**far)}  # NumPy, with which it is compared, stays where it is
        monkeypatch.setattr(door, "backend_of", lambda xp: swap.get(real(xp), real(xp)))
    return found


def is_there(a: Any, like: Any, dtype: str) -> None:
    """Assert that an array has the library and device of `like`, and this dtype."""
    assert array_namespace(a) is array_namespace(like)
    assert device(a) == device(like)
    assert str(a.dtype).endswith(dtype)


@pytest.mark.parametrize("positive", [False, True])
def test_encode(place: Place, dtype: str, positive: bool):
    """One alpha, and one a row: the certified codes of NumPy, and X and V as they were."""
    X, V = (a.astype(dtype) for a in problems.signal(n=50, d=12, k=20))
    dX, dV = place.case.asarray(X), place.case.asarray(V)
    half = 0.5 * (X.astype(float) ** 2).sum(axis=1)
    for alpha in (0.1, np.linspace(0.05, 0.5, 50)):
        found = gpudict.encode(dX, dV, alpha=alpha, positive=positive)
        want = gpudict.encode(X, V, alpha=alpha, positive=positive)
        is_there(found.Z, dX, dtype)
        is_there(found.gap, dX, "float64")
        is_there(found.converged, dX, "bool")
        assert host(found.converged).all()
        np.testing.assert_allclose(host(found.Z), want.Z, atol=TOL[dtype] * np.abs(want.Z).max())
        rows = zip(X, host(found.Z), np.broadcast_to(alpha, 50), strict=True)
        judged = [oracles.lasso_gap(x[None], V, u[None], a, positive)[0] for x, u, a in rows]
        assert (judged <= 1.01 * (1e-5 if dtype == "float32" else 1e-8) * half).all()
    again = gpudict.encode(dX, dV, alpha=0.1, init=gpudict.encode(dX, dV, alpha=0.1).Z)
    assert again.n_iter <= 2
    np.testing.assert_array_equal(host(dX), X)
    np.testing.assert_array_equal(host(dV), V)


@pytest.mark.parametrize("solver", ["omp", "lars"])
def test_pursuits(place: Place, dtype: str, solver: str):
    X, V = (a.astype(dtype) for a in problems.signal(n=50, d=12, k=20))
    dX, dV = place.case.asarray(X), place.case.asarray(V)
    found = gpudict.encode(dX, dV, n_nonzero_coefs=4, solver=solver)
    want = gpudict.encode(X, V, n_nonzero_coefs=4, solver=solver)
    is_there(found.Z, dX, dtype)
    np.testing.assert_allclose(host(found.Z), want.Z, atol=TOL[dtype])


def test_sparse_codes(place: Place):
    X, V = problems.signal()
    dX, dV = place.case.asarray(X), place.case.asarray(V)
    if door.csr(dX) is None:
        with pytest.raises(TypeError, match="sparse_output=True came with an array of"):
            gpudict.encode(dX, dV, alpha=0.1, sparse_output=True)
        return
    sparse = gpudict.encode(dX, dV, alpha=0.1, sparse_output=True).Z
    dense = sparse.to_dense() if hasattr(sparse, "to_dense") else sparse.toarray()
    is_there(dense, dX, "float64")
    np.testing.assert_allclose(host(dense), gpudict.encode(X, V, alpha=0.1).Z, atol=1e-7)


def test_learn(place: Place):
    """By the exact sweep NumPy's dictionary and codes; by the device's own update a fall."""
    X, _ = problems.signal(n=40, d=10, k=12, seed=4)
    dX = place.case.asarray(X)
    options = {"alpha": 0.1, "max_iter": 4, "tol": 0, "random_state": 3, "code_tol": 1e-12}
    found = gpudict.learn(dX, 12, dictionary_update="sweep", **options)
    want = gpudict.learn(X, 12, dictionary_update="sweep", **options)
    for ours, theirs in zip(found[:3], want[:3], strict=True):
        is_there(ours, dX, "float64")
        np.testing.assert_allclose(host(ours), theirs, atol=1e-8)
    own = gpudict.learn(dX, 12, **options)
    assert (np.diff(host(own.objective)) <= 1e-10).all()
    np.testing.assert_allclose(np.linalg.norm(host(own.dictionary), axis=1), 1, atol=1e-12)


def test_learn_online(place: Place):
    X, _ = problems.signal(n=60, d=10, k=8, seed=4)
    dX = place.case.asarray(X)
    options = {"alpha": 0.1, "batch_size": 20, "max_iter": 2, "tol": 0, "random_state": 3}
    options |= {"code_tol": 1e-12, "dictionary_update": "sweep"}
    found = gpudict.learn_online(dX, 8, **options)
    want = gpudict.learn_online(X, 8, **options)
    is_there(found.dictionary, dX, "float64")
    np.testing.assert_allclose(host(found.dictionary), want.dictionary, atol=1e-8)
    np.testing.assert_allclose(host(found.objective), want.objective, rtol=1e-8)


def test_scikit_learns_names(place: Place):
    X, V = problems.signal(n=30)
    dX, dV = place.case.asarray(X), place.case.asarray(V)
    code = gpudict.sparse_encode(dX, dV, alpha=0.1)
    np.testing.assert_allclose(host(code), gpudict.sparse_encode(X, V, alpha=0.1), atol=1e-7)
    code, dictionary, errors = gpudict.dict_learning(dX, 6, alpha=0.1, max_iter=2, random_state=0)
    for a in (code, dictionary, errors):
        is_there(a, dX, "float64")
    dictionary = gpudict.dict_learning_online(
        dX, 6, alpha=0.1, max_iter=1, batch_size=15, return_code=False, random_state=0
    )
    is_there(dictionary, dX, "float64")


@pytest.mark.parametrize(
    "kind", ["DictionaryLearning", "MiniBatchDictionaryLearning", "SparsePCA", "MiniBatchSparsePCA"]
)
def test_estimators(place: Place, kind: str):
    """They fit where X is, and one that was fitted on the host gives the same codes there."""
    X, _ = problems.signal(n=30)
    X = X.astype("float32")
    dX = place.case.asarray(X)
    make = {"n_components": 5, "alpha": 0.1, "max_iter": 2, "random_state": 0}
    if "Dictionary" in kind:
        make["transform_algorithm"] = "lasso_cd"
    fitted = getattr(gpudict, kind)(**make).fit(dX)
    is_there(fitted.components_, dX, "float32")
    is_there(fitted.inverse_transform(fitted.transform(dX)), dX, "float32")
    here = getattr(gpudict, kind)(**make).fit(X)
    there = here.to(dX).transform(dX)
    is_there(there, dX, "float32")
    np.testing.assert_allclose(host(there), here.transform(X), atol=5e-3)


SOLVERS = (
    *((name, L1(0.1)) for name in ("working_set", "fista", "ista", "cd_sweep", "lars")),
    *((name, Cardinality(4)) for name in ("omp", "lars")),
    *((name, UnitSphere()) for name in ("sphere_mm", "sphere_sweep")),
)


@pytest.mark.parametrize(("name", "penalty"), SOLVERS)
def test_a_step_waits_for_nothing(place: Place, name: str, penalty: Any):
    """After a first step, in which libraries load what they need."""
    X, V = (place.case.asarray(a) for a in problems.signal(n=30))
    xp, solver = array_namespace(X), portable_solver(name)
    q = quadratic.least_squares(X, V)
    start = xp.zeros_like(q.cov)
    if isinstance(penalty, UnitSphere):
        q, start = quadratic.statistics(X, q.cov), xp.matrix_transpose(V)
    state = solver.step(q, penalty, solver.init(q, penalty, start))
    with place.must_not_wait():
        state = solver.step(q, penalty, state)
    assert np.isfinite(host(state.Z)).all()
