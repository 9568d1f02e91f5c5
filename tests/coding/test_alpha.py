"""Which alpha: from where on codes are zero, a path of them, and one for a target."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import gpudict
from tests.support import oracles, problems
from tests.support.backends import BackendCase, host

X, V = problems.signal(n=24, d=8, k=12)


@pytest.mark.parametrize("positive", [False, True])
def test_alpha_max_is_where_codes_end(backend: BackendCase, dtype: str, positive: bool):
    x, v = (backend.asarray(a.astype(dtype)) for a in (X, V))
    top = gpudict.alpha_max(x, v, positive=positive)
    eps = float(np.finfo(dtype).eps)
    with pytest.warns(UserWarning, match="every code zero"):
        assert not host(gpudict.encode(x, v, alpha=top * (1 + 8 * eps), positive=positive).Z).any()
    below = host(gpudict.encode(x, v, alpha=0.999 * top, positive=positive).Z)
    assert np.count_nonzero(below) == 1


def test_alpha_max_of_streams_chunks_and_nothing():
    da = pytest.importorskip("dask.array")
    top = gpudict.alpha_max(X, V)
    assert top == pytest.approx(np.abs(X @ V.T).max(), rel=1e-14)
    for x in (gpudict.stream(X, batch_size=7), da.from_array(X, chunks=(10, 8))):
        assert gpudict.alpha_max(x, V) == pytest.approx(top, rel=1e-14)
    assert gpudict.alpha_max(-np.eye(3), np.eye(3), positive=True) == 0
    with pytest.raises(TypeError, match="X must be an array that"):
        gpudict.alpha_max(X.tolist(), V)


@pytest.mark.parametrize("positive", [False, True])
def test_a_path_is_the_codes_of_each_alpha(backend: BackendCase, positive: bool):
    x, v = backend.asarray(X), backend.asarray(V)
    path = gpudict.encode_path(x, v, n_alphas=4, eps=1e-2, positive=positive, tol=1e-10)
    top = gpudict.alpha_max(X, V, positive=positive)
    np.testing.assert_allclose(path.alphas, np.geomspace(top, 1e-2 * top, 4))
    codes, spread = host(path.codes), ((X - X.mean(axis=0)) ** 2).sum()
    assert host(path.converged).all()
    for i, alpha in enumerate(path.alphas[1:], 1):
        Z = gpudict.encode(X, V, alpha=alpha, positive=positive, tol=1e-10).Z
        np.testing.assert_allclose(codes[i], Z, atol=1e-4)
        assert path.nonzeros[i] == np.count_nonzero(codes[i]) / 24
        assert path.objective[i] == pytest.approx(
            oracles.lasso_objective(X, V, codes[i], alpha).sum(), rel=1e-12
        )
        left = ((X - codes[i] @ V) ** 2).sum()
        assert path.explained_variance[i] == pytest.approx(1 - left / spread, rel=1e-12)
        gap = oracles.lasso_gap(X, V, codes[i], alpha, positive)
        assert (host(path.gaps)[i] >= gap - 1e-12).all()


def test_alphas_of_a_path_are_sorted_and_may_be_nought():
    path = gpudict.encode_path(X, V, [0.0, 1.0, 0.5], sparse_output=True)
    assert path.alphas.tolist() == [1.0, 0.5, 0.0]
    for Z, alpha in zip(path.codes, path.alphas, strict=True):
        made = gpudict.encode(X, V, alpha=alpha, sparse_output=True).Z
        np.testing.assert_allclose(Z.toarray(), made.toarray(), atol=1e-6)
    assert np.isnan(gpudict.encode_path(X[:1], V, [0.1]).explained_variance).all()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"alphas": [[1.0]]}, "alphas must be"),
        ({"alphas": [-1.0]}, "alphas must be"),
        ({"eps": 1}, "eps must be between"),
        ({"n_alphas": 0}, "n_alphas must be at least 1"),
        ({"V": np.zeros((2, 8))}, "No entry of X Vᵀ"),
    ],
)
def test_refused_paths(options: dict, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        gpudict.encode_path(X, options.pop("V", V), **options)


TARGETS = ({"target_nonzeros": 2.5}, {"explained_variance": 0.7})


def reached(found, name):
    """Return what codes reach of X."""
    Z = host(found.Z)
    left = ((X - Z @ V) ** 2).sum() / ((X - X.mean(axis=0)) ** 2).sum()
    return {"target_nonzeros": np.count_nonzero(Z) / len(Z), "explained_variance": 1 - left}[name]


@pytest.mark.parametrize("target", TARGETS, ids=[next(iter(t)) for t in TARGETS])
@pytest.mark.parametrize("positive", [False, True])
def test_a_target_is_reached(backend: BackendCase, target: dict, positive: bool):
    ((name, goal),) = target.items()
    goal = goal / 2 if positive else goal
    x, v = backend.asarray(X), backend.asarray(V)
    found = gpudict.encode(x, v, positive=positive, **{name: goal})
    assert reached(found, name) == pytest.approx(goal, abs=0.05 if "non" in name else 0.01)
    again = gpudict.encode(x, v, positive=positive, alpha=found.alpha)
    np.testing.assert_array_equal(host(again.Z), host(found.Z))


def test_a_target_is_found_on_some_rows_of_anything(monkeypatch: pytest.MonkeyPatch):
    """Of streams and chunks too, the same ones each time."""
    da = pytest.importorskip("dask.array")
    monkeypatch.setattr("gpudict.coding.alpha.sample.most_rows", lambda k: 300)
    x, v = problems.signal(n=900, d=8, k=12)
    for given in (x, gpudict.stream(x, batch_size=100), da.from_array(x, chunks=(200, 8))):
        found = gpudict.encode(given, v, target_nonzeros=2.5)
        assert found.alpha == gpudict.encode(given, v, target_nonzeros=2.5).alpha
        count = np.count_nonzero(np.asarray(found.Z)) / 900
        assert count == pytest.approx(2.5, rel=0.1)
        path = gpudict.encode_path(given, v, [found.alpha])
        assert path.codes.shape[1] == (900 if given is x else 300)
        assert path.nonzeros[0] == pytest.approx(2.5, rel=0.02 if given is not x else 0.1)
        np.testing.assert_array_equal(path.codes, gpudict.encode_path(given, v, path.alphas).codes)
    for call in (gpudict.encode_path, partial(gpudict.encode, target_nonzeros=2.5)):
        with pytest.raises(TypeError, match="stream of an iterable"):
            call(gpudict.stream(iter([x])), v)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"target_nonzeros": 2, "alpha": 0.1}, "Both target_nonzeros and alpha came"),
        ({"target_nonzeros": 2, "explained_variance": 0.5}, "Both target_nonzeros and explained"),
        ({"explained_variance": 0.5, "target_error": 1.0}, "and target_error came"),
        ({"explained_variance": 0.5, "n_nonzero_coefs": 1}, "and n_nonzero_coefs came"),
        ({"target_nonzeros": 2, "penalty": gpudict.L1(0.1)}, "and penalty came"),
        ({"target_nonzeros": 2, "missing": "nan"}, "rows that are whole"),
        ({"target_nonzeros": 2, "entry_weight": np.ones_like(X)}, "rows that are whole"),
        ({"target_nonzeros": 8}, "above 0 and below 8.*12 atoms of 8 features"),
        ({"target_nonzeros": 0}, "above 0 and below 8"),
        ({"explained_variance": 1.0}, "above 0 and below 1"),
        ({"explained_variance": 0.999, "positive": True}, "out of reach.*atoms reach 0"),
        ({"explained_variance": 0.5, "X": X[:1]}, "all rows of X are alike"),
        ({"target_nonzeros": 1, "X": 0 * X}, "no entry of X Vᵀ"),
    ],
)
def test_refused_targets(options: dict, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        gpudict.encode(options.pop("X", X), V, **options)
