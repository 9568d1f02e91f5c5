"""Codes from anywhere: what is said of them holds, whatever they are."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

import gpudict
from tests.support import oracles, problems
from tests.support.backends import BackendCase, host

FIELDS = ("objective", "gap", "primal_violation", "dual_violation", "converged")


@pytest.mark.parametrize("seed", [9, *(pytest.param(s, marks=pytest.mark.slow) for s in (3, 4))])
def test_bounds_hold_for_any_codes(seed: int, backend: BackendCase, dtype: str):
    """Of zeros, noise, codes near the optimum, and some with signs that they must not have."""
    X, V, alpha, positive = problems.coding(seed, most=6)
    X, V = X.astype(dtype), V.astype(dtype)
    rng, shape = np.random.default_rng(seed), (len(X), len(V))
    best = gpudict.encode(X.astype(float), V.astype(float), alpha=0.9 * alpha, positive=positive).Z
    alpha = 0.9 * alpha
    optimum = np.array(
        [oracles.lasso_by_enumeration(x, V.astype(float), alpha, positive) for x in X.astype(float)]
    )
    half = 0.5 * (X.astype(float) ** 2).sum(axis=1)
    for Z in (np.zeros(shape), rng.standard_normal(shape), best, best + 1e-5 * (best != 0), -best):
        Z = Z.astype(dtype)
        found = gpudict.certify(
            *(backend.asarray(a) for a in (X, V, Z)), alpha=alpha, positive=positive
        )
        value, gap, wrong, over, done = (host(getattr(found, name)) for name in FIELDS)
        want = oracles.lasso_objective(X, V, Z, alpha)
        np.testing.assert_allclose(value, want, rtol=1e-10, atol=1e-14 * half.max())
        assert (value - optimum <= gap + 1e-13 * (half + value)).all()
        usual = oracles.lasso_gap(X, V, Z, alpha, positive) + 1e-6 * (half + value)
        assert ((gap <= usual) | (wrong > 0)).all()
        np.testing.assert_array_equal(wrong, np.maximum(-Z.min(axis=1), 0) * positive)
        theta, R = host(found.dual), X.astype(float) - Z.astype(float) @ V.astype(float)
        pull, own = (a @ V.T.astype(float) for a in (theta, R))
        pull, own = (a if positive else np.abs(a) for a in (pull, own))
        assert (pull <= alpha * (1 + 1e-12)).all()
        np.testing.assert_allclose(over, np.maximum(own.max(axis=1) - alpha, 0), atol=1e-13)
        tol = 1e-8 if dtype == "float64" else 1e-5
        np.testing.assert_array_equal(done, (gap <= tol * half) & (wrong == 0))
    assert gap.dtype == np.float64


def test_sparse_codes_streams_and_chunks_are_judged_alike():
    da = pytest.importorskip("dask.array")
    X, V = problems.signal(n=60, d=8, k=10)
    alphas = np.geomspace(0.01, 1, 60)
    Z = gpudict.encode(X, V, alpha=alphas).Z
    want = gpudict.certify(X, V, Z, alpha=alphas)
    rows, codes = da.from_array(X, chunks=(25, 8)), scipy.sparse.coo_array(Z)
    stream = gpudict.stream(X, batch_size=17)
    for x, z in ((X, codes), (stream, codes), (stream, Z), (rows, Z), (rows, codes.tocsr())):
        found = gpudict.certify(x, V, z, alpha=alphas)
        for a, b in zip(found, want, strict=True):
            np.testing.assert_allclose(np.asarray(a), b, atol=1e-14)


def test_sparse_codes_of_torch():
    torch = pytest.importorskip("torch")
    X, V = (torch.asarray(a) for a in problems.signal())
    made = gpudict.encode(X, V, alpha=0.3, sparse_output=True)
    assert gpudict.certify(X, V, made.Z, alpha=0.3).converged.all()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"Z": np.zeros((40, 9))}, r"Z has the shape \(40, 9\).*\(40, 10\)"),
        ({"Z": np.full((40, 10), np.nan)}, "Z has NaN"),
        ({"alpha": None}, "alpha is None"),
        ({"alpha": -1.0}, "alpha must be finite and at least 0"),
    ],
)
def test_refusals(change: dict, sentence: str):
    X, V = problems.signal()
    given = {"Z": np.zeros((40, 10)), "alpha": 0.1} | change
    with pytest.raises(ValueError, match=sentence):
        gpudict.certify(X, V, given.pop("Z"), **given)


def test_codes_without_squares_have_no_bound():
    X, V = problems.signal()
    found = gpudict.certify(X, V, np.full((40, 10), 1e200), alpha=0.1)
    assert (found.gap == np.inf).all()
    assert not found.converged.any()


@pytest.mark.parametrize("n", [39, 41])
def test_of_a_stream_each_row_has_its_own(n: int):
    X, V = problems.signal()
    for given in (
        {"Z": np.zeros((n, 10)), "alpha": 0.1},
        {"Z": np.zeros((40, 10)), "alpha": np.full(n, 0.1)},
    ):
        with pytest.raises(ValueError, match=rf"is for {n} rows, and X has 40"):
            gpudict.certify(gpudict.stream(X, batch_size=20), V, given.pop("Z"), **given)


def test_a_batch_at_a_time(monkeypatch: pytest.MonkeyPatch):
    X, V = problems.signal()
    Z = gpudict.encode(X, V, alpha=0.3).Z
    want = gpudict.certify(X, V, Z, alpha=0.3)
    monkeypatch.setattr("gpudict.coding.certify.workspace", lambda like: 8 * 800)
    for a, b in zip(gpudict.certify(X, V, Z, alpha=0.3), want, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-14)


def test_near_copies_of_atoms_are_judged_at_their_faces():
    """Where the usual gap is rounding."""
    X, V = problems.near_copies(1e-3)
    made = gpudict.encode(X, V, alpha=1e-7)
    assert gpudict.certify(X, V, made.Z, alpha=1e-7).converged.all()


def test_alpha_nought_is_least_squares():
    X, V = problems.signal(n=10, d=12, k=10)
    made = gpudict.encode(X, V, alpha=0.0)
    assert gpudict.certify(X, V, made.Z, alpha=0.0).converged.all()
    assert not gpudict.certify(X, V, made.Z + 1e-3, alpha=0.0).converged.any()
