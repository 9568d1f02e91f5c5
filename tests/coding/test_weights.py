"""Weights of entries, and missing ones: each row is a plain problem in atoms √w∘v of its own."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import gpudict
from gpudict.solvers import places
from tests.support import oracles, problems
from tests.support.backends import BackendCase, host


@pytest.fixture
def portable(monkeypatch: pytest.MonkeyPatch):
    """Without the compiled solver, whose kernel takes long to compile."""
    monkeypatch.setattr(places, "numba_works", lambda: False)


def weights_of(p: problems.Coding, seed: int) -> np.ndarray:
    """Return weights of many sizes, a third of them 0, one row without any."""
    rng = np.random.default_rng(seed)
    W = rng.exponential(size=p.X.shape) * (rng.random(p.X.shape) < 0.7)
    W[-1] = 0 if len(W) > 1 else 1
    return W


def value_of(pairs, V, U, alpha):
    """Return the objective of each row."""
    own = [oracles.weighted(x, V, w) for x, w in pairs]
    found = [
        oracles.lasso_objective(x[None], v, u[None], alpha)[0]
        for (x, v), u in zip(own, U, strict=True)
    ]
    return np.array(found)


def judged(X, V, W, alpha, positive, found, dtype):
    """Compare with coordinate descent on the plain problem of each row."""
    U, gap, tol = host(found.Z).astype(float), host(found.gap), {"float32": 1e-5, "float64": 1e-8}
    assert host(found.converged).all()
    assert not (positive and (U < 0).any())
    for x, w, u, bound in zip(X, W, U, gap, strict=True):
        x, own = oracles.weighted(x, V, w)
        half = 0.5 * x @ x
        assert bound <= tol[dtype] * half
        assert (
            oracles.lasso_gap(x[None], own, u[None], alpha, positive) <= tol[dtype] * half + 1e-15
        )
        best = oracles.lasso_by_descent(x, own, alpha, positive, 1000)
        value, least = (oracles.lasso_objective(x[None], own, c[None], alpha)[0] for c in (u, best))
        assert bound >= value - least - 1e-12 * half
        if not half:
            assert not u.any()
            assert bound == 0


@pytest.mark.usefixtures("portable")
@pytest.mark.parametrize("seed", [0, 1, 4])
def test_each_row_sees_its_own_atoms(backend: BackendCase, dtype: str, seed: int):
    p = problems.coding(seed, most=10)
    X, V, W = (a.astype(dtype) for a in (p.X, p.V, weights_of(p, seed)))
    X[W == 0] = np.nan  # which is not read
    told = {"alpha": p.alpha, "positive": p.positive, "entry_weight": backend.asarray(W)}
    found = gpudict.encode(backend.asarray(X), backend.asarray(V), **told)
    judged(X, V, W, p.alpha, p.positive, found, dtype)


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.parametrize("seed", range(5))
def test_compiled(dtype: str, seed: int):
    """From any start, with few places for atoms, and far smaller alphas."""
    p, rng = problems.coding(seed, most=24), np.random.default_rng(seed)
    X, V, W = (a.astype(dtype) for a in (p.X, p.V, weights_of(p, seed)))
    near = (rng.random((len(X), len(V))) < 0.5) * np.abs(rng.standard_normal((len(X), len(V))))
    for alpha, init in product((p.alpha, 1e-2 * p.alpha), (None, near.astype(dtype))):
        told = {"alpha": alpha, "positive": p.positive, "entry_weight": W, "init": init}
        found, few = (gpudict.encode(X, V, **told, max_iter=most) for most in (None, 1))
        judged(X, V, W, alpha, p.positive, found, dtype)
        pairs = list(zip(X, W, strict=True))
        value, best = (value_of(pairs, V, one.Z, alpha) for one in (few, found))
        assert (few.gap >= value - best - 1e-5 * (X * X * W).sum(axis=1)).all()


@pytest.mark.slow
@pytest.mark.compiled
def test_many_atoms_and_threads(signal):
    """Any number of threads, any scale of the weights, the portable solver; 1 is no weight."""
    X, V = signal
    W = np.random.default_rng(0).random(X.shape)
    one, many = (gpudict.encode(X, V, alpha=0.1, entry_weight=W, n_jobs=n) for n in (1, 3))
    np.testing.assert_array_equal(one.Z, many.Z)
    far = gpudict.encode(X, V, alpha=0.1e12, entry_weight=W * 1e12)
    np.testing.assert_allclose(far.Z, one.Z, atol=1e-8)
    walked = gpudict.encode(X, V, alpha=0.1, entry_weight=W, solver="working_set")
    np.testing.assert_allclose(walked.Z, one.Z, atol=1e-6)
    sparse = gpudict.encode(X, V, alpha=0.1, entry_weight=W, sparse_output=True)
    np.testing.assert_array_equal(sparse.Z.toarray(), one.Z)
    plain = gpudict.encode(X, V, alpha=0.1, entry_weight=np.ones(X.shape))
    np.testing.assert_allclose(plain.Z, gpudict.encode(X, V, alpha=0.1).Z, atol=1e-10)


@pytest.mark.usefixtures("portable")
def test_missing_entries_are_those_without_weight(backend: BackendCase):
    """Of arrays, of streams, of pursuits; what a face of all entries refuses."""
    X, V = problems.signal(n=12)
    W = (np.random.default_rng(0).random(X.shape) < 0.6).astype(float)
    W[3] = 0
    holes = np.where(W > 0, X, np.nan)
    told = {"alpha": 0.1, "missing": "nan"}
    found = gpudict.encode(backend.asarray(holes), backend.asarray(V), **told)
    judged(X, V, W, 0.1, False, found, "float64")
    both = (
        gpudict.encode(backend.asarray(holes), backend.asarray(V), entry_weight=W + 1, **told)
        if (backend.requires == "numpy")
        else found
    )
    assert host(both.converged).all()
    greedy = gpudict.encode(
        backend.asarray(holes), backend.asarray(V), n_nonzero_coefs=2, missing="nan"
    )
    for x, w, u in zip(X, W, host(greedy.Z), strict=True):
        x, own = oracles.weighted(x, V, w)
        np.testing.assert_allclose(u, oracles.omp(x, own, 2), atol=1e-8)
